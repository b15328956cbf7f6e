import Glibc

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
