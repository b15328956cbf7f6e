import ShipyardDiagnostics
import ShipyardSpecs

/// The command of an entry: copied, or filled in for each task.
enum EntryCommand {
    case literal([UInt8])
    case template(FormatTemplate, source: String)

    /// The text as written, for a factory that does not fill it in.
    var asLiteral: EntryCommand {
        switch self {
        case .literal: self
        case .template(_, let source): .literal(Array(source.utf8))
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

/// One entry of `tasks`, or the merge task, while its job is planned.
struct PlanEntry {
    private let written: WrittenTasks
    private let position: Int
    let isMerge: Bool

    var task: TaskSpec { _read { yield written[position] } }

    init(
        _ written: WrittenTasks, _ position: Int, isMerge: Bool, numbering: TaskNumbering.Setting, widthIsNull: Bool
    ) {
        self.written = written
        self.position = position
        self.isMerge = isMerge
        self.numbering = numbering
        self.widthIsNull = widthIsNull
    }

    /// Position in `JobPlan.templates`; entries that differ in id and command only share one.
    var template = 0
    var command: EntryCommand?
    /// The bytes 0 in the command as written, which mark late references.
    var marks = 0
    /// Its factory fills in a command, so there must be one.
    var needsCommand = false
    var dependencies: [DependencyPlan] = []

    /// Nil where the id is generated; an empty id is none.
    var explicitID: Located<String>?
    var numbering: TaskNumbering.Setting
    var widthIsNull: Bool
    var series = 0
    /// The number of the last task, and up to which the numbers behind it are free.
    var stretch: ClosedRange<Int>?

    /// The entry has made less than all of its tasks, and no more will come.
    var isBroken = false
    var count = 0
    var firstID = ""
    var lastID = ""

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
