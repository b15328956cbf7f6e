import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem
import Synchronization

/// What one `input_data` with `delete_files_after_completion` has fetched: a list in the task's directory, a line for each file with
/// its name and its identity in hexadecimal digits. After the command and its uploads just these files are deleted.
final class FetchedFiles: Sendable {
    struct File: Hashable, Sendable {
        var name: BytePath
        var identity: String
    }

    /// Some million files.
    private static let largest: Int64 = 1 << 30

    private let files = Mutex<[File]>([])

    func note(_ item: TransferItem) {
        guard let identity = item.identity else { return }
        files.withLock { $0.append(File(name: item.source, identity: identity)) }
    }

    /// - Parameter index: of the rule among the task's.
    static func path(_ index: Int, besides workingDirectory: String) -> BytePath {
        BytePath("\(workingDirectory)/../.fetched-\(index)")
    }

    /// Takes the place of one that an earlier try has left, also where nothing was found.
    func write(to path: BytePath) throws(FileStoreError) {
        let text = files.withLock { files in
            files.map { "\(hexadecimalText($0.name.bytes)) \(hexadecimalText($0.identity.utf8))\n" }.joined()
        }
        _ = unlink(path.cString)
        let list = FileDescriptor(
            owning: open(path.cString, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600))
        guard list.number >= 0, Array(text.utf8).withUnsafeBytes({ list.write(all: $0) }) == nil else {
            throw FileStoreError(.localFile, "\(path), the list of what was fetched, cannot be written")
        }
    }

    /// Empty where there is none: nothing is deleted then. The task might have written it itself, so each line is looked at again.
    static func read(from path: BytePath) -> [File] {
        guard let list = FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            let status = FileStatus(of: BytePath(""), in: list.number), status.isRegular,
            status.version.size <= Self.largest, let text = list.read(upTo: Int(status.version.size))
        else { return [] }
        return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let parts = line.split(separator: UInt8(ascii: " "))
            guard parts.count == 2, let name = hexadecimalBytes(parts[0]), let identity = hexadecimalBytes(parts[1])
            else { return nil }
            return File(name: BytePath(bytes: name), identity: String(decoding: identity, as: UTF8.self))
        }
    }
}
