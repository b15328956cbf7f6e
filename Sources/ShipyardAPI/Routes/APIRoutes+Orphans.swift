import ShipyardEngine
import ShipyardModel
import ShipyardService

extension APIRoutes {
    func addOrphans(to router: inout Router) {
        on(.get, "/orphans", in: &router) { _ throws(APIFailure) in
            .json(ListBody(value: try orphans().map { OrphanResponse(path: $0.root, hasAgent: $0.hasAgent) }))
        }
        on(.delete, "/orphans", in: &router) { _ throws(APIFailure) in
            .json(ListBody(value: try orphans().map { node throws(APIFailure) in try end(node) }))
        }
    }

    func orphans() throws(APIFailure) -> [OrphanedNode] {
        // The directories first: a node that is added meanwhile is known before it has one.
        let found = OrphanedNode.all(below: layout)
        let known = try inspect { $0.knownRoots() }
        return found.filter { !$0.isOf(known) }
    }

    private func end(_ node: OrphanedNode) throws(APIFailure) -> OrphanResponse {
        if let obstacle = node.obstacle {
            return OrphanResponse(
                path: node.root, hasAgent: false, processesEnded: 0, problems: [obstacle.description])
        }
        let hadAgent = node.hasAgent
        let killed = node.endProcesses()
        // On the loop's thread: a node of that name that is added now is launched before, or finds nothing.
        let moved = try perform { core, _ throws(Refusal) in
            core.inspect { node.isOf($0.knownRoots()) } ? nil : node.movedAside()
        }
        return OrphanResponse(
            path: node.root, hasAgent: hadAgent, processesEnded: killed,
            problems: moved?.remove() ?? ["a node of this state has it by now, or it cannot be renamed"])
    }
}
