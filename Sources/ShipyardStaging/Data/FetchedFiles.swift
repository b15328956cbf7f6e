import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem
import Synchronization

/// What one `input_data` with `delete_files_after_completion` has fetched: a list in the task's directory, a line for each file with
/// its name and its identity in hexadecimal digits. After the command and its uploads just these files are deleted, where the list is
/// the one that was written: the node's agent keeps its digest meanwhile.
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

    /// Takes the place of one that an earlier try has left, also where nothing was found. Answers its digest.
    func write(to path: BytePath) throws(FileStoreError) -> String {
        let text = Array(files.withLock { $0.map(\.line).joined() }.utf8)
        _ = unlink(path.cString)
        let list = FileDescriptor(
            owning: open(path.cString, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600))
        guard list.number >= 0, text.withUnsafeBytes({ list.write(all: $0) }) == nil else {
            throw FileStoreError(.localFile, "\(path), the list of what was fetched, cannot be written")
        }
        return SHA256.hexDigest(of: text)
    }

    /// Throws where it is not the one with this digest: the task has removed or written it, and what it fetched is not known any more.
    static func read(from path: BytePath, digest: String?) throws(FileStoreError) -> [File] {
        guard let text = text(of: path), let digest, SHA256.hexDigest(of: text) == digest else {
            throw FileStoreError(
                .localFile, "the list of it (`\(path.components.last ?? path)` in the task's directory) was changed or removed by the task")
        }
        return text.split(separator: UInt8(ascii: "\n")).compactMap(File.init(line:))
    }

    /// Of a regular file that is no link and not beyond all measure.
    static func text(of path: BytePath) -> [UInt8]? {
        guard let list = FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            let status = FileStatus(of: BytePath(""), in: list.number), status.isRegular,
            status.version.size <= Self.largest
        else { return nil }
        return list.read(upTo: Int(status.version.size))
    }
}

extension FetchedFiles.File {
    var line: String { "\(hexadecimalText(name.bytes)) \(hexadecimalText(identity.utf8))\n" }

    init?(line: ArraySlice<UInt8>) {
        let parts = line.split(separator: UInt8(ascii: " "))
        guard parts.count == 2, let name = hexadecimalBytes(parts[0]), let identity = hexadecimalBytes(parts[1])
        else { return nil }
        self.init(name: BytePath(bytes: name), identity: String(decoding: identity, as: UTF8.self))
    }
}
