import Glibc
import ShipyardModel
import Synchronization

/// What an agent is told when it starts: who it is. Everything else comes over its connections.
package struct NodeAgentOptions: Sendable {
    package var root: String
    package var pool: String
    package var node: String
    /// Counts the agents of this node; given by the service, told back in `welcome`.
    package var boot: Int64
    package var slots: Int
    package var isDedicated: Bool
    /// Of the service that this agent belongs to.
    package var state: StateID
    /// The life of that service.
    package var life: LifeID
    /// What files of tasks do not get: the umask of the user, where the service and its agents have a stricter one.
    package var umask: UInt16
    /// Not on the command line, which everybody on the machine reads: it comes on the standard input.
    package var token: AgentToken?
    package var versions = ProtocolVersions.ofThisProgram

    package init(
        root: String, pool: String, node: String, boot: Int64, slots: Int, isDedicated: Bool, state: StateID,
        life: LifeID, umask: UInt16 = UserMask.value
    ) {
        self.umask = umask
        self.root = root
        self.pool = pool
        self.node = node
        self.boot = boot
        self.slots = slots
        self.isDedicated = isDedicated
        self.state = state
        self.life = life
    }

    /// What follows `shipyard-swift` on the command line.
    package var arguments: [String] {
        var words = [
            "node-agent", "--root", root, "--pool", pool, "--node", node, "--boot", String(boot), "--slots",
            String(slots), "--state", state.text, "--life", life.text, "--umask", String(umask, radix: 8),
            isDedicated ? "--dedicated" : "--low-priority",
        ]
        if token != nil { words.append(Self.tokenOption) }
        if versions != .ofThisProgram { words += ["--protocol", String(versions.newest)] }
        return words
    }

    private static let tokenOption = "--token-on-input"

    /// Reads `arguments` back, without the leading `node-agent`. Throws a sentence for the user.
    package init(parsing arguments: [String]) throws(NodeAgentUsage) {
        var values: [String: String] = [:]
        var isDedicated = true
        var hasToken = false
        var rest = arguments[...]
        while let option = rest.popFirst() {
            switch option {
            case "--dedicated": isDedicated = true
            case "--low-priority": isDedicated = false
            case Self.tokenOption: hasToken = true
            case "--root", "--pool", "--node", "--boot", "--slots", "--state", "--life", "--umask",
                "--protocol":
                guard let value = rest.popFirst() else { throw NodeAgentUsage("\(option) needs a value") }
                values[option] = value
            default: throw NodeAgentUsage("unknown option \(option)")
            }
        }
        guard let root = values["--root"], root.hasPrefix("/") else {
            throw NodeAgentUsage("--root needs an absolute path")
        }
        guard let pool = values["--pool"], let node = values["--node"] else {
            throw NodeAgentUsage("--pool and --node are needed")
        }
        guard let boot = Int64(values["--boot"] ?? "1"), let slots = Int(values["--slots"] ?? "1"), slots > 0
        else { throw NodeAgentUsage("--boot and --slots need numbers, --slots from 1") }
        guard let state = values["--state"].flatMap(StateID.init) else {
            throw NodeAgentUsage("--state needs 32 hexadecimal digits")
        }
        guard let life = values["--life"].flatMap(LifeID.init) else {
            throw NodeAgentUsage("--life needs 32 hexadecimal digits")
        }
        guard let umask = UInt16(values["--umask"] ?? "22", radix: 8), umask <= 0o777 else {
            throw NodeAgentUsage("--umask needs an octal number up to 777")
        }
        self.init(
            root: root, pool: pool, node: node, boot: boot, slots: slots, isDedicated: isDedicated,
            state: state, life: life, umask: umask)
        if let text = values["--protocol"] {
            guard let versions = ProtocolVersions(text) else {
                throw NodeAgentUsage("--protocol needs a version that is spoken here")
            }
            self.versions = versions
        }
        if hasToken {
            guard let token = Self.tokenOnInput() else {
                throw NodeAgentUsage("\(Self.tokenOption) needs 32 hexadecimal digits on the standard input")
            }
            self.token = token
        }
    }

    /// All that is on the standard input, and no more than a token has.
    private static func tokenOnInput() -> AgentToken? {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64)
        while bytes.count < 33 {
            let count = read(0, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += block[..<count]
        }
        return String(validating: bytes, as: UTF8.self).flatMap { AgentToken($0) }
    }
}

/// The umask that this process was started with, before it has taken a stricter one for its own files.
package enum UserMask {
    private static let mask = Mutex<UInt16>(0o022)

    package static var value: UInt16 { mask.withLock { $0 } }

    /// Makes `own` this process's umask and keeps the one that it had, for tasks.
    package static func exchange(for own: mode_t) {
        let old = UInt16(truncatingIfNeeded: Glibc.umask(own)) & 0o777
        mask.withLock { $0 = old }
    }
}

package struct NodeAgentUsage: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
