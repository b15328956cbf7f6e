import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel

/// Rules between keys, which no table of single keys can hold. They look at the tree rather than at decoded
/// types, so that they speak up beside other errors of the same file.
enum CrossChecks {
    static func check(
        _ root: SyntaxNode, kind: SpecKind, zones: ZoneFiles, _ diagnostics: inout Diagnostics
    ) {
        switch kind {
        case .pool:
            guard let pool = root["pool_specification"] else { return }
            checkNodeKinds(pool, &diagnostics)
            checkSlots(pool, &diagnostics)
        case .jobs:
            for job in root["job_specifications"]?.elements ?? [] {
                checkParameters(job, &diagnostics)
                checkTables(job, &diagnostics)
                for task in job["tasks"]?.elements ?? [] {
                    guard diagnostics.all.count < SpecLimits.findingsPerFile else { return }
                    checkTask(task, &diagnostics)
                }
                if let merge = job["merge_task"] {
                    checkImages(merge, &diagnostics)
                    checkTables(merge, &diagnostics)
                }
            }
        case .schedules: ScheduleChecks.check(root, zones: zones, &diagnostics)
        case .config:
            for rule in root["lifecycle"]?.elements ?? [] { checkAges(rule, &diagnostics) }
        case .credentials:
            for entry in root["credentials"]?["storage"]?.entries ?? [] { checkS3(entry.value, &diagnostics) }
        case .fs: return
        }
    }

    /// What no service of S3 could be asked with.
    private static func checkS3(_ account: SyntaxNode, _ diagnostics: inout Diagnostics) {
        let keys = ["secret_access_key", "secret_access_key_keyvault_secret_id"].lazy.compactMap { account[$0] }
        let (id, key) = (account["access_key_id"], keys.first)
        guard let isS3 = account["type"]?.string == "s3" ? account["type"] : id ?? key else { return }
        if let one = id ?? key, id == nil || key == nil {
            let lacking = id == nil ? "access_key_id" : "secret_access_key"
            var finding = Diagnostic.contradiction(
                "of `access_key_id` and `secret_access_key` there must be both or none", one, "no `\(lacking)`", other: one)
            finding.others = []
            diagnostics.report(finding)
        }
        if let endpoint = account["endpoint"], let text = endpoint.string?.lowercased(), !text.isEmpty,
            !text.hasPrefix("https://"), !text.hasPrefix("http://")
        {
            diagnostics.report(
                .contradiction(
                    "the `endpoint` of an S3 account is a URL: `https://host` or `http://host:port`", endpoint,
                    "no `https://` in front", other: isS3))
        }
    }

    /// A file goes from tier to tier in one direction.
    private static func checkAges(_ rule: SyntaxNode, _ diagnostics: inout Diagnostics) {
        let ages = ["cool_after_days", "archive_after_days", "delete_after_days"].compactMap { key in
            rule[key].flatMap { node in node.integer.map { (key, node, $0) } }
        }
        for (earlier, later) in zip(ages, ages.dropFirst()) where earlier.2 >= later.2 {
            diagnostics.report(
                .contradiction(
                    "`\(later.0)` must be more than `\(earlier.0)`", later.1, "not later", other: earlier.1))
        }
    }

    /// `upsert` and `keys` belong together.
    private static func checkTables(_ owner: SyntaxNode, _ diagnostics: inout Diagnostics) {
        for load in owner["output_data"]?["sql"]?.elements ?? [] {
            let keys = load["keys"]
            let isUpsert = load["mode"]?.string == TableMode.upsert.rawValue
            if isUpsert, keys?.elements?.isEmpty ?? true, let mode = load["mode"] {
                diagnostics.report(
                    .contradiction("`upsert` needs `keys`: the columns that tell rows apart", mode, "no keys", other: load))
            }
            if !isUpsert, let keys, keys.elements?.isEmpty == false {
                diagnostics.report(
                    .contradiction("`keys` have a meaning for `mode: upsert` alone", keys, "no upsert", other: load["mode"] ?? load))
            }
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
        checkTables(task, &diagnostics)
        guard let factory = task["task_factory"], factory["custom"] == nil else { return }
        for entry in factory.entries ?? [] where entry.key.string == "file" {
            guard entry.value.entries != nil, entry.value["azure_storage"] == nil else { continue }
            diagnostics.report(.incompleteFactory(entry.key, needs: "azure_storage"))
        }
    }

    private static func checkParameters(_ job: SyntaxNode, _ diagnostics: inout Diagnostics) {
        var variables: [String: ParameterSpec] = [:]
        for spec in ParameterSpec.declared(in: job) {
            guard let node = job["parameters"]?[spec.name], node.entries != nil else { continue }
            for choice in node["choices"]?.elements ?? [] {
                checkValue(choice, spec.withoutLimits, &diagnostics)
            }
            if let value = node["default"] { checkValue(value, spec, &diagnostics) }
            if let flag = node["required"], case .bool(true) = flag.content, let value = node["default"] {
                diagnostics.report(
                    .contradiction(
                        "a parameter with a default is never missing", flag, "required", other: value))
            }
            if let known = variables[spec.variable] {
                diagnostics.report(.sameVariable(spec, known))
            } else {
                variables[spec.variable] = spec
            }
        }
    }

    private static func checkValue(
        _ node: SyntaxNode, _ spec: ParameterSpec, _ diagnostics: inout Diagnostics
    ) {
        guard let text = node.parameterText else { return }
        do throws(ParameterSpec.Problem) {
            _ = try spec.value(text)
        } catch {
            diagnostics.report(.parameterRefused(text, spec, error, at: node.range))
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
