import Glibc
import ShipyardModel

/// The files below a directory of the home, seen without ever leaving it: a task may have made links to
/// anywhere, also in place of its own directory.
struct FileTree {
    /// A listing stops here, and says so; a task with more files is better looked at on its node.
    var listingLimit = 100_000
    /// Each directory is opened anew from the root, so that no depth takes more descriptors: a task that makes
    /// directories in each other without end must not keep a thread of the service busy for minutes.
    var depthLimit = 2000

    /// Why there is no open file.
    enum Failure: Error {
        case missing
        /// It is there, and cannot be read or is no file.
        case refused(String)

        init(errno number: Int32) {
            switch number {
            case ENOENT, ENOTDIR, ELOOP: self = .missing
            default: self = .refused(String(cString: strerror(number)))
            }
        }
    }

    private let home: String
    private let root: [BytePath]

    /// - Parameter path: below `home`; each name of it is a directory and no link.
    init(home: String, path: String) {
        self.home = home
        root = BytePath(path).components
    }

    /// A file that is open, and how long it was when it was opened.
    final class Opened {
        private let descriptor: Int32
        let size: Int64

        fileprivate init(_ descriptor: Int32, _ size: Int64) {
            self.descriptor = descriptor
            self.size = size
        }

        deinit { close(descriptor) }

        /// The bytes of `range`, piece by piece. A file that grows meanwhile has an end all the same, and one that
        /// is cut short is an error.
        func pieces(of range: Range<Int64>) -> HTTPReply.Pieces {
            var offset = range.lowerBound
            return { [self] () throws(HTTPReply.BrokenStream) in
                guard offset < range.upperBound else { return nil }
                var piece = [UInt8](repeating: 0, count: Int(min(range.upperBound - offset, 64 << 10)))
                let count = pread(descriptor, &piece, piece.count, off_t(offset))
                if count < 0, errno == EINTR { return [] }
                guard count > 0 else { throw HTTPReply.BrokenStream() }
                offset += Int64(count)
                return Array(piece.prefix(count))
            }
        }
    }

    /// Each part is opened below the one before, links refused.
    func open(_ path: BytePath) throws(Failure) -> Opened {
        let parts = path.components
        guard let name = parts.last, parts.allSatisfy(Self.isName) else { throw .missing }
        let directory = try descend(parts.dropLast())
        defer { close(directory) }
        var information = stat()
        guard fstatat(directory, name.cString, &information, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw Failure(errno: errno)
        }
        // Asked before it is opened: opening alone does something to a device.
        try Self.checkFile(information)
        let file = openat(directory, name.cString, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw Failure(errno: errno) }
        do throws(Failure) {
            guard fstat(file, &information) == 0 else { throw Failure(errno: errno) }
            try Self.checkFile(information)
        } catch {
            close(file)
            throw error
        }
        return Opened(file, Int64(information.st_size))
    }

    /// Everything below the root, directories before what they hold, in the order of names.
    func list() -> FilesResponse {
        var listing = FilesResponse()
        // The last one is taken first.
        var pending = children(of: BytePath(""), &listing)
        while let (path, entry) = pending.popLast() {
            guard listing.value.count < listingLimit else {
                listing.leaveOut("more than \(listingLimit) files: the rest is not listed")
                break
            }
            listing.value.append(entry)
            guard entry.isDirectory else { continue }
            if path.components.count < depthLimit {
                pending += children(of: path, &listing)
            } else {
                listing.leaveOut("\(path): deeper than \(depthLimit) directories nothing is listed")
            }
        }
        return listing
    }

    // MARK: Parts

