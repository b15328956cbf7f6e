import Glibc
import ShipyardModel

/// Reads the journal of a node whose agent is dead: what it had finished and nobody knew, and what it left.
package enum JournalReader {
    /// An empty state when there is no journal. The tail that a crash tore off is left out: nothing of it was
    /// ever reported.
    ///
    /// With `lives` given, exits of any other state, and of a life that is not known there, are left out. What
    /// still runs is told all the same: it has to be ended.
    package static func read(
        root: String, believing lives: StateLives? = nil
    ) throws(SystemError) -> JournalState {
        try read(NodePath(root), believing: lives)
    }

    package static func read(
        _ root: NodePath, believing lives: StateLives? = nil
    ) throws(SystemError) -> JournalState {
        var journal = JournalState()
        try eachRecord(of: root) { journal.apply($0) }
        if let lives, !journal.isKnown(to: lives) { journal.forgetExits() }
        return journal
    }

    // A task can write to its node's journal. Of what an agent writes, a record has a few hundred bytes beside the
    // reason that it gives, and so many bytes are a million exits that nobody has acknowledged. Of outputs there are no
    // more than `AgentLoop.maximumOutputBytes` and what `AgentLoop.maximumRecorders` add.
    static let maximumRecordBytes = Frame.maximumLength
    static let maximumBytes = 768 << 20

    /// Hands out every whole record up to the first that is damaged.
    ///
    /// A root that is a link is no node's, and neither is a journal that is one: whatever they lead to says
    /// nothing about this node.
    private static func eachRecord(
        of root: NodePath, _ body: (JournalRecord) -> Void
    ) throws(SystemError) {
        let path = "\(root.text)/\(NodeLayout.journalName)"
        do throws(SystemError) {
            // Not blocking: a task may have put a pipe there.
            let file = try root.openFile(NodeLayout.journalName, O_RDONLY | O_NONBLOCK)
            try eachRecord(in: file.number, body)
        } catch {
            if error.errno == ENOENT { return }
            throw SystemError(error.operation, path: path, errno: error.errno)
        }
    }

    /// Holds one record and a block of the file at most, however long either claims to be.
    static func eachRecord(
        in file: Int32, atMost limit: Int = maximumBytes, _ body: (JournalRecord) -> Void
    ) throws(SystemError) {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw SystemError("read", path: "", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError("read", path: "", errno: EINVAL) }
        var buffer: [UInt8] = []
        var total = 0
        while true {
            let count = try append(limit - total, of: file, to: &buffer)
            total += count
            var records = RecordScan(bytes: buffer[...])
            while let record = records.next() { body(record) }
            guard count > 0, !records.isDamaged else { return }
            buffer.removeFirst(records.position)
        }
    }

    private static let blockBytes = 64 << 10

    /// How many bytes there were; 0 at the end.
    private static func append(
        _ most: Int, of file: Int32, to buffer: inout [UInt8]
    ) throws(SystemError) -> Int {
        let count = withUnsafeTemporaryAllocation(byteCount: blockBytes, alignment: 1) { block in
            while true {
                let count = Glibc.read(file, block.baseAddress, min(most, block.count))
                if count < 0, errno == EINTR { continue }
                buffer.append(contentsOf: UnsafeRawBufferPointer(block)[..<max(0, count)])
                return count
            }
        }
        guard count >= 0 else { throw SystemError("read", path: "", errno: errno) }
        return count
    }
}

/// Takes records off the front of some bytes.
private struct RecordScan {
    let bytes: ArraySlice<UInt8>
    /// Up to where whole records have been taken.
    private(set) var position = 0
    /// Nothing that comes after makes a record of what is here.
    private(set) var isDamaged = false

    init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// Nil where more bytes are needed, and where what is there is damaged.
    mutating func next() -> JournalRecord? {
        guard !isDamaged, bytes.count - position > 8 else { return nil }
        var header = ByteReader(bytes[position...])
        guard let length = try? Int(header.integer(UInt32.self)),
            let sum = try? header.integer(UInt32.self), length <= JournalReader.maximumRecordBytes
        else {
            isDamaged = true
            return nil
        }
        guard length <= bytes.count - position - 8 else { return nil }
        let body = bytes[(position + 8)..<(position + 8 + length)]
        var reader = ByteReader(body)
        guard Checksum.crc32(body) == sum, let record = try? JournalRecord(from: &reader) else {
            isDamaged = true
            return nil
        }
        position += 8 + length
        return record
    }
}
