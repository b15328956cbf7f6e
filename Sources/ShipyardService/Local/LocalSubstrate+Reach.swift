import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardSystem

extension LocalSubstrate {
    /// Nodes are directories of this machine: nothing stands before the command.
    package func way(to place: ReachedPlace) -> NodeReach? {
        let path = layout.nodeRoot(place.node.id, of: place.node.pool)
        guard let spelled = realpath(path, nil) else { return nil }
        defer { free(spelled) }
        let root = String(cString: spelled)
        let options = NodeAgentOptions(
            root: root, pool: place.node.pool.text, node: place.node.id.text, boot: place.node.boot,
            slots: place.node.slots, isDedicated: place.node.isDedicated, state: lives.state, life: lives.present)
        let surroundings = NodeSurroundings(options)
        let context = context(0, place.template, root: path)
        guard let work = place.work else {
            return NodeReach(directory: root, environment: surroundings.ofNode(context))
        }
        let order = WorkOrder(
            id: work.id, context: 0, name: directoryName(of: work), command: work.command, needs: work.needs,
            staging: nil, secrets: work.secrets)
        let (directory, environment) = surroundings.place(of: order, context)
        let working = directory + "/wd"
        for candidate in [working, directory] where isDirectory(candidate) {
            return NodeReach(directory: candidate, environment: environment)
        }
        return nil
    }

    /// A task may have put a link to anywhere in the place of its directory.
    private func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
