import Glibc
import ShipyardModel
import ShipyardSystem

extension NodeGroup {
    /// Makes a control group for the node and takes the agent into it; its tasks are born there, at no cost.
    ///
    /// - Parameter root: the agent's root, where the agent is.
    static func enter(from root: String = ".") -> NodeGroup {
        do throws(SystemError) {
            guard let identity = FileIdentity(ofRoot: BytePath(root)) else {
                throw SystemError("look at", path: root, errno: errno)
            }
            let group = try ControlGroup.make(for: identity)
            do throws(SystemError) {
                try group.enter()
            } catch {
                group.remove()
                throw error
            }
            return .made(path: group.path)
        } catch {
            return .none(reason: reason(error.description))
        }
    }

    static func reason(_ obstacle: String) -> String { "no control group could be made: \(obstacle)" }

    /// The agent goes, all its work has ended. Whatever is in the group nevertheless goes with it.
    func leave() {
        guard case .made(let path) = self, let group = ControlGroup(path: path) else { return }
        group.leave()
        guard !group.holds(getpid()) else { return }
        _ = group.kill()
        for _ in 0..<100 where !group.remove() { usleep(5_000) }
    }
}
