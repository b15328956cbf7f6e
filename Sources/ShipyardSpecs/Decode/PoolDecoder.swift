import ShipyardModel

extension PoolSpec {
    /// From a validated pool file; nil where the id is not one, which the validator has then reported.
    init?(decoding root: SyntaxNode) {
        guard let pool = Fields(root, SchemaTable.pool).fields("pool_specification"),
            let id = pool.string("id").flatMap(PoolID.init)
        else { return nil }
        self.init(id: id)
        vmSize = pool.string("vm_size")
        let count = pool.fields("vm_count")
        dedicatedNodes = count?.integer("dedicated") ?? 0
        lowPriorityNodes = count?.integer("low_priority") ?? 0
        taskSlotsPerNode = pool.integer("task_slots_per_node") ?? pool.integer("max_tasks_per_node") ?? 1
        nodeFillType = pool.word("node_fill_type") ?? .spread
        interNodeCommunication = pool.bool("inter_node_communication_enabled") ?? false
        rebootOnStartTaskFailed = pool.bool("reboot_on_start_task_failed") ?? false
        resizeTimeout = pool.duration("resize_timeout")
        if let autoscale = pool.fields("autoscale") {
            hasAutoscale = autoscale.string("formula")?.isEmpty == false || autoscale.has("scenario")
        }
        if let preparation = pool.fields("additional_node_prep") {
            nodePrepPre = preparation.fields("commands")?.strings("pre") ?? []
            nodePrepPost = preparation.fields("commands")?.strings("post") ?? []
            nodePrepEnvironment = preparation.environment()
            nodePrepEnvironmentSecret = preparation.environmentSecret()
        }
        resourceFiles = pool.resourceFiles()
        inputData = pool.inputData()
        startTask = pool.fields("start_task").flatMap(StartTaskSpec.init(decoding:))
        applicationPackages = pool.list("application_packages").map { package in
            ApplicationPackageSpec(
                id: package.string("id") ?? "", version: package.string("version") ?? "",
                path: package.string("path") ?? "")
        }
    }
}

extension StartTaskSpec {
    fileprivate init?(decoding fields: Fields) {
        guard let command = fields.string("command") else { return nil }
        self.init(command: command)
        environmentVariables = fields.environment()
        resourceFiles = fields.resourceFiles()
        maxTaskRetries = fields.integer("max_task_retries") ?? 0
        waitForSuccess = fields.bool("wait_for_success") ?? true
    }
}
