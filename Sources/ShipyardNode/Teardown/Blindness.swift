import ShipyardModel
import ShipyardSystem
import Synchronization

/// Why a process of a node might not be seen: it can strip its environment, leave its session and its directory and
/// lose its parents, and only a control group knows it then.
enum Blindness {
    /// Of nodes that are gone: their journals told it, and the proof of their pool's removal comes later.
    private static let remembered = Mutex<[String: String]>([:])

    static func reason(of root: String, _ journal: JournalState?) -> String? {
        guard let boot = journal?.boot else {
            // Gone before, or never begun; for a service that has been started since, what holds for a new node.
            let known = remembered.withLock { $0.removeValue(forKey: root) }
            return known ?? ControlGroup.obstacle().map { NodeGroup.reason($0) }
        }
        if let journal, let identity = FileIdentity(ofRoot: BytePath(root)),
            journal.namesForeignGroup(in: identity)
        {
            return "the control group that its journal names is another node's"
        }
        // What another boot of the machine had running is gone with it.
        guard boot.machine == MachineID.current(), case .none(let reason) = boot.group else { return nil }
        remembered.withLock { $0[root] = reason }
        return reason
    }
}

extension TeardownReport {
    /// How processes were looked for, and what that could not see: for the proof of a removal.
    package static func means(of reports: [TeardownReport]) -> String {
        guard let reason = reports.lazy.compactMap(\.blindness).first else {
            let means = "by control group, environment, descent and working directory"
            guard ControlGroup.mayBeLeft else { return means }
            return
                "\(means); cannot see: processes that moved themselves to another control group, as this user may, "
                + "and left their session, their parents, their environment and their directory"
        }
        return
            "by environment, descent and working directory; cannot see: processes that left their session, "
            + "their parents, their environment and their directory; "
            + ([reason] + (OwnChildren.doubt.map { [$0] } ?? [])).joined(separator: "; ")
    }
}
