import Glibc
import ShipyardModel

/// Reads the journal of a node whose agent is dead: what it had finished and nobody knew, and what it left.
package enum JournalReader {
    /// An empty state when there is no journal. The tail that a crash tore off is left out: nothing of it was
    /// ever reported.
    ///
    /// With `state` given, exits of any other state are left out. What still runs is told all the same: it has to
    /// be ended.
    package static func read(
        root: String, believing state: StateID? = nil
    ) throws(SystemError) -> JournalState {
        var journal = JournalState()
        for record in records(in: try contents(of: root)) { journal.apply(record) }
        if let state { journal.believe(state) }
        return journal
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

    /// A root that is a link is no node's, and neither is a journal that is one: whatever they lead to says
    /// nothing about this node.
    private static func contents(of root: String) throws(SystemError) -> [UInt8] {
        let path = "\(root)/\(NodeLayout.journalName)"
        do throws(SystemError) {
            let directory = try FileDescriptor.openDirectory(root)
            // Not blocking: a task may have put a pipe there.
            let file = try FileDescriptor.open(
                NodeLayout.journalName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, in: directory.number)
            guard let bytes = ProcessTable.contents(of: file.number) else {
                throw SystemError("read", path: path, errno: errno)
            }
            return bytes
        } catch {
            if error.errno == ENOENT { return [] }
            throw SystemError(error.operation, path: path, errno: error.errno)
        }
    }
}
