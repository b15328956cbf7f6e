import Foundation
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardNode

/// The agent's book: torn, damaged, rewritten.
struct JournalTests {
    private let root = FileManager.default.temporaryDirectory.appending(
        path: "shipyard-journal-\(UUID().uuidString)")
    private let agent = ProcessStamp(processID: 7, startedNotBefore: 1, startedNotAfter: 2)

    private func boot(_ number: Int64, state: StateID = TestAgent.state) -> JournalBoot {
        JournalBoot(
            number: number, state: state, life: TestAgent.life,
            machine: MachineID(boot: "b", processNamespace: "n"), agent: agent, group: .made(path: "/g"))
    }

    private func withJournal(_ body: (_ directory: Int32, _ path: String) throws -> Void) throws {
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let directory = try FileDescriptor.open(root.path, O_RDONLY | O_DIRECTORY)
        try body(directory.number, "\(root.path)/\(NodeLayout.journalName)")
    }

    private func exited(_ sequence: UInt64) -> JournalRecord {
        .exited(
            sequence: sequence, TestAgent.id(Int64(sequence)),
            AttemptResult(
                .exited(0), startTime: Instant(milliseconds: 1),
                endTime: Instant(milliseconds: 2)))
    }

    private func read(_ bytes: [UInt8], atMost limit: Int = .max) throws -> [JournalRecord] {
        let stream = try #require(tmpfile())
        defer { fclose(stream) }
        #expect(write(fileno(stream), bytes, bytes.count) == bytes.count)
        lseek(fileno(stream), 0, SEEK_SET)
        var records: [JournalRecord] = []
        try JournalReader.eachRecord(in: fileno(stream), atMost: limit) { records.append($0) }
        return records
    }

    /// A record may lie across two reads, and what lies beyond the bound is not read.
    @Test func aLongJournalIsReadUpToItsBound() throws {
        var writer = ByteWriter()
        var first = 0
        for sequence in 1...UInt64(5_000) {
            exited(sequence).appendLine(to: &writer)
            if sequence == 1 { first = writer.bytes.count }
        }
        #expect(try read(writer.bytes).count == 5_000)
        #expect(try read(writer.bytes, atMost: 100 * first + 5) == (1...100).map { exited($0) })
        #expect(try read(writer.bytes, atMost: 0) == [])
    }

    /// Cut anywhere, the journal still tells every record that is whole, and never a false one.
    @Test func everyTornTailIsLeftOut() throws {
        var writer = ByteWriter()
        var ends: [Int] = []
        let records: [JournalRecord] = [
            .boot(boot(3), nextSequence: 9), .started(TestAgent.id(9), agent), exited(9),
            .acknowledged(9), .withdrawn(TestAgent.id(9)), .heard(.random()),
        ]
        for record in records {
            record.appendLine(to: &writer)
            ends.append(writer.bytes.count)
        }
        for length in 0...writer.bytes.count {
            let whole = ends.count { $0 <= length }
            #expect(try read(Array(writer.bytes[..<length])) == Array(records[..<whole]))
        }
        for position in writer.bytes.indices {
            var bytes = writer.bytes
            bytes[position] ^= 0x20
            let found = try read(bytes)
            let whole = ends.count { $0 <= position }
            #expect(found == Array(records[..<whole]))
        }
    }

