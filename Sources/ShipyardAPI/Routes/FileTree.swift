import Glibc
import ShipyardModel

/// The files below a directory, seen without ever leaving it: a task may have made links to anywhere.
struct FileTree {
    /// A listing stops here; a task with more files is better looked at on its node.
    static let listingLimit = 100_000

    private let root: String

    init(_ root: String) { self.root = root }

    /// A file that is open, and how long it was when it was opened.
    final class Opened {
        private let descriptor: Int32
        let size: Int64

        fileprivate init(_ descriptor: Int32, _ size: Int64) {
            self.descriptor = descriptor
            self.size = size
        }

        deinit { close(descriptor) }

        /// Pieces from `start` to the end that the file has when it is reached.
        func stream(from start: Int64) -> () -> [UInt8]? {
            var offset = start
            return { [self] in
                var piece = [UInt8](repeating: 0, count: 64 << 10)
                let count = pread(descriptor, &piece, piece.count, off_t(offset))
                guard count > 0 else { return nil }
                offset += Int64(count)
                return Array(piece.prefix(count))
            }
        }
    }

    /// Nil where there is no such regular file. Each part is opened below the one before, links refused.
    func open(_ path: String) -> Opened? {
        let parts = path.split(separator: "/").map(String.init)
        guard let name = parts.last, !parts.contains(".."), !parts.contains(".") else { return nil }
        var directory = Glibc.open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for part in parts.dropLast() {
            guard directory >= 0 else { return nil }
            let next = openat(directory, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            close(directory)
            directory = next
        }
        guard directory >= 0 else { return nil }
        // Not blocking: a task may have left a pipe that nobody writes to.
        let file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        close(directory)
        var information = stat()
        guard file >= 0 else { return nil }
        guard fstat(file, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            close(file)
            return nil
        }
        return Opened(file, Int64(information.st_size))
    }

    /// Everything below the root, directories before what they hold, in the order of names.
    func list() -> [FileResponse] {
        var found: [FileResponse] = []
        list("", into: &found)
        return found
    }

    private func list(_ relative: String, into found: inout [FileResponse]) {
        guard let directory = opendir(relative.isEmpty ? root : root + "/" + relative) else { return }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        for name in names.sorted() where found.count < Self.listingLimit {
            let path = relative.isEmpty ? name : relative + "/" + name
            var information = stat()
            guard lstat(root + "/" + path, &information) == 0 else { continue }
            let isDirectory = information.st_mode & S_IFMT == S_IFDIR
            let modified =
                // A file may say that it was changed at any time at all.
                saturatingSum(
                    saturatingProduct(Int64(information.st_mtim.tv_sec), 1000),
                    Int64(information.st_mtim.tv_nsec) / 1_000_000)
            found.append(
                FileResponse(
                    name: path, isDirectory: isDirectory,
                    contentLength: isDirectory ? 0 : Int64(information.st_size),
                    lastModified: Instant(milliseconds: modified).iso8601))
            if isDirectory { list(path, into: &found) }
        }
    }
}
