import CLinux
import Glibc

/// What this process shows of itself, and what comes to it.
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
}