    /// Agents before this form wrote an exit or none, and words; their journals are read by those that come after.
    @Test func endsInWordsAreRead() throws {
        func record(_ exit: (UInt8, Int32?), _ words: FailureInfo?) -> [UInt8] {
            var writer = ByteWriter()
            writer.append(UInt8(2))
            writer.append(UInt64(7))
            writer.append(TestAgent.id(5))
            writer.append(exit.0)
            if let code = exit.1 { writer.append(code) }
            writer.append(UInt8(words == nil ? 0 : 1))
            if let words {
                writer.append(UInt8(words.category == .userError ? 0 : 1))
                writer.append(words.code)
                writer.append(words.message)
            }
            for number in 1...6 { writer.append(Int64(number)) }
            return writer.bytes
        }
        let usage = ResourceUsage(wall: 3, user: 4, system: 5, peakMemoryBytes: 6)
        for (bytes, outcome) in [
            (record((0, 0), nil), Outcome.exited(0)), (record((0, 4), Outcome.exited(4).failure), .exited(4)),
            (record((1, 15), Outcome.signalled(15).failure), .signalled(15)),
            (record((2, nil), Outcome.endedByUser.failure), .endedByUser),
            (
                record((2, nil), FailureInfo(category: .userError, code: "BlobNotFound", message: "m")),
                .stagingFailed(.blobNotFound, "m")
            ),
        ] {
            var reader = ByteReader(bytes[...])
            let result = AttemptResult(
                outcome, startTime: Instant(milliseconds: 1), endTime: Instant(milliseconds: 2), usage: usage)
            #expect(
                try JournalRecord(from: &reader) == .exited(sequence: 7, TestAgent.id(5), result))
            #expect(reader.remaining == 0)
        }
        // No exit and no words: nothing that was ever written.
        var reader = ByteReader(record((2, nil), nil)[...])
        #expect(throws: WireError.self) { try JournalRecord(from: &reader) }
    }

    @Test func aTornJournalIsTakenUp() throws {
        try withJournal { directory, path in
            let first = try AgentJournal(root: directory, boot: boot(1), after: JournalState())
            for sequence in 1...3 { first.append(exited(UInt64(sequence))) }
            first.flush()
            var bytes = try Data(contentsOf: URL(filePath: path))
            bytes.removeLast(5)
            try bytes.write(to: URL(filePath: path))
            let old = try JournalReader.read(root: root.path)
            #expect(old.unacknowledged.map(\.sequence) == [1, 2])
            let second = try AgentJournal(root: directory, boot: boot(2), after: old)
            second.append(exited(second.state.nextSequence))
            second.flush()
            let now = try JournalReader.read(root: root.path)
            #expect(now.boot?.number == 2)
            #expect(now.unacknowledged.map(\.sequence) == [1, 2, 3])
        }
    }

    /// The most memory that this process ever had.
    private static var peakKibibytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }

    /// A task can write to its node's journal, and who reads it must not go under with it.
    @Test func aHugeJournalCostsNothing() throws {
        try withJournal { directory, path in
            let journal = try AgentJournal(root: directory, boot: boot(1), after: JournalState())
            journal.append(exited(1))
            journal.flush()
            #expect(truncate(path, 2 << 30) == 0)
            let before = Self.peakKibibytes
            #expect(try JournalReader.read(root: root.path).unacknowledged.map(\.sequence) == [1])
            // A record that claims to have a gibibyte.
            var writer = ByteWriter()
            exited(1).appendLine(to: &writer)
            writer.append(UInt32(1 << 30))
            try Data(writer.bytes).write(to: URL(filePath: path))
            #expect(truncate(path, 2 << 30) == 0)
            #expect(try JournalReader.read(root: root.path).unacknowledged.map(\.sequence) == [1])
            #expect(Self.peakKibibytes - before < 512 << 10)
        }
    }

    @Test func onlyAFileIsAJournal() throws {
        try withJournal { directory, path in
            _ = try AgentJournal(root: directory, boot: boot(1), after: JournalState())
            // Not one that a link leads to, either.
            let other = path + ".other"
            #expect(rename(path, other) == 0)
            for make in [{ mkfifo(path, 0o600) }, { mkdir(path, 0o700) }, { symlink(other, path) }] {
                #expect(make() == 0)
                #expect(throws: SystemError.self) { try JournalReader.read(root: root.path) }
                remove(path)
            }
        }
    }

    @Test func theFileStaysSmallAndSaysTheSame() throws {
        try withJournal { directory, path in
            let journal = try AgentJournal(root: directory, boot: boot(1), after: JournalState())
            let limit = 4 << 20
            journal.append(.started(TestAgent.id(-1), agent))
            var largest = 0
            for sequence in 1...UInt64(48_000) {
                journal.append(exited(sequence))
                if sequence > 2 { journal.append(.acknowledged(sequence - 2)) }
                guard sequence % 500 == 0 else { continue }
                journal.flush()
                var status = stat()
                stat(path, &status)
                largest = max(largest, Int(status.st_size))
            }
            #expect(largest < limit + 100_000)
            #expect(largest > limit / 2)
            let found = try JournalReader.read(root: root.path)
            #expect(found.unacknowledged.map(\.sequence) == [47_999, 48_000])
            #expect(found.running.keys.map(\.key) == [-1])
            #expect(found.nextSequence == 48_001)
            #expect(access(path + ".new", F_OK) != 0)
        }
    }
}
