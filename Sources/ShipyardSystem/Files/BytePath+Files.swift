import Glibc
import ShipyardModel

// Names that come from a directory stay bytes until they are shown: made into text and back, one may be another name.
extension BytePath {
    /// What `readdir` has found.
    package init(_ entry: UnsafeMutablePointer<dirent>) {
        self.init(
            bytes: withUnsafeBytes(of: &entry.pointee.d_name) { name in Array(name.prefix { $0 != 0 }) })
    }

    /// Of an open directory, without `.` and `..`; of one type only, such as `DT_DIR`, where the file system tells it.
    package static func entries(of directory: Int32, type: Int? = nil) -> [BytePath] {
        guard var stream = try? DirectoryStream(of: directory) else { return [] }
        var found: [BytePath] = []
        while let entry = stream.next() {
            if type.map({ $0 == entry.type }) ?? true { found.append(entry.name) }
        }
        return found
    }

    package var isSpecial: Bool { bytes == [0x2E] || bytes == [0x2E, 0x2E] }

    /// Whether this is a path below `directory`.
    package func isBelow(_ directory: BytePath) -> Bool {
        bytes.count > directory.bytes.count && bytes.starts(with: directory.bytes)
            && bytes[directory.bytes.count] == UInt8(ascii: "/")
    }

    package func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { space in
            for (index, byte) in bytes.enumerated() { space[index] = CChar(bitPattern: byte) }
            space[bytes.count] = 0
            guard let start = space.baseAddress else { invariantFailure("room for one byte at least") }
            return body(start)
        }
    }
}
