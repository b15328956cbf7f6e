import Glibc
import ShipyardModel
import ShipyardSystem

/// Something that this process has started, with all that came of it: known by a mark in its environment, by
/// descent, and, in a process that adopts orphans, by having come to it since.
package struct StartedTree: Sendable {
    private let root: Int32
    private let variable: String
    private let mark: BytePath
    private let startTicks: UInt64

    /// - Parameter root: just started, with `variable` set to `mark`, which nothing else has.
    package init(root: Int32, variable: String, mark: String) {
        self.root = root
        self.variable = variable
        self.mark = BytePath(mark)
        startTicks = ProcessStat(of: root)?.startTicks ?? .max
    }

    private static let rounds = 200
    private static let pauseMicroseconds: UInt32 = 5_000

    /// Stops what there is until no more of it appears, kills it, and looks again until there is none. `root` is
    /// among it while it has not been waited for.
    package func end() {
        for _ in 0..<Self.rounds {
            var stopped: Set<ProcessStamp> = []
            while case let new = members().filter({ !stopped.contains($0) }), !new.isEmpty {
                for process in new {
                    process.signal(SIGSTOP)
                    stopped.insert(process)
                }
            }
            guard !stopped.isEmpty else { return }
            for process in stopped { process.signal(SIGKILL) }
            usleep(Self.pauseMicroseconds)
        }
    }

    private func members() -> [ProcessStamp] {
        let strangers = OwnChildren.strangers()
        let own = getpid()
        let table = ProcessTable.processIDs().compactMap { ProcessStat(of: $0) }
            .filter { $0.isAlive && $0.processID != own && $0.startTicks >= startTicks }
        let tops = table.lazy.map(\.processID).filter { isTop($0, strangers) }
        let found = ProcessTable.withDescendants(Set(tops), in: table)
        return table.filter { found.contains($0.processID) }.map { ProcessStamp($0) }
    }

    private func isTop(_ processID: Int32, _ strangers: Set<Int32>) -> Bool {
        if processID == root || ProcessTable.environmentValue(variable, of: processID) == mark { return true }
        // What bears a node's mark is what an agent has left, and its teardown's.
        return strangers.contains(processID) && ProcessTable.agentRoot(of: processID) == nil
            && ProcessTable.environmentValue("AZ_BATCH_NODE_ROOT_DIR", of: processID) == nil
    }
}
