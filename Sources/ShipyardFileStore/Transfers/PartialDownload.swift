import CLinux
import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// A file on its way to this machine: written beside its place, renamed when it is whole.
///
/// A large one has a name that tells what it is a copy of, and a second file that says which parts have arrived, so that the same transfer goes on with
/// it later. What arrived before the machine was started anew is not trusted: it may never have reached the disk.
final class PartialDownload: @unchecked Sendable {
    static let prefix = ".shipyard-part-"
    /// Of those that a later run may go on with.
    static let keptPrefix = prefix + "of-"

    let number: Int32
    private let parent: Int32
    private let temporary: BytePath
    private let notes: BytePath
    private let notesFile: Int32
    /// Numbers of parts that an earlier run has brought.
    let arrived: Set<Int>
    private var isFinished = false

    /// - Parameter key: what of which content it is; nil for a file in one piece.
    init(
        _ name: BytePath, in root: LocalRoot, key: String?
    ) throws(FileStoreError) {
        let opened = try root.makeParent(of: name)
        PartialFiles.sweep(opened.number, Self.prefix)
        let ending = try key.map { key throws(FileStoreError) in
            String(hexadecimalText(try Digest.of(Array(key.utf8), .sha256)).prefix(24))
        }
        temporary = BytePath(ending.map { Self.keptPrefix + $0 } ?? Self.prefix + randomSuffix())
        notes = BytePath(Self.keptPrefix + (ending ?? "") + ".parts")
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (key == nil ? O_EXCL : 0)
        let file = temporary.withCString { openat(opened.number, $0, flags, 0o644) }
        guard file >= 0 else {
            throw FileStoreError(
                .localFile, "\(root.path)/\(name) cannot be written: \(String(cString: strerror(errno)))")
        }
        // Two that fetch the same must not write into each other's.
        guard flock(file, LOCK_EX | LOCK_NB) == 0 || key == nil else {
            close(file)
            throw FileStoreError(.localFile, "\(root.path)/\(name) is being fetched by another process")
        }
        // In a directory of many, its name can be told before, and whoever made it could write to it for ever.
        guard key == nil || Self.isOurs(file) else {
            close(file)
            throw FileStoreError(
                .localFile,
                "\(root.path)/\(temporary) is somebody else's, and \(name) cannot be fetched beside it",
                help: "remove it")
        }
        number = file
        if key != nil {
            notesFile = notes.withCString {
                openat(opened.number, $0, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_APPEND, 0o644)
            }
            arrived = Self.isOurs(notesFile) ? Self.read(notesFile) : []
        } else {
            notesFile = -1
            arrived = []
        }
        parent = opened.release()
    }

    deinit {
        // What has parts stays for the next run.
        if !isFinished, notesFile < 0 { _ = temporary.withCString { unlinkat(parent, $0, 0) } }
        close(number)
        if notesFile >= 0 { close(notesFile) }
        close(parent)
    }

    private static func isOurs(_ file: Int32) -> Bool {
        var status = stat()
        return file >= 0 && fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && status.st_uid == geteuid() && status.st_nlink == 1 && status.st_mode & 0o022 == 0
    }

    private static let boot: String = {
        guard let file = FileDescriptor(opening: "/proc/sys/kernel/random/boot_id", O_RDONLY) else {
            return "unknown"
        }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = bytes.withUnsafeMutableBytes { file.read(into: $0) } ?? 0
        return String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }()

    /// The first line names the start of the machine, each other one a part.
    private static func read(_ file: Int32) -> Set<Int> {
        guard file >= 0 else { return [] }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = pread(file, &buffer, buffer.count, off_t(text.count)), count > 0 {
            text += buffer[..<count]
        }
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard let first = lines.first, lines.count > 1, first.elementsEqual(boot.utf8) else {
            _ = ftruncate(file, 0)
            _ = Array((boot + "\n").utf8).withUnsafeBytes { writeAll($0, to: file) }
            return []
        }
        // The last one may have been cut off.
        return Set(lines.dropFirst().dropLast().compactMap { Int(String(decoding: $0, as: UTF8.self)) })
    }

    /// A full disk is known before anything is fetched, and the file lies in one piece.
    ///
    /// What an earlier run has left may be longer than the file: that is nothing of it, and no hash would see it.
    func reserve(_ size: Int64) throws(FileStoreError) {
        var status = stat()
        guard fstat(number, &status) == 0, status.st_size <= size || ftruncate(number, off_t(size)) == 0 else {
            throw FileStoreError(.localFile, "\(temporary) cannot be cut: \(String(cString: strerror(errno)))")
        }
        guard size > PartialFiles.reservedBytes, shipyard_reserve(number, size) != 0, errno == ENOSPC else {
            return
        }
        if arrived.isEmpty { forget() }
        throw FileStoreError(
            .localFile, "there is no room for a file of \(size) bytes: \(String(cString: strerror(ENOSPC)))")
    }

    func note(_ part: Int) {
        guard notesFile >= 0 else { return }
        _ = Array("\(part)\n".utf8).withUnsafeBytes { writeAll($0, to: notesFile) }
    }

    /// What has arrived is of no use: the next run begins anew.
    func forget() {
        _ = temporary.withCString { unlinkat(parent, $0, 0) }
        if notesFile >= 0 { _ = notes.withCString { unlinkat(parent, $0, 0) } }
    }

    /// Puts it in its place, with the time that it has in the store.
    func finish(as name: BytePath, modified: Instant, isNew: Bool) throws(FileStoreError) {
        let seconds = modified.milliseconds / 1000
        let nanoseconds = modified.milliseconds % 1000 * 1_000_000
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
        _ = withUnsafeTemporaryAllocation(of: timespec.self, capacity: 2) { times in
            times.initialize(repeating: time)
            return futimens(number, times.baseAddress)
        }
        let last = name.components.last ?? name
        let result = temporary.withCString { from in
            last.withCString { to in
                isNew ? shipyard_rename_new(parent, from, parent, to) : renameat(parent, from, parent, to)
            }
        }
        guard result == 0 else {
            let number = errno
            let isThere = number == EEXIST && isNew
            throw FileStoreError(
                isThere ? .blobAlreadyExists : .localFile,
                isThere
                    ? "\(name) is there already"
                    : "\(name) cannot be put in its place: \(String(cString: strerror(number)))")
        }
        isFinished = true
        if notesFile >= 0 { _ = notes.withCString { unlinkat(parent, $0, 0) } }
    }
}

/// Where files without a name are.
let temporaryDirectory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"

/// An open file without a name, on disk; it goes when it is closed.
func temporaryFile() throws(FileStoreError) -> FileDescriptor {
    let path = "\(temporaryDirectory)/shipyard-\(randomSuffix())"
    do throws(SystemError) {
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        unlink(path)
        return file
    } catch {
        throw FileStoreError(.localFile, error.description)
    }
}
