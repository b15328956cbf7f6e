import CLinux
import Glibc
import Synchronization

/// The children that this process has started itself. A subreaper has others, too: what an agent that was killed
/// has left comes to its service, without a mark if it liked, and is told from the service's own by not being
/// known here.
package enum OwnChildren {
    private static let known = Mutex<Set<Int32>>([])

    /// Starts a process in `start`, which returns its number or one that is not positive. No stranger is looked
    /// for meanwhile, so that none is taken for one before it is known.
    package static func start(_ start: () -> Int32) {
        known.withLock { known in
            let processID = start()
            if processID > 0 { known.insert(processID) }
        }
    }

    /// It has been waited for.
    package static func forget(_ processID: Int32) { known.withLock { _ = $0.remove(processID) } }

    /// Living children that came here because their agent is dead. Empty in a process that is no subreaper.
    static func strangers() -> Set<Int32> {
        guard shipyard_is_subreaper() != 0 else { return [] }
        let own = getpid()
        return known.withLock { known in
            var found: Set<Int32> = []
            for processID in ProcessTable.processIDs() where !known.contains(processID) {
                guard let stat = ProcessStat(of: processID), stat.parent == own else { continue }
                if stat.isAlive { found.insert(processID) } else { waitpid(processID, nil, WNOHANG) }
            }
            return found
        }
    }
}
