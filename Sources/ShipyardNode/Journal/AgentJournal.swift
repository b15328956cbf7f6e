import Glibc
import ShipyardModel
import ShipyardSystem

/// The agent's own book: every start, every end, and what the service has taken over.
///
/// An exit is written here before it is reported, and stays until it is acknowledged. So neither a killed
/// service nor a killed agent loses an exit code. The file is written but not synced: a crash of the whole
/// machine ends every task with it, and then there is nothing to know.
///
/// A disk that refuses to take a record does not stop the node: records wait in memory, in order, and go
/// out with the next ones, while exits are reported all the same.
final class AgentJournal {
    private(set) var state: JournalState
    private let root: Int32
    private var file: FileDescriptor
    private var pending = ByteWriter()
    private var fileBytes = 0
    private var compactionBytes = minimumCompactionBytes
    /// The first failure since the last success.
    private(set) var failure: SystemError?

    // 4 MiB is some 40,000 attempts: rewriting a few hundred bytes that often costs nothing.
    private static let minimumCompactionBytes = 4 << 20

    private struct Rewritten: ~Copyable {
        let file: FileDescriptor
        let bytes: Int
    }

    /// Begins a new boot. `old` is what an earlier agent left, its processes already ended; its exits that were
    /// never acknowledged are kept, if they are of the same state. `root` stays the caller's.
    init(root: Int32, boot: JournalBoot, after old: JournalState) throws(SystemError) {
        self.root = root
        var state = old
        state.believe(boot.state)
        state.apply(.boot(boot, nextSequence: old.nextSequence))
        self.state = state
        let rewritten = try Self.rewrite(state.records(), in: root)
        fileBytes = rewritten.bytes
        file = rewritten.file
    }

    // 8 MiB: some 80,000 attempts. A disk that takes nothing for that long gets no new work, whose records would
    // only add to what waits.
    static let maximumPendingBytes = 8 << 20

    /// So much waits for the disk that no work should be begun.
    var isOverfull: Bool { pending.bytes.count > Self.maximumPendingBytes }

    /// Takes a record into the state at once and into the file with the next `flush`.
    func append(_ record: JournalRecord) {
        state.apply(record)
        record.appendLine(to: &pending)
    }

    /// Writes what waits. Called once a turn, before anything is reported.
    func flush() {
        guard !pending.bytes.isEmpty else { return }
        let (written, error) = Self.write(pending.bytes, to: file.number)
        fileBytes += written
        if let error {
            failure = failure ?? error
            pending.bytes.removeFirst(written)
        } else {
            pending.bytes.removeAll(keepingCapacity: true)
            failure = nil
        }
        if fileBytes >= compactionBytes { compact() }
    }

    private func compact() {
        do throws(SystemError) {
            let rewritten = try Self.rewrite(state.records(), in: root)
            fileBytes = rewritten.bytes
            compactionBytes = max(Self.minimumCompactionBytes, 2 * rewritten.bytes)
            file = rewritten.file
            // The state holds what waited, too.
            pending.bytes.removeAll(keepingCapacity: true)
            failure = nil
        } catch {
            // Tried again only when it has doubled: on a full disk each try would fail.
            compactionBytes = 2 * fileBytes
            failure = failure ?? error
        }
    }

    /// Writes a new file beside the old one and puts it in its place.
    private static func rewrite(_ records: [JournalRecord], in root: Int32) throws(SystemError) -> Rewritten {
        let name = NodeLayout.journalName + ".new"
        let file = try FileDescriptor.open(
            name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, mode: 0o600, in: root)
        var writer = ByteWriter()
        for record in records { record.appendLine(to: &writer) }
        if let error = write(writer.bytes, to: file.number).error {
            // On a full disk even half a file is one too many.
            unlinkat(root, name, 0)
            throw error
        }
        guard renameat(root, name, root, NodeLayout.journalName) == 0 else {
            throw SystemError("rename", path: name, errno: errno)
        }
        return Rewritten(file: file, bytes: writer.bytes.count)
    }

    private static func write(_ bytes: [UInt8], to file: Int32) -> (written: Int, error: SystemError?) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.write(file, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                return (written, SystemError("write", path: NodeLayout.journalName, errno: errno))
            }
            written += count
        }
        return (written, nil)
    }
}
