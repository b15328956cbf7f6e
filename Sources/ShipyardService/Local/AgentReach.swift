import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardSystem

/// Gets at agents, for worker threads: all of this blocks, though never for long.
struct AgentReach: Sendable {
    let launcher: any AgentLaunching
    let lives: StateLives

    enum Outcome: Sendable {
        case connected(AgentStream, launched: Int32?)
        /// No process of the node lives any more; what it had started was ended.
        case lost(reason: String, exits: [WorkExit])
        case notLaunched(SystemError)
        /// It does not answer now, and nothing proves that it is dead.
        case unreachable(SystemError, launched: Int32?)
        /// An agent of another state, or of a life that this one does not know, had the node. Nothing of it is left
        /// there.
        case strangerRemoved(aside: String?)
    }

    /// A launch is waited for here, as it mostly takes some milliseconds. Those who take longer are looked after
    /// by the loop, so that they hold no thread.
    private static let launchPatience = TimeSpan(milliseconds: 500)
    /// For an agent that was told to leave.
    private static let leavingPatience = TimeSpan.seconds(2)

    func launch(_ options: NodeAgentOptions, over transport: any AgentTransport) -> Outcome {
        // What a dead agent has left that is not ours: the next one would take it up. A living one says it itself.
        if let old = try? JournalReader.read(root: options.root), !old.isKnown(to: lives),
            AgentLock.isFree(root: options.root)
        {
            return Self.removeStranger(options.root)
        }
        do throws(SystemError) {
            let process = try launcher.launch(options)
            return connect(to: options.root, over: transport, for: Self.launchPatience, launched: process)
        } catch {
            return .notLaunched(error)
        }
    }

    /// Tries until the agent answers, is proved dead, or `patience` is over. A connection that fails proves nothing:
    /// we may have no descriptor left, or the agent too many callers.
    func connect(
        to root: String, over transport: any AgentTransport, for patience: TimeSpan, launched: Int32?
    ) -> Outcome {
        let end = SystemClock.monotonicMicroseconds() + patience.milliseconds * 1000
        var child = launched
        while true {
            // Asked before the attempt: an agent that found another one alive has ended, and that one answers.
            if let process = child, AgentLauncher.reap(process) { child = nil }
            // One that we have just launched takes its lock in a moment. Nobody else lives without it.
            if child == nil, AgentLock.isFree(root: root) {
                return lose(
                    root,
                    reason: launched == nil ? "its agent is not there any more" : "its agent did not come up")
            }
            let failure: SystemError
            do throws(SystemError) {
                return .connected(try transport.open(root), launched: child)
            } catch {
                failure = error
            }
            guard SystemClock.monotonicMicroseconds() < end else {
                return .unreachable(failure, launched: child)
            }
            usleep(1000)
        }
    }

    /// Ends the agent, should it live, and what it has left, before its tasks may run elsewhere.
    /// Journals of other lives are not believed.
    func lose(_ root: String, reason: String) -> Outcome {
        var why = reason
        var exits: [WorkExit] = []
        do throws(SystemError) {
            let journal = try JournalReader.read(root: root)
            NodeTeardown.endProcesses(root: root, journal: journal)
            // Once more: what was still alive a moment ago may have written its exit.
            let last = try JournalReader.read(root: root, believing: lives)
            guard last.isKnown(to: lives) else { return Self.removeStranger(root) }
            exits = last.unacknowledged.map { WorkExit($0.id, $0.result) }
        } catch {
            // Its exits are lost, so its tasks run again: not while they still run here.
            NodeTeardown.endProcesses(root: root, journal: JournalState())
            why = "\(reason), and its journal cannot be read: \(error)"
        }
        return .lost(reason: why, exits: exits)
    }

    /// Ends a stranger with all that it has, and moves its directory out of the way: nothing in it may be taken for
    /// ours, neither its exits nor its files.
    static func removeStranger(_ root: String) -> Outcome {
        let end = SystemClock.monotonicMicroseconds() + leavingPatience.milliseconds * 1000
        while !AgentLock.isFree(root: root), SystemClock.monotonicMicroseconds() < end { usleep(5000) }
        let journal = (try? JournalReader.read(root: root)) ?? JournalState()
        NodeTeardown.endProcesses(root: root, journal: journal)
        if let aside = NodeDirectory.moveAside(NodePath(root)) { return .strangerRemoved(aside: aside.text) }
        let error = errno
        if access(root, F_OK) != 0 { return .strangerRemoved(aside: nil) }
        return .notLaunched(SystemError("rename", path: root, errno: error))
    }
}

/// The lock that an agent holds for as long as it lives: the kernel's own word on whether it does.
enum AgentLock {
    /// True only where that is certain.
    static func isFree(root: String) -> Bool { isFree(NodePath(root)) }

    static func isFree(_ root: NodePath) -> Bool {
        do throws(SystemError) {
            let lock = try root.openFile(NodeLayout.lockName, O_RDWR)
            return flock(lock.number, LOCK_EX | LOCK_NB) == 0
        } catch {
            return error.errno == ENOENT || error.errno == ENOTDIR
        }
    }
}

/// Node directories whose names are needed for something else.
enum NodeDirectory {
    private static let asidePrefix = ".left-"

    /// Renames it within its pool's directory to a name that no node can have and that is never used again. Nil
    /// when there is nothing, or it cannot be moved.
    static func moveAside(_ root: NodePath) -> NodePath? {
        let number = randomSuffix()
        return root.moved(
            to: BytePath(bytes: Array(asidePrefix.utf8) + root.name.bytes + Array("-\(number)".utf8)))
    }

    static func isAside(_ name: BytePath) -> Bool { name.bytes.starts(with: asidePrefix.utf8) }
}
