import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem

/// A CSV file on its way into a table.
package final class TableFile {
    /// For messages.
    package let name: String
    private let path: BytePath?
    private let descriptor: Int32
    private let progress: (Int) -> Void
    private var wasRead = false

    /// - Parameter progress: is told how many more bytes were read.
    package init(_ path: BytePath, shown name: String, progress: @escaping (Int) -> Void = { _ in }) {
        (self.path, self.name, self.progress) = (path, name, progress)
        descriptor = -1
    }

    /// A stream, which can be read once. Somebody else closes it.
    package init(descriptor: Int32, shown name: String, progress: @escaping (Int) -> Void = { _ in }) {
        (self.descriptor, self.name, self.progress) = (descriptor, name, progress)
        path = nil
    }

    var canBeReadAgain: Bool { path != nil || !wasRead }

    /// A reader at the beginning, and the hash of what it will have read.
    /// - Parameter isTold: to `progress`.
    func open(isTold: Bool = true) throws(TableError) -> (CSVReader, RunningDigest) {
        let digest = try RunningDigest()
        let input = try OpenInput(self)
        wasRead = true
        let reader = CSVReader(name) { [progress] buffer throws(TableError) in
            let count = try input.read(into: buffer)
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            if isTold { progress(count) }
            return count
        }
        return (reader, digest)
    }

    /// Nil for a stream, which nobody can look at first.
    func digest() throws(TableError) -> String? {
        guard path != nil else { return nil }
        let digest = try RunningDigest()
        let input = try OpenInput(self)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try input.read(into: buffer)
            guard count > 0 else { return digest.end() }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private final class OpenInput {
        private let descriptor: FileDescriptor
        private let name: String

        init(_ file: TableFile) throws(TableError) {
            name = file.name
            guard let path = file.path else {
                descriptor = FileDescriptor(owning: fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0))
                return
            }
            // A pipe without a writer would hang.
            guard let opened = FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else {
                throw TableError(.file, "\(file.name) cannot be read: \(String(cString: strerror(errno)))")
            }
            var status = stat()
            guard fstat(opened.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw TableError(.file, "\(file.name) is no regular file")
            }
            descriptor = opened
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws(TableError) -> Int {
            guard let count = descriptor.read(into: buffer) else {
                throw TableError(.file, "\(name) cannot be read: \(String(cString: strerror(errno)))")
            }
            return count
        }
    }
}

/// SHA-256 of all that was given to it.
final class RunningDigest {
    private var digest: Digest?

    init() throws(TableError) {
        do throws(FileStoreError) {
            digest = try Digest(.sha256)
        } catch {
            throw TableError(.libraryMissing, error.message)
        }
    }

    func update(_ bytes: UnsafeRawBufferPointer) { digest?.update(bytes) }

    func end() -> String { digest.take()?.hexadecimal() ?? "" }
}
