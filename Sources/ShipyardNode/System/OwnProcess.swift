import CLinux
import Glibc

/// What this process shows of itself, and what it passes on.
package enum OwnProcess {
    /// The user's other processes, tasks above all, cannot look into its memory and its environment any more. An
    /// old kernel or a sandbox that refuses leaves things as they were.
    package static func hide() { _ = shipyard_hide_memory() }

    /// From now on whatever an agent leaves that dies becomes our child: it cannot hide from its teardown, and no
    /// zombie of it stays.
    package static func adoptOrphans() { OwnChildren.adopt() }

    /// As `adoptOrphans`, for as long as `body` runs: what it starts cannot get away.
    package static func whileAdoptingOrphans<Answer, Failure: Error>(
        _ body: () throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        OwnChildren.adopt()
        defer { OwnChildren.resign() }
        return try body()
    }

    /// Takes the exits of adopted children that have ended.
    package static func reapOrphans() { _ = OwnChildren.strangers() }

    /// The variables of this process that a service may have, as `execve` takes them: what a node's processes get,
    /// and what sets the service itself. Everything else is its caller's own business, secrets included.
    package static var serviceEnvironment: [String] {
        var variables = NodeEnvironment.inheritedVariables()
        for name in serviceVariables {
            if let value = getenv(name) { variables.append((name, String(cString: value))) }
        }
        return variables.map { "\($0.name)=\($0.value)" }
    }

    /// Whether this process has nothing in its environment that a service may not have.
    package static var hasServiceEnvironment: Bool {
        var entry = environ
        var count = 0
        while entry.pointee != nil {
            count += 1
            entry += 1
        }
        return count == serviceEnvironment.count
    }

    private static let serviceVariables = [
        "SHIPYARD_SILENCE_SECONDS", "SHIPYARD_AGENT_TRANSPORT", "SHIPYARD_PROTOCOL",
    ]
}
