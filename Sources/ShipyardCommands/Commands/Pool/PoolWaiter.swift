import Glibc
import ShipyardAPI
import ShipyardSystem

/// Follows a pool until its nodes are ready, or until it is gone.
struct PoolWaiter {
    private static let longestPause: UInt32 = 500_000

    private let service: ServiceClient
    private let console: Console

    init(_ service: ServiceClient, _ console: Console) {
        self.service = service
        self.console = console
    }

    /// Failed when no node can ever take a task: then its start tasks' messages are shown.
    func waitForNodes(
        of id: String, isInterrupted: () -> Bool = { false }
    ) throws(CommandFailure) -> ExitCode {
        var pause: UInt32 = 10_000
        while true {
            if isInterrupted() { return .interrupted }
            guard let pool: PoolResponse = try service.find(ServiceClient.pool(id)), pool.state != "deleting"
            else { throw CommandFailure(.failed, "pool \(id) was deleted while its nodes were waited for") }
            if isSettled(pool) { return try report(pool) }
            usleep(pause)
            // Nodes come up in milliseconds when there is no start task, so the first looks are close together.
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// Follows the removal to its end; nil where the service says nothing about it.
    func waitForRemoval(of id: String) throws(CommandFailure) -> RemovalResponse? {
        var pause: UInt32 = 10_000
        let display = ProgressDisplay(console)
        defer { display.clear() }
        while let pool = try service.find(ServiceClient.pool(id), as: PoolResponse.self) {
            // Nothing for what is over in a moment.
            if pause == Self.longestPause, let files = pool.removedFiles, files > 0 {
                display.show(removed: files, of: "pool \(id)", at: SystemClock.monotonicSeconds())
            }
            usleep(pause)
            pause = min(pause * 2, Self.longestPause)
        }
        return try service.find(ServiceClient.pool(id) / "removal")
    }

    /// What was looked for after the removal, a line for each kind of thing.
    static func report(_ removal: RemovalResponse, on console: Console) {
        if removal.isComplete, !console.isVerbose {
            return console.say("pool \(removal.poolId) removed: no process, mount, socket or file of it is left (-v says how that is known)")
        }
        console.say("pool \(removal.poolId) removed:")
        for check in removal.checks { console.say("  \(check)") }
    }

    private func isSettled(_ pool: PoolResponse) -> Bool {
        guard pool.allocationState == "steady" else { return false }
        let settled = ["idle", "running", "startTaskFailed", "unusable", "offline"]
        return pool.nodeCounts.allSatisfy { $0.value == 0 || settled.contains($0.key) }
    }

    private func report(_ pool: PoolResponse) throws(CommandFailure) -> ExitCode {
        let total = pool.nodeCounts.values.reduce(0, +)
        let broken = (pool.nodeCounts["startTaskFailed"] ?? 0) + (pool.nodeCounts["unusable"] ?? 0)
        console.say(
            "\(total - broken) of \(counted(total, "node")) ready, \(counted(pool.taskSlotsPerNode, "task slot")) each"
        )
        guard broken > 0 else { return .done }
        for node in try service.nodes(of: pool.id) where ["startTaskFailed", "unusable"].contains(node.state)
        {
            let why = node.startTaskInfo?.failureInfo.map { ": \($0.message)" } ?? ""
            console.warn("node \(node.id) is \(node.state)\(why)")
            console.say("  its output is in \(node.rootDirectory)/startup/stderr.txt")
        }
        return total > broken ? .done : .failed
    }
}
