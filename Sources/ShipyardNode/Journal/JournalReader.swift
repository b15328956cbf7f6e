import Glibc
import ShipyardModel

/// Reads the journal of a node whose agent is dead: what it had finished and nobody knew, and what it left.
package enum JournalReader {
    /// An empty state when there is no journal. The tail that a crash tore off is left out: nothing of it was
    /// ever reported.
    package static func read(root: String) throws(SystemError) -> JournalState {
        var state = JournalState()
        for record in records(in: try contents(of: "\(root)/\(NodeLayout.journalName)")) {
            state.apply(record)
        }
        return state
    }

    /// Every whole record up to the first that is damaged.
    static func records(in bytes: [UInt8]) -> [JournalRecord] {
        var records: [JournalRecord] = []
        var position = 0
        while bytes.count - position > 8 {
            var header = ByteReader(bytes[position...])
            guard let length = try? Int(header.integer(UInt32.self)),
                let sum = try? header.integer(UInt32.self),
                length <= bytes.count - position - 8
            else { break }
            let body = bytes[(position + 8)..<(position + 8 + length)]
            guard Checksum.crc32(body) == sum else { break }
            var reader = ByteReader(body)
            guard let record = try? JournalRecord(from: &reader) else { break }
            records.append(record)
            position += 8 + length
        }
        return records
    }

    private static func contents(of path: String) throws(SystemError) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else {
            if errno == ENOENT { return [] }
            throw SystemError("open", path: path, errno: errno)
        }
        let file = FileDescriptor(owning: number)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(file.number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError("read", path: path, errno: errno) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
