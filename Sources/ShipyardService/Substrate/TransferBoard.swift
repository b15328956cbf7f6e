import ShipyardEngine
import ShipyardModel
import ShipyardSystem
import Synchronization

/// What nodes say of files that are on their way, for whoever lists tasks. In memory alone: nothing is decided from it, and after a
/// start of the service the nodes say it again.
package final class TransferBoard: Sendable {
    package struct Entry: Sendable, Hashable {
        package var progress: TransferProgress
        /// Since it was told before; nil the first time.
        package var bytesPerSecond: Int64?
    }

    private struct Told {
        var entry: Entry
        var node: NodeHandle
        var time: Int64
    }

    private let entries = Mutex<[WorkID: Told]>([:])

    package init() {}

    package func tell(_ progress: TransferProgress, of work: WorkID, on node: NodeHandle) {
        tell(progress, of: work, on: node, at: SystemClock.monotonicMicroseconds())
    }

    func tell(_ progress: TransferProgress, of work: WorkID, on node: NodeHandle, at time: Int64) {
        entries.withLock { entries in
            var entry = Entry(progress: progress)
            if let last = entries[work], last.entry.progress.direction == progress.direction, time > last.time
            {
                let moved = max(0, progress.bytes - last.entry.progress.bytes)
                entry.bytesPerSecond = Int64(Double(moved) * 1_000_000 / Double(time - last.time))
            }
            entries[work] = Told(entry: entry, node: node, time: time)
        }
    }

    package func forget(_ work: WorkID) { entries.withLock { _ = $0.removeValue(forKey: work) } }

    package func forget(_ node: NodeHandle) {
        entries.withLock { entries in entries = entries.filter { $0.value.node != node } }
    }

    package func forgetAll() { entries.withLock { $0 = [:] } }

    /// Of tasks, each by its latest attempt that has said anything.
    package func ofTasks() -> [TaskKey: Entry] {
        entries.withLock { entries in
            guard !entries.isEmpty else { return [:] }
            var found: [TaskKey: Entry] = [:]
            for (work, told) in entries where work.kind == .task {
                found[TaskKey(rawValue: work.key)] = told.entry
            }
            return found
        }
    }
}

extension Substrate {
    /// Of a substrate whose nodes tell nothing.
    package var transfers: TransferBoard { TransferBoard() }
}
