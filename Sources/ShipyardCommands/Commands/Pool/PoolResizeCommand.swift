import ShipyardAPI

/// `pool resize`: brings a pool to the numbers of nodes in pool.yaml.
enum PoolResizeCommand {
    static let command = Command("resize", "bring the pool to the vm_count of pool.yaml")
        .options(.flag("wait", "wait until the nodes are ready"))
        .example("pool resize --pool pools/large.yaml --wait", "adds or removes nodes, then waits")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let (id, target) = try SpecIDs(invocation).resizeTarget()
        let service = try invocation.service()
        try service.post(ServiceClient.pool(id) / "resize", target)
        invocation.console.say(
            "pool \(id) resizes to \(target.targetDedicatedNodes) dedicated and "
                + "\(target.targetLowPriorityNodes) low-priority nodes")
        guard invocation.has("wait") else { return .done }
        return try PoolWaiter(service, invocation.console).waitForNodes(of: id)
    }
}
