import ShipyardDiagnostics

/// What was probably meant by a key that a mapping does not know.
struct KeySuggestion {
    var help: String?
    /// The key to write instead, where replacing the key alone mends the file.
    var replacement: String?
    /// The whole file was probably meant for another option.
    var isOfAnotherKind = false

    private init(help: String?, replacement: String?) {
        self.help = help
        self.replacement = replacement
    }

    /// `present`: the keys that the mapping already has, which are never proposed. `parents`: the mappings
    /// around it, the nearest last.
    init(for key: String, in schema: MappingSchema, present: Set<String>, parents: [MappingSchema]) {
        let free = schema.keys.map(\.name).filter { !present.contains($0) }
        let folded = foldedWord(key)
        if let reason = schema.absences[key] {
            self.init(help: reason, replacement: nil)
        } else if parents.isEmpty, let kind = SpecKind.allCases.first(where: { $0.schema?[key] != nil }) {
            self.init(help: "it is a key of a \(kind.rawValue) file: was this one meant for `--\(kind.rawValue)`?", replacement: nil)
            isOfAnotherKind = true
        } else if let same = free.first(where: { foldedWord($0) == folded }) {
            self.init(help: "did you mean `\(same)`?", replacement: same)
        } else if let foreign = ForeignWords.meanings[folded]?.first(where: { free.contains($0) }) {
            self.init(help: "here this is `\(foreign)`", replacement: foreign)
        } else if let parent = parents.last(where: { $0[key] != nil }) {
            self.init(help: "`\(key)` is a key of \(parent.name), further out", replacement: nil)
        } else if let child = Self.children(of: schema).first(where: { $0.type.innerMapping?[key] != nil }) {
            self.init(help: "`\(key)` is a key inside of `\(child.name)`", replacement: nil)
        } else if let near = closestMatch(to: key, in: free) {
            self.init(help: "did you mean `\(near)`?", replacement: near)
        } else if let place = Self.foreignPlace(of: folded, in: schema, parents: parents) {
            self.init(help: place, replacement: nil)
        } else {
            self.init(help: Self.listing(of: free), replacement: nil)
        }
    }

    /// A neighbour's word whose meaning lives in another mapping.
    private static func foreignPlace(of folded: String, in schema: MappingSchema, parents: [MappingSchema])
        -> String?
    {
        for meaning in ForeignWords.meanings[folded] ?? [] {
            if let parent = parents.last(where: { $0[meaning] != nil }) {
                return "here this is `\(meaning)`, a key of \(parent.name)"
            }
            if let child = children(of: schema).first(where: { $0.type.innerMapping?[meaning] != nil }) {
                return "here this is `\(meaning)`, inside of `\(child.name)`"
            }
        }
        return nil
    }

    /// The keys with mappings below, those with lists of mappings first: `tasks` before `job_release`.
    private static func children(of schema: MappingSchema) -> [KeySchema] {
        let inner = schema.keys.filter { $0.type.innerMapping != nil }
        return inner.filter(\.type.isList) + inner.filter { !$0.type.isList }
    }

    private static func listing(of keys: [String]) -> String? {
        guard !keys.isEmpty, keys.count <= 8 else { return nil }
        return "known keys: " + keys.map { "`\($0)`" }.joined(separator: ", ")
    }
}

extension ValueType {
    fileprivate var isList: Bool {
        if case .list = self { true } else { false }
    }

    /// All that stand directly under a key, or in the elements of its list.
    var innerMappings: [MappingSchema] {
        switch self {
        case .mapping(let schema): [schema]
        case .listOrOne(let type): type.innerMappings
        case .list(let types): types.flatMap(\.innerMappings)
        case .string, .integer, .wideInteger, .float, .bool, .text, .scalar, .word, .json: []
        }
    }

    /// The mapping that stands directly under a key, or in the elements of its list.
    var innerMapping: MappingSchema? {
        switch self {
        case .mapping(let schema): schema
        case .listOrOne(let type): type.innerMapping
        case .list(let types): types.lazy.compactMap(\.innerMapping).first
        case .string, .integer, .wideInteger, .float, .bool, .text, .scalar, .word, .json: nil
        }
    }
}

/// How neighbours (Azure's REST API, GitHub Actions, Airflow, Dagu, Snakemake, Kubernetes) call what our keys
/// say. The keys of the table are folded: lower case, no `-` and `_`.
enum ForeignWords {
    static let meanings: [String: [String]] = [
        "after": ["depends_on"],
        "afterjob": ["depends_on"],
        "applicationpackagereferences": ["application_packages"],
        "args": ["command"],
        "array": ["task_factory"],
        "artifacts": ["output_data"],
        "autopoolspecification": ["auto_pool"],
        "cmd": ["command"],
        "commandline": ["command"],
        "commonresourcefiles": ["resource_files"],
        "container": ["docker_image"],
        "containersettings": ["docker_image"],
        "continueonerror": ["exit_conditions"],
        "cron": ["recurrence"],
        "dedicatednodes": ["dedicated"],
        "dependencies": ["depends_on"],
        "depends": ["depends_on"],
        "displayname": ["id"],
        "env": ["environment_variables"],
        "environment": ["environment_variables"],
        "environmentsettings": ["environment_variables"],
        "envvars": ["environment_variables"],
        "every": ["recurrence"],
        "exec": ["command"],
        "foreach": ["task_factory"],
        "image": ["docker_image"],
        "inputs": ["input_data"],
        "interval": ["recurrence_interval"],
        "jobid": ["id"],
        "jobpreparationtask": ["job_preparation"],
        "jobreleasetask": ["job_release"],
        "jobs": ["job_specifications"],
        "matrix": ["task_factory"],
        "maxattempts": ["max_task_retries"],
        "maxretries": ["max_task_retries"],
        "maxtaskretrycount": ["max_task_retries"],
        "maxwallclocktime": ["max_wall_time"],
        "name": ["id"],
        "needs": ["depends_on"],
        "nodes": ["vm_count"],
        "onalltaskscomplete": ["auto_complete"],
        "ontaskfailure": ["exit_conditions"],
        "outputfiles": ["output_data"],
        "outputs": ["output_data"],
        "packages": ["application_packages"],
        "params": ["task_factory"],
        "poolid": ["id"],
        "reduce": ["merge_task"],
        "requires": ["depends_on"],
        "retries": ["max_task_retries"],
        "retry": ["max_task_retries"],
        "retrycount": ["max_task_retries"],
        "retrylimit": ["max_task_retries"],
        "run": ["command"],
        "schedule": ["recurrence"],
        "schedules": ["recurrence"],
        "script": ["command"],
        "setup": ["job_preparation", "start_task"],
        "shell": ["command"],
        "slots": ["required_slots", "task_slots_per_node"],
        "spot": ["low_priority"],
        "starttime": ["do_not_run_until"],
        "steps": ["tasks"],
        "strategy": ["task_factory"],
        "targetdedicatedcomputenodes": ["vm_count"],
        "targetdedicatednodes": ["vm_count"],
        "targetlowprioritycomputenodes": ["vm_count"],
        "targetlowprioritynodes": ["vm_count"],
        "taskid": ["id"],
        "taskschedulingpolicy": ["node_fill_type"],
        "teardown": ["job_release"],
        "threads": ["required_slots"],
        "timeout": ["max_wall_time"],
        "timeoutminutes": ["max_wall_time"],
        "variables": ["environment_variables"],
        "vars": ["environment_variables"],
        "vmcount": ["vm_count"],
        "walltime": ["max_wall_time"],
        "workers": ["vm_count"],
    ]
}
