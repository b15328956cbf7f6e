import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// Finds the processes of an attempt, wherever they have gone.
///
/// A process can leave its group (`setsid`) and its parent (double fork), but not its agent: that is a child
/// subreaper, so every orphan of the node becomes its child. Kernels can be built without
/// `/proc/<pid>/children`, so orphans are found by asking of process numbers whether they are children.
final class ProcessTree {
    private let agent = getpid()
    private let load: FileDescriptor?

    init() {
        let number = open("/proc/loadavg", O_RDONLY | O_CLOEXEC)
        if number < 0 { load = nil } else { load = FileDescriptor(owning: number) }
    }

    // A task that ran for less than this cannot have seen the process numbers come round: the smallest range
    // in use is 32,768. Beyond it, or beyond this many numbers, reading /proc is the cheaper way.
    private static let maximumProbeMicroseconds: Int64 = 1_000_000
    private static let maximumProbes: Int32 = 512

    /// Living children of the agent that are no attempt's main process and were created since `attempt`.
    ///
    /// The way for a short task costs next to nothing: the kernel tells the newest process number of all, and
    /// only the few between that and the task's own are asked about.
    func orphans(since attempt: Attempt, mains: [Attempt]) -> [Int32] {
        let age = SystemClock.monotonicMicroseconds() - attempt.startMicroseconds
        let first = attempt.firstProcessID
        if age < Self.maximumProbeMicroseconds, let newest = newestProcessID(), newest >= first,
            newest - first <= Self.maximumProbes
        {
            guard newest > first else { return [] }
            return ((first + 1)...newest).filter { isOrphan($0, mains) }
        }
        return ProcessTable.processIDs().filter { isOrphan($0, mains) }
    }

    private func isOrphan(_ processID: Int32, _ mains: [Attempt]) -> Bool {
        guard shipyard_is_living_child(processID) != 0 else { return false }
        return !mains.contains { $0.processID == processID && !$0.mainHasEnded }
    }

    /// The last field of `/proc/loadavg`: the number that the newest process of this namespace was given.
    private func newestProcessID() -> Int32? {
        let descriptor: Int32
        switch load {
        case .some(let file): descriptor = file.number
        case .none: return nil
        }
        return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            guard count > 1 else { return nil }
            var value: Int32 = 0
            var factor: Int32 = 1
            for byte in buffer[..<count].reversed().drop(while: { $0 == 0x0A }) {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { break }
                value &+= Int32(byte & 15) &* factor
                factor &*= 10
            }
            return value > 0 ? value : nil
        }
    }

    /// Whether an orphan is `attempt`'s: by its session, by the mark in its environment, by where it works and
    /// writes, or, when it has stripped all that, because no other attempt that is left was there when it
    /// started.
    func belongs(_ orphan: Int32, to attempt: Attempt, among attempts: [Attempt]) -> Bool {
        if getsid(orphan) == attempt.processID { return !attempt.isSessionGone }
        if let mark = ProcessTable.environmentValue("AZ_BATCH_TASK_DIR", of: orphan) {
            return mark == BytePath(attempt.directory)
        }
        for link in ["cwd", "fd/1", "fd/2"] {
            guard let path = ProcessTable.link("\(orphan)/\(link)") else { continue }
            if let owner = attempts.first(where: { path.isBelow(BytePath($0.directory)) }) {
                return owner === attempt
            }
        }
        guard let stat = ProcessStat(of: orphan), stat.isAlive else { return false }
        return !attempts.contains { $0 !== attempt && $0.startTicks <= stat.startTicks }
    }

    func hasSession(_ session: Int32) -> Bool { ProcessTable.processIDs().contains { getsid($0) == session } }

    /// Every living process of the attempt: those below its main process, those of its session, and its
    /// orphans with all that is below them. Reads the whole process table: only for ending a tree.
    func members(of attempt: Attempt, among attempts: [Attempt]) -> [Int32] {
        let table = ProcessTable.processIDs().compactMap { ProcessStat(of: $0) }.filter(\.isAlive)
        let mains = Set(attempts.lazy.filter { !$0.mainHasEnded }.map(\.processID))
        var found: Set<Int32> = []
        for process in table {
            let isRoot: Bool
            if process.processID == agent {
                isRoot = false
            } else if process.session == attempt.processID, !attempt.isSessionGone {
                isRoot = true
            } else {
                isRoot =
                    process.parent == agent && !mains.contains(process.processID)
                    && belongs(process.processID, to: attempt, among: attempts)
            }
            if isRoot { found.insert(process.processID) }
        }
        return Array(ProcessTable.withDescendants(found, in: table))
    }
}
