import ShipyardEngine
import ShipyardModel
import ShipyardNode

/// What the service can do to the world. The real one starts processes; the simulated one is a table.
///
/// Nothing here blocks and nothing answers: whatever comes of a call arrives later as a `WorldEvent`. A call
/// for a node that is gone, or that nobody is connected to, does nothing: the node's loss is on its way.
package protocol World: AnyObject {
    /// Makes the node's directory and starts an agent. Answered by `welcome`, or by `nodeLost`.
    func launch(_ node: NodeHandle, _ identity: NodeIdentity)
    /// After a start of the service: connects to the agent that should be there. Answered by `welcome`; where
    /// no agent lives by `nodeLost`, after the exits in its journal; where there never was one by a launch.
    func reach(_ node: NodeHandle, _ identity: NodeIdentity)
    func send(_ messages: [ServiceMessage], to node: NodeHandle)
    /// Ends everything that belongs to the node and deletes its directory. Answered by `nodeRemoved`.
    func remove(_ node: NodeHandle, _ identity: NodeIdentity)
    /// Looks for what a pool has left, and removes it. Answered by `poolVerified`.
    func verifyRemoved(_ pool: PoolID)
}

/// What the world must know of a node.
package struct NodeIdentity: Sendable, Hashable {
    package var pool: PoolID
    package var id: NodeID
    package var boot: Int64
    package var slots: Int
    package var isDedicated: Bool
    /// False until its first agent was started: reaching for it means launching it.
    package var mayHaveAgent: Bool
}

/// What the world tells the service.
package enum WorldEvent: Sendable {
    case message(NodeHandle, AgentMessage)
    /// The agent is dead, and so is everything that it had started. `exits` are those in its journal that no
    /// service has acknowledged.
    case nodeLost(NodeHandle, reason: String, exits: [WorkExit])
    /// The agent is connected and has answered nothing for a while: stopped, swapped out, or hung. `nodeHeard`
    /// follows when it speaks again, or `nodeLost` when that took too long and all that it had was ended.
    case nodeSilent(NodeHandle)
    case nodeHeard(NodeHandle)
    case nodeRemoved(NodeHandle, NodeRemoval)
    case poolVerified(PoolID, PoolVerification)
}

package struct WorkExit: Sendable, Hashable {
    package var work: WorkID
    package var result: AttemptResult
    package init(_ work: WorkID, _ result: AttemptResult) {
        self.work = work
        self.result = result
    }
}

/// What the removal of one node found.
package struct NodeRemoval: Sendable, Hashable, Codable {
    /// Tasks and their descendants that had to be ended; the agent itself is not counted.
    package var processesEnded: Int
    package var problems: [String]
    package init(processesEnded: Int = 0, problems: [String] = []) {
        self.processesEnded = processesEnded
        self.problems = problems
    }
}

/// What was looked for after a pool's last node had gone; a sentence each, and what remained.
package struct PoolVerification: Sendable, Hashable, Codable {
    package var checks: [String]
    package var remains: [String]
    package init(checks: [String] = [], remains: [String] = []) {
        self.checks = checks
        self.remains = remains
    }
}

/// The record of a pool's removal: promise 7's proof.
package struct PoolRemoval: Sendable, Hashable, Codable {
    package var nodes = 0
    package var processesEnded = 0
    package var checks: [String] = []
    package var isComplete = false
    package init() {}
}
