import ShipyardDiagnostics
import ShipyardSpecs

/// The command of an entry: copied, or filled in for each task.
enum EntryCommand {
    case literal(String)
    case template(FormatTemplate, source: String)

    /// The text as written, for a factory that does not fill it in.
    var asLiteral: EntryCommand {
        switch self {
        case .literal: self
        case .template(_, let source): .literal(source)
        }
    }
}

/// The tasks of a job as they are written: shared by its entries, since half a million of them may be in the file.
final class WrittenTasks: Sendable {
    private let tasks: [TaskSpec]
    private let merge: TaskSpec?

    init(_ job: JobSpec) {
        tasks = job.tasks
        merge = job.mergeTask
    }

    subscript(position: Int) -> TaskSpec {
        _read {
            if position < tasks.count { yield tasks[position] } else { yield merge ?? TaskSpec(range: tasks[0].range) }
        }
    }
}

/// One entry of `tasks`, or the merge task, while its job is planned: half a million may be in the file, so that here is
/// only what no look at the task tells.
struct PlanEntry {
    private let written: WrittenTasks
    private let position: Int32
    /// Position in `JobPlan.templates`; entries that differ in id and command only share one.
    var template: Int32 = 0
    /// Position in `JobPlanner.numberings`.
    let numbering: Int32
    let isMerge: Bool
    let hasFactory: Bool
    /// The entry has made less than all of its tasks, and no more will come.
    var isBroken = false
    var count = 0
    var firstID = ""
    var lastID = ""
    var dependencies: [DependencyPlan] = []

    var task: TaskSpec { _read { yield written[Int(position)] } }

    init(_ written: WrittenTasks, _ position: Int, isMerge: Bool, numbering: Int) {
        self.written = written
        self.position = Int32(clamping: position)
        self.isMerge = isMerge
        hasFactory = written[position].factory != nil
        self.numbering = Int32(clamping: numbering)
    }

    /// Made anew at each call.
    var command: EntryCommand? {
        guard let command = task.command else { return nil }
        return hasFactory
            ? .template(FormatTemplate(command.value), source: command.value) : .literal(command.value)
    }

    /// Its factory fills in a command, so there must be one.
    var needsCommand: Bool {
        guard hasFactory else { return false }
        return switch task.factory {
        case nil, .repeated: false
        default: true
        }
    }

    /// Nil where the id is generated; an empty id is none.
    var explicitID: Located<String>? {
        guard let id = task.id, !id.value.isEmpty else { return nil }
        return id
    }

    var asksWorld: Bool {
        switch task.factory {
        case .file, .custom: true
        case nil, .repeated, .product, .productIterables, .combinations, .permutations, .zip, .random, .empty,
            .unknown:
            false
        }
    }

    var randomSeed: RandomFactorySpec.Seed? {
        if case .random(let spec)? = task.factory { spec.seed } else { nil }
    }
}
