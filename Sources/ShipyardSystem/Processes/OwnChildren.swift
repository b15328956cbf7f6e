import CLinux
import Glibc
import Synchronization

/// The children that this process has started itself. A subreaper has others, too: what an agent that was killed
/// has left comes to its service, without a mark if it liked, and is told from the service's own by not being
/// known here.
package enum OwnChildren {
    private static let known = Mutex<Set<Int32>>([])
    /// Set once, before there is any agent.
    private static let others = Mutex<String?>(nil)

    /// Why a child that is not known here may be nobody's that an agent has left. Nil where it is for certain.
    package static var doubt: String? { others.withLock { $0 } }

    /// From now on orphans of descendants come here. What was a child before (of the program that became this one),
    /// and what that starts, is no business of ours; neither is an orphan of a container that it is the first
    /// process of. Then nobody is taken for what an agent has left: those cannot be told apart.
    package static func adopt() {
        others.withLock { others in
            if getpid() == 1 {
                others = "the service is the first process of its container, to which all orphans there come"
            } else if ProcessTable.processIDs().contains(where: {
                ProcessStat(of: $0).map { $0.isAlive && $0.parent == getpid() } == true
            }) {
                others = "the service began with children that are not its own"
            }
        }
        _ = shipyard_become_subreaper()
    }

    /// Ends what `adopt` began.
    package static func resign() {
        _ = shipyard_resign_as_subreaper()
        others.withLock { $0 = nil }
    }

    /// Starts a process in `start`, which returns its number or one that is not positive. No stranger is looked
    /// for meanwhile, so that none is taken for one before it is known.
    package static func start(_ start: () -> Int32) {
        known.withLock { known in
            let processID = start()
            if processID > 0 { known.insert(processID) }
        }
    }

    /// How a child has ended, and that is forgotten here. Nil while it lives; never waits. One that is no child any more
    /// has ended as nobody knows.
    package static func end(of processID: Int32) -> ChildEnd? {
        var status: Int32 = 0
        let found = waitpid(processID, &status, WNOHANG)
        guard found != 0 else { return nil }
        forget(processID)
        guard found == processID, status & 0x7F == 0 else { return .other }
        return .exited((status >> 8) & 0xFF)
    }

    package enum ChildEnd: Sendable, Hashable {
        case exited(Int32)
        case other
    }

    /// It has been waited for.
    package static func forget(_ processID: Int32) { known.withLock { _ = $0.remove(processID) } }

    /// Living children that came here because their agent is dead. Empty in a process that is no
    /// subreaper, and in one that may have other children.
    package static func strangers() -> Set<Int32> {
        guard shipyard_is_subreaper() != 0 else { return [] }
        let own = getpid()
        return known.withLock { known in
            var found: Set<Int32> = []
            for processID in ProcessTable.processIDs() where !known.contains(processID) {
                guard let stat = ProcessStat(of: processID), stat.parent == own else { continue }
                if stat.isAlive { found.insert(processID) } else { waitpid(processID, nil, WNOHANG) }
            }
            return doubt == nil ? found : []
        }
    }
}
