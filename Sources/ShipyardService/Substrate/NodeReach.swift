import ShipyardModel

/// How somebody gets to a command line on a node, in the place of a task or in the node's own.
package struct NodeReach: Sendable {
    /// Words before the command, for nodes elsewhere: a program that runs there what follows, with the environment
    /// that it is started with. None where the node is on this machine.
    package var prefix: [String] = []
    /// Absolute, on the node.
    package var directory: String
    /// `NAME=value`, a NUL after each. Secret as a whole: a task's has its secrets, and they stand in no list of arguments.
    package var environment: Secret

    package init(directory: String, environment: Secret) {
        self.directory = directory
        self.environment = environment
    }
}

/// What is asked for.
package struct ReachedPlace: Sendable {
    package var node: NodeDescription
    /// The node's work; nil for the node itself.
    package var work: WorkAssignment?
    /// Of the work, or of what any work there has.
    package var template: WorkTemplate
}

extension Substrate {
    /// Of one that nobody can step into.
    package func way(to place: ReachedPlace) -> NodeReach? { nil }
}
