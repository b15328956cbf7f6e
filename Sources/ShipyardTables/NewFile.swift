import Glibc
import ShipyardModel
import ShipyardSystem

/// A file that takes its name when it is whole.
package final class NewFile {
    private let path: BytePath
    private let partial: BytePath
    private let descriptor: FileDescriptor
    private var isFinished = false

    package init(_ path: BytePath, makesFolders: Bool) throws(TableError) {
        self.path = path
        var parent = path.bytes
        if let slash = parent.lastIndex(of: UInt8(ascii: "/")) { parent.removeSubrange((slash + 1)...) }
        if makesFolders {
            do throws(SystemError) {
                try makeDirectories(BytePath(bytes: parent), mode: 0o770)
            } catch {
                throw TableError(.file, "\(error.path) cannot be made: \(error.reason)")
            }
        }
        partial = BytePath(bytes: path.bytes + Array(".shipyard-partial-\(getpid())".utf8))
        descriptor = FileDescriptor(
            owning: open(partial.cString, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o660))
        guard descriptor.number >= 0 else { throw Self.failure(path) }
    }

    deinit { if !isFinished { unlink(partial.cString) } }

    private static func failure(_ path: BytePath) -> TableError {
        let kind: TableError.Kind = errno == ENOSPC || errno == EDQUOT ? .diskFull : .file
        return TableError(kind, "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(TableError) {
        guard descriptor.write(all: bytes) == nil else { throw Self.failure(path) }
    }

    package func finish() throws(TableError) {
        guard rename(partial.cString, path.cString) == 0 else { throw Self.failure(path) }
        isFinished = true
    }
}
