import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// What the embedded store keeps beside a file's content: an extended attribute of the file, which says for which content it holds, as anybody may write
/// to the file itself.
struct EmbeddedAttributes: Codable, Equatable {
    /// A block of ext4 holds all attributes of a file.
    static let longest = 3000
    private static let name = "user.shipyard-swift"

    var metadata: [String: String] = [:]
    var md5: String?
    private var size: Int64 = 0
    private var modified: Int64 = 0

    init(metadata: [String: String], md5: String? = nil) {
        self.metadata = metadata
        self.md5 = md5
    }

    /// Nil where there are none, or where they are of another content.
    init?(of file: Int32, _ status: FileStatus) {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = shipyard_get_attribute(file, Self.name, &bytes, bytes.count)
        guard count > 0, let found = try? JSONCoding.decode(Self.self, from: Array(bytes.prefix(count))),
            found.size == status.version.size, found.modified == status.version.modified
        else { return nil }
        self = found
    }

    func apply(to file: inout StoredFile) {
        file.metadata = metadata
        file.md5 = md5
    }

    /// - Parameter status: the file's, whose content is there and is not written any more.
    func write(to file: Int32, _ status: FileStatus, _ path: StorePath) throws(FileStoreError) {
        var kept = self
        kept.size = status.version.size
        kept.modified = status.version.modified
        guard let bytes = try? JSONCoding.encode(kept), bytes.count <= Self.longest else {
            throw FileStoreError(
                .invalidInput, "the metadata of \(path) have more than \(Self.longest) bytes")
        }
        guard shipyard_set_attribute(file, Self.name, bytes, bytes.count) != 0 else { return }
        let number = errno
        // Hints by which work is saved: a file system without attributes does without them.
        let areHints = metadata.keys.allSatisfy { $0 == FileAttributes.sourceTimeName }
        if areHints, number == ENOTSUP || number == EPERM || number == ENOSPC { return }
        throw FileStoreError(
            SystemError("set attributes", path: path.description, errno: number),
            "the metadata of \(path) cannot be kept on this file system")
    }
}