    /// What a directory holds, the last name first.
    private func children(
        of path: BytePath, _ listing: inout FilesResponse
    ) -> [(path: BytePath, entry: FileResponse)] {
        do throws(Failure) {
            let directory = try descend(path.components[...])
            // It takes the descriptor over.
            guard let stream = fdopendir(directory) else {
                let number = errno
                close(directory)
                throw Failure(errno: number)
            }
            defer { closedir(stream) }
            var found: [(path: BytePath, entry: FileResponse)] = []
            // One more than can be listed: enough to see that not all can.
            for name in Self.names(in: stream, atMost: listingLimit + 1).sorted(by: >) {
                do throws(Failure) {
                    found.append((path / name, try Self.entry(path / name, name, in: directory)))
                } catch {
                    listing.note(path / name, error)
                }
            }
            return found
        } catch {
            // A task that has not begun yet has no directory.
            if !path.isEmpty { listing.note(path, error) }
            return []
        }
    }

    private static func names(in stream: OpaquePointer, atMost limit: Int) -> [BytePath] {
        var names: [BytePath] = []
        while names.count < limit, let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                BytePath(bytes: bytes.prefix { $0 != 0 })
            }
            if isName(name) { names.append(name) }
        }
        return names
    }

    private static func entry(
        _ path: BytePath, _ name: BytePath, in directory: Int32
    ) throws(Failure) -> FileResponse {
        var information = stat()
        guard fstatat(directory, name.cString, &information, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw Failure(errno: errno)
        }
        let type = FileResponse.FileType(mode: information.st_mode)
        let target = type == .link ? try linkTarget(name, in: directory) : nil
        return FileResponse(path, information, type, linkTarget: target)
    }

    private static func isName(_ part: BytePath) -> Bool {
        part != BytePath("..") && part != BytePath(".") && !part.bytes.contains(0)
    }

    /// The open directory of these names below the root.
    private func descend(_ names: ArraySlice<BytePath>) throws(Failure) -> Int32 {
        var directory = Glibc.open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for name in root + names {
            guard directory >= 0 else { throw Failure(errno: errno) }
            let next = openat(directory, name.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let number = errno
            close(directory)
            errno = number
            directory = next
        }
        guard directory >= 0 else { throw Failure(errno: errno) }
        return directory
    }

    private static func checkFile(_ information: stat) throws(Failure) {
        switch FileResponse.FileType(mode: information.st_mode) {
        case .file: return
        case .directory, .link: throw .missing
        case .special: throw .refused("it is a pipe, a socket or a device")
        }
    }

    private static func linkTarget(_ name: BytePath, in directory: Int32) throws(Failure) -> BytePath {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlinkat(directory, name.cString, &buffer, buffer.count)
        guard count >= 0 else { throw Failure(errno: errno) }
        return BytePath(bytes: buffer.prefix(count).map { UInt8(bitPattern: $0) })
    }
}

extension FileResponse.FileType {
    fileprivate init(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .directory
        case S_IFLNK: self = .link
        default: self = .special
        }
    }
}

extension FileResponse {
    fileprivate init(_ path: BytePath, _ information: stat, _ type: FileType, linkTarget: BytePath?) {
        let modified =
            // A file may say that it was changed at any time at all.
            saturatingSum(
                saturatingProduct(Int64(information.st_mtim.tv_sec), 1000),
                Int64(information.st_mtim.tv_nsec) / 1_000_000)
        self.init(
            name: path.shown, isDirectory: type == .directory,
            contentLength: type == .directory ? 0 : Int64(information.st_size),
            lastModified: Instant(milliseconds: modified).iso8601, fileType: type,
            linkTarget: linkTarget?.shown)
    }
}

extension FilesResponse {
    /// So many are told; a tree that nobody may read is told in a few lines too.
    private static let notesLimit = 100

    fileprivate mutating func leaveOut(_ reason: String) {
        let known = leftOut ?? []
        if known.count < Self.notesLimit { leftOut = known + [reason] }
    }

    /// What is gone since its name was read was removed by its task, and is left out of nothing.
    fileprivate mutating func note(_ path: BytePath, _ failure: FileTree.Failure) {
        guard case .refused(let reason) = failure else { return }
        leaveOut("\(path): \(reason)")
    }
}
