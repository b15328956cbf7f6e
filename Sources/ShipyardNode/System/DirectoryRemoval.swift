import Glibc
import ShipyardModel

/// Deletes a directory tree in slices, so that a loop with tasks to start is never held for long.
///
/// Everything happens relative to open directories and without following links: a task may have left a
/// link to the user's home, or may swap a directory for one while this runs. Another file system mounted
/// below is an error and is left alone.
package final class DirectoryRemoval {
    private struct Level {
        let stream: OpaquePointer
        let name: String
        /// Something was moved or removed while reading: read again before the directory is said to be full.
        var changed = false
    }

    private let parent: FileDescriptor
    private let name: String
    private let device: dev_t
    private var levels: [Level] = []
    private var serial = 0
    /// The first thing that went wrong. What can be deleted is deleted nevertheless.
    package private(set) var failure: SystemError?
    package private(set) var isFinished = false

    /// `path` is relative to `root`, which must be below: no `..`, no link on the way.
    package init(_ path: String, below root: String) throws(SystemError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard let last = parts.last, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            throw SystemError("remove", path: path, errno: EINVAL)
        }
        var folder = try FileDescriptor.open(root, O_RDONLY | O_DIRECTORY)
        var status = stat()
        guard fstat(folder.number, &status) == 0 else { throw SystemError("fstat", path: root, errno: errno) }
        device = status.st_dev
        name = String(last)
        for part in parts.dropLast() {
            do throws(SystemError) {
                folder = try FileDescriptor.openDirectory(String(part), in: folder.number)
            } catch {
                guard error.errno == ENOENT else {
                    throw SystemError("remove", path: path, errno: error.errno)
                }
                isFinished = true
                break
            }
        }
        parent = folder
        if !isFinished { start() }
    }

    deinit { for level in levels { closedir(level.stream) } }

    private func start() {
        if unlinkat(parent.number, name, 0) == 0 || errno == ENOENT {
            isFinished = true
        } else if !enter(name, in: parent.number) {
            isFinished = true
        }
    }

    /// Works through about `limit` entries. True when nothing is left to do.
    @discardableResult package func step(limit: Int = 256) -> Bool {
        for _ in 0..<limit where !isFinished { removeNext() }
        return isFinished
    }

    private func removeNext() {
        guard let level = levels.last else {
            isFinished = true
            return
        }
        guard let entry = readdir(level.stream) else { return leave() }
        let entryName = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if entryName == "." || entryName == ".." { return }
        let folder = dirfd(level.stream)
        if unlinkat(folder, entryName, 0) == 0 { return }
        switch errno {
        case ENOENT: return
        case EISDIR, EPERM: descend(into: entryName, in: folder)
        case EACCES where makeWritable(folder) && unlinkat(folder, entryName, 0) == 0: return
        case EACCES: descend(into: entryName, in: folder)
        default: note("unlink", entryName)
        }
    }

    private func descend(into entryName: String, in folder: Int32) {
        // Each level keeps a descriptor open. A deeper one is moved up beside the first and read later.
        if levels.count >= 48, let top = levels.first {
            serial += 1
            if renameat(folder, entryName, dirfd(top.stream), ".deep-\(getpid())-\(serial)") == 0 {
                levels[0].changed = true
                return
            }
        }
        _ = enter(entryName, in: folder)
    }

    private func enter(_ entryName: String, in folder: Int32) -> Bool {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var number = openat(folder, entryName, flags)
        if number < 0, errno == EACCES, isDirectory(entryName, in: folder) {
            // A task took away its own right to read it.
            fchmodat(folder, entryName, 0o700, 0)
            number = openat(folder, entryName, flags)
        }
        guard number >= 0 else {
            note("open", entryName)
            return false
        }
        var status = stat()
        fstat(number, &status)
        guard status.st_dev == device, let stream = fdopendir(number) else {
            failure = failure ?? SystemError("remove mount point", path: entryName, errno: EBUSY)
            close(number)
            return false
        }
        levels.append(Level(stream: stream, name: entryName))
        return true
    }

    private func leave() {
        let level = levels.removeLast()
        let folder = levels.last.map { dirfd($0.stream) } ?? parent.number
        if level.changed, unlinkat(folder, level.name, AT_REMOVEDIR) != 0 {
            rewinddir(level.stream)
            levels.append(Level(stream: level.stream, name: level.name))
            return
        }
        closedir(level.stream)
        if !level.changed, unlinkat(folder, level.name, AT_REMOVEDIR) != 0, errno != ENOENT {
            let hadRights = errno != EACCES || !makeWritable(folder)
            if hadRights || unlinkat(folder, level.name, AT_REMOVEDIR) != 0 { note("rmdir", level.name) }
        }
        if levels.isEmpty { isFinished = true }
    }

    private func makeWritable(_ folder: Int32) -> Bool { fchmod(folder, 0o700) == 0 }

    private func isDirectory(_ entryName: String, in folder: Int32) -> Bool {
        var status = stat()
        return fstatat(folder, entryName, &status, AT_SYMLINK_NOFOLLOW) == 0
            && status.st_mode & S_IFMT == S_IFDIR
    }

    private func note(_ operation: String, _ entryName: String) {
        failure = failure ?? SystemError(operation, path: entryName, errno: errno)
    }
}
