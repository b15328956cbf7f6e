/// The versions of the protocol that a program speaks. An agent outlives its service, so the two may be of different
/// builds: each hello offers a range, and the agent takes the newest that both know (docs/adr/0019).
package struct ProtocolVersions: Sendable, Hashable {
    package var oldest: UInt8
    package var newest: UInt8

    package init(oldest: UInt8, newest: UInt8) {
        self.oldest = oldest
        self.newest = newest
    }

    /// 2 has no token and no range: its hello is a frame of its own version. 1 was the first release's.
    package static let beforeGreetings: UInt8 = 2
    package static let ofThisProgram = ProtocolVersions(oldest: beforeGreetings, newest: 3)

    /// For tests of what an older program does: `SHIPYARD_PROTOCOL=2`. Nil for what this program cannot speak.
    package init?(_ text: String) {
        guard let version = UInt8(text), Self.ofThisProgram.includes(version) else { return nil }
        self.init(oldest: version, newest: version)
    }

    package func includes(_ version: UInt8) -> Bool { oldest <= version && version <= newest }

    /// Nil where the two have nothing in common.
    package func newest(with other: ProtocolVersions) -> UInt8? {
        let common = min(newest, other.newest)
        return common >= max(oldest, other.oldest) ? common : nil
    }

    /// Whether it reads the frames in which versions are agreed upon.
    package var hasGreetings: Bool { newest > Self.beforeGreetings }
}
