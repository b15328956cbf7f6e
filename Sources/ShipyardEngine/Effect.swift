import ShipyardModel

/// Names a node for the life of one engine: shorter than its ids, and never used again.
package struct NodeHandle: Hashable, Sendable {
    package let index: Int
    package init(index: Int) { self.index = index }
}

/// What the service must do once the writes of the turn are committed, in order. Imperative: each is a command.
package enum Effect: Sendable, Hashable {
    /// Make the node's directory and start its agent. Answered by `nodeConnected` or `nodeLost`.
    case launchNode(NodeHandle)
    /// Send the work to the node's agent. Answered by `workExited`, `workReturned` or `nodeLost`.
    case startWork(NodeHandle, WorkID)
    case killWork(NodeHandle, WorkID, Outcome)
    /// End the agent and all that belongs to the node, delete its directory. Answered by `nodeRemoved`.
    case removeNode(NodeHandle)
    /// Look for anything that a pool without nodes has left. Answered by `poolRemoved`.
    case verifyPoolRemoved(PoolID)
    /// Delete what a job or a task has left on a node. Answered by `filesRemoved` or `filesNotRemoved`, and asked for again
    /// whenever the node connects until it is.
    case removeFiles(NodeHandle, RemovalID, FilesOwner)
    /// The node's answer about a removal is stored.
    case forgetRemoval(NodeHandle, RemovalID)
    /// Look for files that are kept no longer, and want them removed. Answered by `oldFilesFound`.
    case findOldFiles(RetentionSweep)
    /// End the node's agent and its work. Answered by `nodeLost`.
    case shutDownNode(NodeHandle)
    /// Make the jobs of the run's present attempt. Answered by `runStarted` or `runNotStarted`.
    case startRun(RunKey)
}
