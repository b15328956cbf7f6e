import ShipyardEngine
import ShipyardModel

/// Where nodes are and work runs: this machine, or one day a cluster. The simulation is one, too.
///
/// Belongs to the loop's thread. No order blocks and none answers: whatever comes of it arrives later as a
/// `SubstrateEvent`. An order for a node that is gone, or that cannot be reached now, does nothing: the node's loss is on
/// its way, or its `nodeConnected`, upon which the engine orders anew what is not known there. Orders to one node
/// arrive in their order.
package protocol Substrate: AnyObject {
    // MARK: Orders

    /// Answered by `nodeConnected`, or by `nodeLost`.
    func allocate(_ node: NodeHandle, _ description: NodeDescription)
    /// After a start of the service: takes up again what should be there. Answered by `nodeConnected`; where nothing
    /// lives by `nodeLost` with the exits that were left there; where nothing ever was as `allocate`.
    func recover(_ node: NodeHandle, _ description: NodeDescription)
    /// Starts it, or keeps it until a slot is free. Nothing where the node knows the work already: an order may be
    /// given again. Answered by `workStarted` and `workExited`, or by `workReturned`.
    func start(_ work: WorkAssignment, on node: NodeHandle)
    /// Ends the work, also where it has not started; this is then its outcome. Unknown work has exited already.
    func cancel(_ work: WorkID, _ outcome: Outcome, on node: NodeHandle)
    /// Answered by `filesRemoved` or `filesNotRemoved`, and answered again when asked again, until `forgetRemoval`:
    /// asking again never takes what has come to the place since.
    func removeFiles(_ id: RemovalID, of owner: FilesOwner, on node: NodeHandle)
    /// How the removal ended is stored.
    func forgetRemoval(_ id: RemovalID, on node: NodeHandle)
    /// Ends what runs there. Answered by `nodeLost`.
    func reboot(_ node: NodeHandle)
    /// Ends everything that belongs to the node and deletes what is left of it. Answered by `nodeReleased`.
    func release(_ node: NodeHandle, _ description: NodeDescription)
    /// Looks for what a pool without nodes has left, and removes it. Answered by `poolVerified`.
    func verifyReleased(_ pool: PoolID)
    /// No work of the job is ordered any more.
    func jobEnded(_ job: UInt32)
    /// All that `takeEvents` has handed out is stored, and what follows from it is ordered: who has told it need not
    /// keep it any more.
    func turnCommitted()
    /// The core is given up: its nodes are forgotten, and live on until the next one recovers them.
    func reset()

    // MARK: Questions

    /// Nil where nothing of the place is there any more. Nothing changes by it; it is no matter of the node's agent.
    func way(to place: ReachedPlace) -> NodeReach?

    // MARK: For the loop

    /// What has arrived since the last call.
    func takeEvents() -> [SubstrateEvent]
    var hasEvents: Bool { get }
    /// When `wait` has something to do by itself; monotonic microseconds.
    var nextMoment: Int64? { get }
    /// Until there is news or it is `moment`, in monotonic microseconds.
    func wait(until moment: Int64, for news: AwaitedNews)

    /// For any thread.
    var files: any FilesOfNodes { get }
    /// How far the files of work have come.
    var transfers: TransferBoard { get }
}

package enum AwaitedNews: Sendable {
    case anything
    /// From other threads of the service only: nodes may have more to say soon.
    case calls
}

/// What must be known of a node to make it, or to find it again.
package struct NodeDescription: Sendable {
    package var pool: PoolID
    package var id: NodeID
    /// Counts the agents of the node.
    package var boot: Int64
    package var slots: Int
    package var isDedicated: Bool
    /// Of its agent of this boot; nil where that was started by a program that knew none.
    package var token: KnownToken?
    /// False until it was allocated once: recovering it means allocating it.
    package var mayExist: Bool
}

/// What the substrate tells the service.
package enum SubstrateEvent: Sendable {
    /// From here on the node takes orders. What it has to tell besides follows. One that is outdated keeps what it has
    /// and should be started anew when that has ended.
    case nodeConnected(NodeHandle, running: [WorkID], queued: [WorkID], isOutdated: Bool = false)
    /// Nothing of the node is alive. `exits` are those that no service has stored.
    case nodeLost(NodeHandle, reason: String, exits: [WorkExit])
    /// The node has answered nothing for a while. `nodeHeard` follows when it does again, or `nodeLost` when that
    /// took too long and all that it had was ended.
    case nodeSilent(NodeHandle)
    case nodeHeard(NodeHandle)
    /// For reasons of the node's own, such as a full disk.
    case nodeCannotStartWork(NodeHandle, reason: String)
    case nodeCanStartWork(NodeHandle)
    case nodeReleased(NodeHandle, NodeRemoval)

    case workStarted(NodeHandle, WorkID)
    /// Told again after each `nodeConnected` until a turn that had it was committed.
    case workExited(NodeHandle, WorkID, AttemptResult)
    /// It has not started, and never will under this order.
    case workReturned(NodeHandle, WorkID)

    case filesRemoved(NodeHandle, RemovalID)
    case filesNotRemoved(NodeHandle, RemovalID, RemovalFailure)
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
