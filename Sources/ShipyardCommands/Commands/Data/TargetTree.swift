import Glibc
import ShipyardModel
import ShipyardSystem

/// A directory into which files are copied, never through a link: a task's links come with its files, and a file
/// that is copied after one must not land where it points. The directory is the one that the user has named, or the
/// current one; what a copy makes below it, `JOB/TASK` too, is a part of each relative name.
final class TargetTree {
    /// Why something could not be put there.
    struct Failure: Error {
        var reason: String
        /// Nothing else will fit or be allowed either, such as on a full disk.
        var isFinal: Bool

        init(_ path: String, errno number: Int32) {
            reason =
                number == ELOOP || number == ENOTDIR
                ? "cannot write \(path): a link or a file is in the way"
                : "\(SystemError("write", path: path, errno: number))"
            isFinal = [ENOSPC, EDQUOT, EROFS, EIO, ENODEV, EMFILE, ENFILE].contains(number)
        }

        init(_ reason: String) {
            self.reason = reason
            isFinal = false
        }
    }

    private let path: String
    /// Opened at the first use: what copies nothing makes nothing.
    private var descriptor: Int32 = -1

    /// - Parameter path: made where it is missing; links in it are the user's own and followed.
    init(_ path: String) { self.path = path }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// A file on its way in: it has its name only when it is whole.
    final class File {
        private let parent: Int32
        private let descriptor: Int32
        private let temporary: BytePath
        private let name: BytePath
        /// For messages.
        private let path: String
        private var failure: Failure?
        private var isPublished = false

        /// Takes over both descriptors: of the directory, and of the file that has the temporary name in it.
        fileprivate init(
            _ name: BytePath, _ temporary: BytePath, parent: Int32, descriptor: Int32, path: String
        ) {
            self.name = name
            self.temporary = temporary
            self.parent = parent
            self.descriptor = descriptor
            self.path = path
        }

        deinit {
            if !isPublished { unlinkat(parent, temporary.cString, 0) }
            close(descriptor)
            close(parent)
        }

        /// Whether everything so far was written; `publish` says what was wrong.
        func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
            var rest = bytes[...]
            while failure == nil, !rest.isEmpty {
                let written = Glibc.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written >= 0 {
                    rest = rest.dropFirst(written)
                } else if errno != EINTR {
                    failure = Failure(path, errno: errno)
                }
            }
            return failure == nil
        }

        func check() throws(Failure) {
            if let failure { throw failure }
        }

        func publish() throws(Failure) {
            try check()
            guard renameat(parent, temporary.cString, parent, name.cString) == 0 else {
                throw Failure(path, errno: errno)
            }
            isPublished = true
        }
    }

    func file(_ relative: BytePath) throws(Failure) -> File {
        let (parent, name) = try place(relative)
        let temporary = temporaryName()
        let descriptor = openat(
            parent, temporary.cString, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            let number = errno
            close(parent)
            throw Failure(shown(relative), errno: number)
        }
        return File(name, temporary, parent: parent, descriptor: descriptor, path: shown(relative))
    }

    func makeDirectory(_ relative: BytePath) throws(Failure) {
        close(try directory(try Self.names(relative)[...], of: relative))
    }

    /// Replaces what has the name, unless that is a directory.
    func makeLink(_ relative: BytePath, to target: BytePath) throws(Failure) {
        let (parent, name) = try place(relative)
        defer { close(parent) }
        let temporary = temporaryName()
        guard symlinkat(target.cString, parent, temporary.cString) == 0 else {
            throw Failure(shown(relative), errno: errno)
        }
        guard renameat(parent, temporary.cString, parent, name.cString) == 0 else {
            let number = errno
            unlinkat(parent, temporary.cString, 0)
            throw Failure(shown(relative), errno: number)
        }
    }

    // MARK: Parts

    /// For messages.
    func shown(_ relative: BytePath) -> String { path == "." ? "\(relative)" : "\(path)/\(relative)" }

    /// The open directory for the last name.
    private func place(_ relative: BytePath) throws(Failure) -> (parent: Int32, name: BytePath) {
        let names = try Self.names(relative)
        return (try directory(names.dropLast(), of: relative), names[names.count - 1])
    }

    private func directory(_ names: ArraySlice<BytePath>, of relative: BytePath) throws(Failure) -> Int32 {
        var current = fcntl(try root(), F_DUPFD_CLOEXEC, 0)
        for name in names {
            guard current >= 0 else { break }
            var next: Int32 = -1
            if mkdirat(current, name.cString, 0o755) == 0 || errno == EEXIST {
                next = openat(current, name.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
            let number = errno
            close(current)
            errno = number
            current = next
        }
        guard current >= 0 else { throw Failure(shown(relative), errno: errno) }
        return current
    }

    private func root() throws(Failure) -> Int32 {
        if descriptor >= 0 { return descriptor }
        do throws(SystemError) {
            try LocalFile.makeDirectories(path)
        } catch {
            throw Failure(path, errno: error.errno)
        }
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(path, errno: errno) }
        return descriptor
    }

    /// Names come from the service; none may lead out, whatever it says.
    private static func names(_ relative: BytePath) throws(Failure) -> [BytePath] {
        let names = relative.components
        let isBelow = names.allSatisfy {
            $0 != BytePath("..") && $0 != BytePath(".") && !$0.bytes.contains(0)
        }
        guard !names.isEmpty, isBelow, relative.bytes.first != UInt8(ascii: "/") else {
            throw Failure("`\(relative)` leads out of the directory")
        }
        return names
    }
}

/// Short, since the file's own name may have all the bytes that a name can have.
private func temporaryName() -> BytePath {
    BytePath(".shipyard-part-" + randomSuffix())
}

extension CommandFailure {
    init(_ failure: TargetTree.Failure) { self.init(.failed, failure.reason) }
}
