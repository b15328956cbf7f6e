import ShipyardDiagnostics

/// Rules between keys, which no table of single keys can hold. They look at the tree rather than at decoded
/// types, so that they speak up beside other errors of the same file.
enum CrossChecks {
    static func check(_ root: SyntaxNode, kind: SpecKind, _ diagnostics: inout Diagnostics) {
        switch kind {
        case .pool:
            guard let pool = root["pool_specification"] else { return }
            checkNodeKinds(pool, &diagnostics)
            checkSlots(pool, &diagnostics)
        case .jobs:
            for job in root["job_specifications"]?.elements ?? [] {
                for task in job["tasks"]?.elements ?? [] {
                    guard diagnostics.all.count < SpecLimits.findingsPerFile else { return }
                    checkTask(task, &diagnostics)
                }
                if let merge = job["merge_task"] { checkImages(merge, &diagnostics) }
            }
        case .credentials, .config, .fs: return
        }
    }

    private static func checkNodeKinds(_ pool: SyntaxNode, _ diagnostics: inout Diagnostics) {
        guard let flag = pool["inter_node_communication_enabled"], case .bool(true) = flag.content,
            let count = pool["vm_count"], let dedicated = count["dedicated"]?.integer,
            let lowPriority = count["low_priority"], let number = lowPriority.integer, dedicated > 0,
            number > 0
        else { return }
        diagnostics.report(.mixedNodeKinds(flag, lowPriority: lowPriority))
    }

    private static func checkSlots(_ pool: SyntaxNode, _ diagnostics: inout Diagnostics) {
        guard let ours = pool["task_slots_per_node"], let theirs = pool["max_tasks_per_node"],
            let left = ours.integer, let right = theirs.integer, left != right
        else { return }
        diagnostics.report(
            .contradiction(
                "`task_slots_per_node` and `max_tasks_per_node` are two names of one number", ours,
                "not the same number", other: theirs))
    }

    private static func checkTask(_ task: SyntaxNode, _ diagnostics: inout Diagnostics) {
        checkImages(task, &diagnostics)
        guard let factory = task["task_factory"], factory["custom"] == nil else { return }
        for entry in factory.entries ?? [] where entry.key.string == "file" {
            guard entry.value.entries != nil, entry.value["azure_storage"] == nil else { continue }
            diagnostics.report(.incompleteFactory(entry.key, needs: "azure_storage"))
        }
    }

    private static func checkImages(_ task: SyntaxNode, _ diagnostics: inout Diagnostics) {
        guard let docker = task["docker_image"], docker.string != nil,
            let singularity = task["singularity_image"],
            singularity.string != nil
        else { return }
        diagnostics.report(
            .contradiction(
                "a task has a Docker image or a Singularity image, not both", singularity, "a second image",
                other: docker))
    }
}
