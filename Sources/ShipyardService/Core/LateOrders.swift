import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

/// What the references of one turn's orders to outputs of other tasks stand for. Read before anything is ordered, where an
/// error of the state file is still the turn's.
struct LateValues {
    fileprivate struct Key: Hashable {
        var job: UInt32
        var reference: LateReference
    }

    fileprivate var known: [Key: Result<LateValue, LateFailure>] = [:]

    func resolution(of job: UInt32) -> LateResolution {
        LateResolution { [known] reference throws(LateFailure) in
            guard let value = known[Key(job: job, reference: reference)] else {
                throw LateFailure("What `\(reference)` stands for was not looked for.")
            }
            return try value.get()
        }
    }
}

extension ServiceCore {
    func lateValues(for found: some Sequence<TaskDefinition>) throws(StoreError) -> LateValues {
        var wanted: Set<LateValues.Key> = []
        for definition in found {
            let job = definition.key.job
            guard let template = taskTemplate(job, definition.template), template.mayBeLate else { continue }
            let references = template.lateReferences.union(LateText.references(in: definition.command ?? ""))
            for reference in references { wanted.insert(LateValues.Key(job: job, reference: reference)) }
        }
        var values = LateValues()
        guard !wanted.isEmpty else { return values }
        // One output at a time is in memory, which may be long; of it, what is referred to is kept.
        let byTask = Dictionary(grouping: wanted) { TaskName(job: $0.job, id: $0.reference.task) }
        for (task, keys) in byTask {
            let document = try document(of: task)
            for key in keys {
                values.known[key] = Result { () throws(LateFailure) in
                    try key.reference.value(in: try document.get())
                }
            }
        }
        return values
    }

    private struct TaskName: Hashable {
        var job: UInt32
        var id: String
    }

    private func document(of task: TaskName) throws(StoreError) -> Result<String, LateFailure> {
        guard let ordinal = try store.ordinal(of: task.id, in: task.job) else {
            return .failure(
                LateFailure("The job has no task `\(task.id)` any more, whose output is referred to."))
        }
        guard let record = try store.taskOutput(of: TaskKey(job: task.job, ordinal: ordinal)) else {
            return .failure(
                LateFailure(
                    "Task `\(task.id)` has left no output: no `\(TaskOutput.fileName)` when it last succeeded."
                ))
        }
        return .success(record.document)
    }

    /// Fills in what a task takes from others' outputs, and the files that it finds in its directory.
    func complete(_ work: inout WorkAssignment, _ values: LateValues) throws(LateFailure) {
        let template = work.template
        guard template.mayBeLate || template.activity != nil, let job = template.purpose.job else { return }
        let resolution = values.resolution(of: job)
        if template.mayBeLate {
            work.command = try resolution.command(work.command)
            for (name, value) in template.lateVariables {
                work.secrets.append(SecretVariable(name: name, value: Secret(try resolution.text(value))))
            }
            if template.hasLateData {
                var output: [StorageTransferSpec] = []
                for transfer in template.outputData { output.append(try resolution.transfer(transfer)) }
                var input = template.inputData
                if let data = input { input = try resolution.input(data) }
                work.lateData = WorkAssignment.LateData(input: input, output: output)
            }
        }
        if let activity = template.activity {
            work.files = try activity.files(task: work.task ?? "", command: work.command, resolution)
        }
        let length = work.files.reduce(work.command.utf8.count) { $0 + $1.content.utf8.count }
        guard length <= Limits.orderBytes else {
            throw LateFailure(
                "The task's command and files are \(length) bytes with what they take from other tasks' outputs; "
                    + "\(Limits.orderBytes) are the limit.")
        }
    }

    private enum Limits {
        /// A message to an agent has 16 MiB, and an order more than this.
        static let orderBytes = 8 << 20
    }
}

extension ActivitySpec {
    /// As Azure Data Factory writes them for a custom activity.
    func files(
        task: String, command: String, _ resolution: LateResolution
    ) throws(LateFailure) -> [ActivityFile] {
        func references(_ objects: [ReferenceObject], _ type: String) -> JSONValue {
            .array(objects.map { ["referenceName": .string($0.name), "type": .string(type)] })
        }
        // What a task has left may be anything, a U+0000 among it: only what the spec has is looked through.
        var activity: [UInt8] = []
        activity += "{\"name\":".utf8
        JSONText.append(task, to: &activity)
        activity += ",\"type\":\"Custom\",\"typeProperties\":{\"command\":".utf8
        JSONText.append(command, to: &activity)
        activity += ",\"referenceObjects\":".utf8
        let objects: JSONValue = [
            "linkedServices": references(linkedServices, "LinkedServiceReference"),
            "datasets": references(datasets, "DatasetReference"),
        ]
        objects.appendCompact(to: &activity)
        activity += ",\"extendedProperties\":".utf8
        try resolution.append(extendedProperties, to: &activity)
        activity += "}}\n".utf8
        return [
            ActivityFile("activity.json", String(decoding: activity, as: UTF8.self)),
            ActivityFile("linkedServices.json", try Self.list(of: linkedServices, resolution)),
            ActivityFile("datasets.json", try Self.list(of: datasets, resolution)),
        ]
    }

    private static func list(
        of objects: [ReferenceObject], _ resolution: LateResolution
    ) throws(LateFailure) -> String {
        var bytes: [UInt8] = []
        let list = objects.map { object -> JSONValue in
            ["name": .string(object.name), "properties": object.properties]
        }
        try resolution.append(.array(list), to: &bytes)
        bytes.append(0x0A)
        return String(decoding: bytes, as: UTF8.self)
    }
}
