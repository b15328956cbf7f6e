import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

// What the planner says about values.
extension Diagnostic {
    static func invalidDependencyRange(_ range: Located<[Int]>) -> Diagnostic {
        let message =
            range.value.count == 2
            ? "`depends_on_range` runs from \(range.value[0]) down to \(range.value[1])"
            : "`depends_on_range` requires 2 elements exactly"
        let label = range.value.count == 2 ? "no number is in this range" : "has \(range.value.count)"
        return Diagnostic(
            code: .invalidDependencyRange, message: message, primary: Label(at: range.range, label))
    }

    static func invalidTaskID(_ id: String, at range: SourceRange, isGenerated: Bool) -> Diagnostic {
        let isLong = id.unicodeScalars.count > PlanLimits.idCharacters
        let reason =
            isLong
            ? "exceeds \(PlanLimits.idCharacters) characters"
            : "has a character other than A–Z, a–z, 0–9, `-` and `_`"
        let shown = isLong && id.count > 80 ? String(id.prefix(80)) + "…" : id
        return Diagnostic(
            code: .invalidTaskID, message: "task id `\(shown)` \(reason)",
            primary: Label(
                at: range,
                isGenerated ? "this task's id is generated from a prefix and a number" : "not an id"))
    }

    /// Azure Batch gives the preparation a working directory, and nobody finds what is in there.
    static func noDestination(_ key: String, of job: Located<JobID>) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .missingKey, message: "`input_data` of job `\(job.value)` does not say where files go",
            primary: Label(at: job.range, "an entry of this job's `input_data` has no `\(key)`"))
        diagnostic.help = "write `\(key): $AZ_BATCH_NODE_SHARED_DIR/…`, where all tasks of a node find them"
        return diagnostic
    }

    static func idWidthIsNull(at range: SourceRange) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .idWidthIsNull, message: "`zfill_width` is null, but a task needs a generated id",
            primary: Label(at: range, "this task has no id"))
        diagnostic.help = "remove `zfill_width` for a width of 5, or write a number"
        return diagnostic
    }

    static func tooManyTasks(in job: JobID, at range: SourceRange) -> Diagnostic {
        Diagnostic(
            code: .tooManyTasks, message: "job `\(job)` would have more than \(PlanLimits.tasksPerJob) tasks",
            primary: Label(at: range, "the limit is reached here"))
    }

    /// SY3067.
    static func factoryMakesNothing(_ task: TaskSpec) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .factoryMakesNothing, severity: .warning, message: "this factory makes no task",
            primary: Label(at: task.factoryRange ?? task.range, "no task comes of this"))
        switch task.factory {
        case .product: diagnostic.help = "a range is empty where `stop` is not beyond `start` in the direction of `step`"
        case .combinations, .permutations: diagnostic.help = "`length` is more than there are words in `iterable`"
        case .productIterables, .zip: diagnostic.help = "one of the lists is empty, or there is none"
        case .repeated, .random, .file, .custom, .empty, .unknown, nil: break
        }
        return diagnostic
    }

    /// SY3068.
    static func veryManyTasks(_ count: Int, _ task: TaskSpec) -> Diagnostic {
        Diagnostic(
            code: .veryManyTasks, severity: .warning, message: "this factory makes \(count) tasks",
            primary: Label(at: task.factoryRange ?? task.range, "is that what was meant?"))
    }

    /// SY3069. Whatever comes behind it would be cut off without a word.
    static func nulInCommand(_ task: TaskSpec, index: Int) -> Diagnostic {
        Diagnostic(
            code: .nulInCommand, message: "the command holds the character U+0000, which no process can be given",
            primary: Label(
                at: task.command?.range ?? task.range,
                task.factory == nil ? "of this task" : "for task \(index) of the factory, from 0"))
    }

    static func neverFitsNode(slots: Int, of pool: PoolSpec, at range: SourceRange) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .neverFitsNode,
            message:
                "no node could ever run this task: it needs \(slots) slots and nodes of pool `\(pool.id)` have \(pool.taskSlotsPerNode)",
            primary: Label(at: range, "needs \(slots) slots"))
        diagnostic.help = "raise `task_slots_per_node` of the pool, or lower `required_slots`"
        return diagnostic
    }

    /// Batch Shipyard runs the image's own command then, and no image is run here.
    static func nothingToRun(_ task: TaskSpec) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .noLocalEffect, severity: .warning,
            message: "task has no command, so nothing is run and it succeeds at once",
            primary: Label(at: task.range, task.hasCommandKey ? "`command` is null" : "`command` is missing"))
        diagnostic.help = "write the command that the image would have run"
        return diagnostic
    }

    static func invalidMultiInstance(_ message: String, at range: SourceRange, help: String? = nil)
        -> Diagnostic
    {
        var diagnostic = Diagnostic(
            code: .invalidMultiInstance, message: message,
            primary: Label(at: range, "this task is multi-instance"))
        diagnostic.help = help
        return diagnostic
    }

    static func multiInstanceTooLarge(_ count: Int, pool: PoolSpec, at range: SourceRange) -> Diagnostic {
        var diagnostic = invalidMultiInstance(
            "task waits for \(count) nodes, and pool `\(pool.id)` is made with fewer", at: range)
        diagnostic.severity = .warning
        return diagnostic
    }

    static func autoPoolIDTooLong(_ pool: PoolSpec, at range: SourceRange) -> Diagnostic {
        Diagnostic(
            code: .autoPoolIDTooLong,
            message:
                "pool id must be less than \(PlanLimits.autoPoolIDCharacters + 1) characters for an auto pool: `\(pool.id)` has \(pool.id.text.count)",
            primary: Label(at: range, "this job makes its own pool"))
    }

    static func recurrenceIntervalMissing(_ recurrence: RecurrenceSpec) -> Diagnostic {
        Diagnostic(
            code: .recurrenceIntervalMissing, message: "`recurrence` has no `recurrence_interval`",
            primary: Label(at: recurrence.range, "`schedule: recurrence_interval` is needed"))
    }

    static func recurrenceNeverEnds(_ recurrence: RecurrenceSpec, job: JobID) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .recurrenceNeverEnds, severity: .warning,
            message:
                "jobs of schedule `\(job)` never complete: `auto_complete` and `monitor_task_completion` are both disabled",
            primary: Label(at: recurrence.range, "the second job waits for the first to complete"))
        diagnostic.help = "set `auto_complete: true`"
        return diagnostic
    }

    static func jobNotReadable(_ error: PlannerWorldError, job: Located<JobID>) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .jobNotReadable, message: "cannot read the tasks of job `\(job.value)`: \(error.message)",
            primary: Label(at: job.range, "tasks are added to this job"))
        diagnostic.help = error.help
        return diagnostic
    }

    // MARK: - Factories

    /// `index` is the factory's task, counted from 0, that could not be made.
    static func plan(_ failure: PlanFailure, task: TaskSpec, index: Int, job: JobID, aliases: [String])
        -> Diagnostic
    {
        let factory = task.factoryRange ?? task.range
        switch failure {
        case .factory(let error):
            return Diagnostic(
                code: .factoryRefused, message: "\(error)",
                primary: Label(at: factory, "this factory's values"))
        case .command(let error): return command(error, task, index: index)
        case .commandMissing:
            let what = task.hasCommandKey ? "`command` is null" : "`command` is missing"
            return Diagnostic(
                code: .commandMissing, message: "\(what), but its factory fills in a command",
                primary: Label(at: task.range, "this task needs a command"))
        case .world(let error):
            let isListing = if case .file? = task.factory { true } else { false }
            var diagnostic = Diagnostic(
                code: isListing ? .listingFailed : .generatorFailed, message: error.message,
                primary: Label(
                    at: factory, isListing ? "the files of this factory" : "the generator of this factory"))
            diagnostic.help = error.help
            return diagnostic
        case .unknownFactory(let kind):
            let known =
                kind == "parametric sweep"
                ? "`product`, `product_iterables`, `combinations`, `permutations`, `zip`"
                : "`custom`, `file`, `repeat`, `random`, `parametric_sweep`"
            var diagnostic = Diagnostic(
                code: .unknownFactory, message: "unknown \(kind) type",
                primary: Label(at: factory, "has no known kind"))
            diagnostic.help = "write one of \(known)"
            return diagnostic
        case .noTaskFilePath:
            return Diagnostic(
                code: .taskFilePathMissing, message: "`file` factory has no `task_filepath`",
                primary: Label(at: factory, "where should the file lie for the task?"))
        case .unknownAlias(let alias):
            return unknownStorageAlias(alias.value, at: alias.range, known: aliases)
        case .tooManyTasks: return tooManyTasks(in: job, at: factory)
        }
    }

    private static func command(_ error: PythonError, _ task: TaskSpec, index: Int) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .commandNotFormatted, message: "command cannot be filled in: \(error)",
            primary: Label(at: task.command?.range ?? task.range, "for task \(index) of the factory, from 0"))
        if error.kind == .keyError || error.message.contains("Single '")
            || error.message.contains("before end")
        {
            diagnostic.help = "write `{{` and `}}` for braces that belong to the command"
        }
        return diagnostic
    }
}
