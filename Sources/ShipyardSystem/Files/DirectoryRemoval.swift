import CLinux
import Glibc
import ShipyardModel
import Synchronization

/// Deletes a directory tree in slices, so that a loop with tasks to start is never held for long.
///
/// Everything happens relative to open directories and without following links or entering mounts: a task may
/// have left a link to the user's home, may have bound a directory of it below, or may swap a directory for a
/// link while this runs. What cannot be deleted is left alone, and the first of it is named.
///
/// A wide directory may be shared with a second thread: two processors delete the tasks of a large job in a little more
/// than half the time.
package final class DirectoryRemoval {
    private struct Level {
        let stream: OpaquePointer
        let name: BytePath
        /// Something was moved or removed while reading: read again before the directory is said to be full.
        var changed = false
        /// What was read and comes next, the last first.
        var entries: [Entry] = []

        init(stream: OpaquePointer, name: BytePath) {
            self.stream = stream
            self.name = name
        }

        /// The next portion, in the order in which it is taken from its end.
        mutating func read() {
            while entries.count < DirectoryRemoval.entriesAtOnce, let found = readdir(stream) {
                let name = BytePath(found)
                guard !name.isSpecial else { continue }
                entries.append(
                    Entry(
                        name: name, inode: found.pointee.d_ino,
                        isDirectory: found.pointee.d_type == UInt8(DT_DIR)))
            }
            if entries.count > DirectoryRemoval.entriesUnsorted { entries.sort { $0.inode > $1.inode } }
        }
    }

    private struct Entry {
        let name: BytePath
        let inode: UInt
        /// False also where the file system does not say.
        let isDirectory: Bool
    }

    // Directories are read in the order of their hashes, and inodes lie on the disk by their numbers: a large one
    // goes faster in the order of the latter. In portions, so that a million names are never in memory.
    private static let entriesAtOnce = 8192
    private static let entriesUnsorted = 500
    // Fewer are deleted before another thread has begun.
    private static let entriesShared = 1000

    private let parent: FileDescriptor
    private let opener: BeneathOpener
    private let place: BytePath
    private let keepsTop: Bool
    private var levels: [Level] = []
    private var serial = 0
    /// The first thing that went wrong, with its whole path. What can be deleted is deleted nevertheless.
    package private(set) var failure: SystemError?
    package private(set) var isFinished = false
    /// By this thread.
    private var removed = 0
    private let mayShare: Bool
    /// At work on a part of what was read of the level of this number.
    private var helper: (level: Int, work: Helper)?
    /// What a helper has got: in `parent`, the last first.
    private var given: [Entry] = []

    /// Deletes `name` in the open directory `parent`, whose path is `place`. With `keepsTop` the directory itself
    /// stays, and so does a `name` that is no directory.
    package init(
        _ name: BytePath, in parent: consuming FileDescriptor, at place: BytePath, keepsTop: Bool = false,
        usesOpenAt2: Bool = true, mayShare: Bool = false
    ) {
        opener = BeneathOpener(top: parent.number, usesOpenAt2: usesOpenAt2)
        self.parent = parent
        self.place = place
        self.keepsTop = keepsTop
        self.mayShare = mayShare
        let folder = self.parent.number
        if keepsTop {
            if isDirectory(name, in: folder) { enter(name, in: folder) }
        } else if name.withCString({ unlinkat(folder, $0, 0) }) != 0, errno != ENOENT {
            let number = errno
            if isDirectory(name, in: folder) { enter(name, in: folder) } else { note("remove", name, number) }
        }
        isFinished = levels.isEmpty
    }

    private init(
        _ entries: [Entry], in parent: consuming FileDescriptor, at place: BytePath, _ opener: BeneathOpener
    ) {
        self.parent = parent
        self.place = place
        self.opener = opener
        keepsTop = false
        mayShare = false
        given = entries
    }

    deinit {
        joinHelper()
        for level in levels { closedir(level.stream) }
    }

    /// Files and directories that are gone.
    package var removedEntries: Int {
        removed + (helper?.work.removed.load(ordering: .relaxed) ?? 0)
    }

    /// Works through about `limit` entries. True when nothing is left to do.
    @discardableResult package func step(limit: Int = 256) -> Bool {
        for _ in 0..<limit where !isFinished { removeNext() }
        return isFinished
    }

    private func removeNext() {
        guard !levels.isEmpty else {
            guard let entry = given.popLast() else {
                isFinished = true
                return
            }
            return remove(entry, in: parent.number)
        }
        let top = levels.count - 1
        if levels[top].entries.isEmpty {
            joinHelper(of: top)
            levels[top].read()
            share(top)
        }
        guard let entry = levels[top].entries.popLast() else { return leave() }
        remove(entry, in: dirfd(levels[top].stream))
    }

    private func remove(_ entry: Entry, in folder: Int32) {
        let name = entry.name
        // The type saves a call for each; it is that of the moment of reading, so another call looks again.
        if entry.isDirectory {
            if unlink(name, in: folder, AT_REMOVEDIR) == 0 { return }
            if errno == ENOENT { return }
            if errno != ENOTDIR { return descend(into: name, in: folder) }
        }
        if unlink(name, in: folder) == 0 { return }
        switch errno {
        case ENOENT: return
        case EISDIR: descend(into: name, in: folder)
        case EACCES where fchmod(folder, 0o700) == 0 && unlink(name, in: folder) == 0: return
        case EPERM, EACCES:
            guard isDirectory(name, in: folder) else { return note("remove", name, EPERM) }
            descend(into: name, in: folder)
        case let number: note("remove", name, number)
        }
    }

    private func unlink(_ name: BytePath, in folder: Int32, _ flags: Int32 = 0) -> Int32 {
        let result = name.withCString { unlinkat(folder, $0, flags) }
        if result == 0 { removed += 1 }
        return result
    }

    private func descend(into name: BytePath, in folder: Int32) {
        // Each level keeps a descriptor open. A deeper one is moved up beside the first and read later.
        if levels.count >= 48, let top = levels.first {
            serial += 1
            let other = ".deep-\(getpid())-\(serial)"
            if name.withCString({ shipyard_rename_new(folder, $0, dirfd(top.stream), other) }) == 0 {
                levels[0].changed = true
                return
            }
        }
        enter(name, in: folder)
    }

    private func enter(_ name: BytePath, in folder: Int32) {
        var (number, error) = opener.open(name, in: folder)
        if number < 0, error == EACCES, opener.makeAccessible(name, in: folder) {
            // A task took away its own right to read it.
            (number, error) = opener.open(name, in: folder)
        }
        if number >= 0 {
            if let stream = fdopendir(number) {
                levels.append(Level(stream: stream, name: name))
                return
            }
            error = errno
            close(number)
        }
        // Swapped for something else since it was read.
        if error == ENOTDIR || error == ELOOP, unlink(name, in: folder) == 0 { return }
        if error == EXDEV { note("remove mount point", name, EBUSY) } else { note("open", name, error) }
    }

    private func leave() {
        let level = levels.removeLast()
        if keepsTop, levels.isEmpty, !level.changed { return finish(level) }
        let folder = levels.last.map { dirfd($0.stream) } ?? parent.number
        if level.changed, keepsTop && levels.isEmpty || unlink(level.name, in: folder, AT_REMOVEDIR) != 0 {
            rewinddir(level.stream)
            levels.append(Level(stream: level.stream, name: level.name))
            return
        }
        if !level.changed, unlink(level.name, in: folder, AT_REMOVEDIR) != 0, errno != ENOENT {
            let number = errno
            let mayTry = number == EACCES && fchmod(folder, 0o700) == 0
            if !mayTry || unlink(level.name, in: folder, AT_REMOVEDIR) != 0 {
                note("remove", level.name, number)
            }
        }
        finish(level)
    }

    private func finish(_ level: Level) {
        closedir(level.stream)
        if levels.isEmpty, given.isEmpty { isFinished = true }
    }

    private func isDirectory(_ name: BytePath, in folder: Int32) -> Bool {
        var status = stat()
        return name.withCString { fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0
            && status.st_mode & S_IFMT == S_IFDIR
    }

    // What the kernel takes for a path; a message need not be longer than that.
    private static let maximumPathBytes = 4096

    private func note(_ operation: String, _ name: BytePath, _ number: Int32) {
        guard failure == nil else { return }
        failure = SystemError(operation, path: (path(of: levels) / name).description, errno: number)
    }

    private func path(of levels: some Sequence<Level>) -> BytePath {
        var path = place
        for level in levels where path.bytes.count < Self.maximumPathBytes { path = path / level.name }
        return path
    }

    // MARK: two threads

    /// A second thread, which works through entries of a directory to their end.
    private final class Helper: Sendable {
        let removed = Atomic(0)
        private let failure = Mutex<SystemError?>(nil)
        private let isDone = Semaphore()

        init(
            _ entries: [Entry], in parent: consuming FileDescriptor, at place: BytePath,
            _ opener: BeneathOpener
        ) throws(SystemError) {
            let number = parent.release()
            do throws(SystemError) {
                try startThread { [self] in
                    let removal = DirectoryRemoval(
                        entries, in: FileDescriptor(owning: number), at: place, opener)
                    while !removal.step() { removed.store(removal.removed, ordering: .relaxed) }
                    removed.store(removal.removed, ordering: .relaxed)
                    failure.withLock { $0 = removal.failure }
                    isDone.signal()
                }
            } catch {
                close(number)
                throw error
            }
        }

        func join() -> SystemError? {
            isDone.wait()
            return failure.withLock { $0 }
        }
    }

    /// Gives the second half of what was read to a helper, if that is worth it and there is none at work.
    private func share(_ index: Int) {
        let entries = levels[index].entries
        guard mayShare, helper == nil, entries.count >= Self.entriesShared else { return }
        let folder = FileDescriptor(owning: fcntl(dirfd(levels[index].stream), F_DUPFD_CLOEXEC, 0))
        guard folder.number >= 0 else { return }
        let half = entries.count / 2
        // Without a thread, or without memory for one, it all stays here.
        if let work = try? Helper(
            Array(entries[..<half]), in: folder, at: path(of: levels), opener)
        {
            levels[index].entries.removeFirst(half)
            helper = (index, work)
        }
    }

    /// Before more is read of the level that it works on: what it has still to delete would be read again.
    private func joinHelper(of index: Int? = nil) {
        guard let (level, work) = helper, index == nil || level == index else { return }
        let other = work.join()
        removed += work.removed.load(ordering: .relaxed)
        failure = failure ?? other
        helper = nil
    }
}
