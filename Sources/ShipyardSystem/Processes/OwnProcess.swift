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

/// Which boot of which machine, and which numbering of its processes. Numbers and start times of processes mean
/// nothing under another one: after a restart of a machine or a container they are somebody else's.
package struct MachineID: Hashable, Sendable {
    package var boot: String
    /// `pid:[4026531836]`. A container has one of its own, and on a machine that stays up the next container
    /// may be given the same: so this alone proves nothing.
    package var processNamespace: String

    package init(boot: String, processNamespace: String) {
        self.boot = boot
        self.processNamespace = processNamespace
    }

    /// Of this process. Where `/proc` does not tell, no journal is believed.
    package static func current() -> MachineID? {
        guard let boot = bootName, let namespace = ProcessTable.link("self/ns/pid") else { return nil }
        return MachineID(boot: boot, processNamespace: namespace.description)
    }

    /// Another one after each start of the machine.
    package static var bootName: String? {
        ProcessTable.read("sys/kernel/random/boot_id").map {
            String(decoding: $0.prefix { $0 > 0x20 }, as: UTF8.self)
        }
    }
}
