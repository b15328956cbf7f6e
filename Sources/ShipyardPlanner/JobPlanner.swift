import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// Plans one job: `JobPlanner+Settings` merges what its tasks share, here tasks get ids and commands, and
/// `DependencyCheck` looks at the graph once all ids are known.
struct JobPlanner {
    let spec: JobSpec
    let setting: PlanSetting
    let world: any PlannerWorld

    var plan: JobPlan
    var templateNumbers = TemplateNumbers()
    /// Ids of tasks whose outputs others refer to.
    var wantedOutputs: Set<String> = []
    var entries: [PlanEntry] = []
    /// How generated ids look: the job's first, then those that entries have of their own.
    var numberings: [EntryNumbering] = []
    /// The task whose template was made last. The next one mostly says the same.
    var lastTemplate: (task: TaskSpec, number: Int)?
    var ids = SubmissionIDs()
    private var numbering = TaskNumbering()
    /// Of the entry in the making: the number of its last task, and up to which the numbers behind it are free.
    private var stretch: ClosedRange<Int>?
    private var series = 0
    /// As `stretch`, for the entry behind it where that is numbered in the same way.
    private var following: (numbers: ClosedRange<Int>, numbering: Int32)?
    /// The bytes 0 in its command as written, which mark late references.
    private var marks = 0
    private(set) var findings = Diagnostics()
    private(set) var hasErrors = false
    /// Whether tasks are added to a job that is there already.
    private(set) var isAddition = false
    /// Whether factories that ask the world are passed over, and what needs their tasks is not judged.
    var skipsWorld = false
    /// Whether nothing but findings count, so that of many like tasks only some are made.
    var onlyChecks = false

    /// Whether somebody may ask for the ids of an entry: who looks at the graph, or at what waits for what.
    private var needsNames = true

    /// Whether the world has asked to stop: what was found so far is worth nothing then.
    private(set) var isStopped = false

    /// The task in the making. Its two buffers serve every task of the job.
    private var task = TaskPlan(index: 0, id: "", command: nil, template: 0)

    var job: JobID { spec.id.value }

    init(_ spec: JobSpec, setting: PlanSetting, world: any PlannerWorld) {
        self.spec = spec
        self.setting = setting
        self.world = world
        plan = JobPlan(id: spec.id.value)
    }

    mutating func report(_ diagnostic: Diagnostic) {
        findings.report(diagnostic)
        if diagnostic.severity == .error { hasErrors = true }
    }

    private mutating func report(_ failure: PlanFailure, _ position: Int) {
        let entry = entries[position]
        // Not made for each of a hundred thousand that nobody will read.
        if findings.takesErrors(of: entry.task.range.source) {
            var aliases: [String] = []
            if case .unknownAlias = failure { aliases = setting.credentials?.accounts.keys.sorted() ?? [] }
            report(.plan(failure, task: entry.task, index: entry.count, job: job, aliases: aliases))
        }
        entries[position].isBroken = true
    }

    /// Plans the job; false when it is refused. `isSilent` keeps `sink` from seeing it.
    mutating func plan<Sink: PlanSink>(
        _ random: inout PythonRandom, isSilent: Bool, into sink: inout Sink
    ) throws(Sink.Failure) -> Bool {
        if isSilent { hasErrors = true }
        do {
            isAddition = try world.jobExists(job)
        } catch {
            report(.jobNotReadable(error, job: spec.id))
        }
        prepare()
        needsNames = !onlyChecks || plan.usesTaskDependencies
        checkPass(&random)
        if !hasErrors, goesOn() { try sink.jobBegan(plan) }
        for position in entries.indices where goesOn() { try build(position, &random, into: &sink) }
        plan.taskCount = ids.count
        let graph = goesOn() ? checkDependencies() : PlanGraph()
        guard goesOn() else { return false }
        if !hasErrors { try sink.jobEnded(plan, graph) }
        return !findings.hasErrors
    }

    /// Asks the world. Once stopped it stays so.
    mutating func goesOn() -> Bool {
        if !isStopped { isStopped = world.isStopped }
        return !isStopped
    }

    private func walk(
        _ factory: TaskFactorySpec, _ position: Int, _ pass: GeneratorCall.Pass
    ) -> FactoryWalk {
        FactoryWalk(
            factory: factory, setting: setting, world: world,
            call: GeneratorCall(job: job, entry: position, pass: pass))
    }

    // MARK: - The check pass

    /// Counts the tasks. Work is skipped where nothing can tell that it was not done: sweeps have no state,
    /// and a first random factory with a seed forgets what was drawn before it.
    private mutating func checkPass(_ random: inout PythonRandom) {
        guard entries.contains(where: \.hasFactory) else {
            plan.taskCount = entries.count
            if plan.taskCount > PlanLimits.tasksPerJob { report(.tooManyTasks, entries.count - 1) }
            return
        }
        let drawsMatter = entries.lazy.compactMap(\.randomSeed).first == .absent
        for position in entries.indices where goesOn() {
            guard let factory = entries[position].task.factory else {
                plan.taskCount += 1
                continue
            }
            let walk = walk(factory, position, .check)
            do throws(PlanFailure) {
                let known = try walk.knownCount()
                if skipsWorld, entries[position].asksWorld {
                    entries[position].isBroken = true
                    continue
                }
                if let known, known > PlanLimits.tasksPerJob - min(plan.taskCount, PlanLimits.tasksPerJob) {
                    throw .tooManyTasks
                }
                let isDrawn = entries[position].randomSeed != nil && drawsMatter && !onlyChecks
                let isCustom = if case .custom = factory { true } else { false }
                var count = 0
                if isDrawn || isCustom {
                    try walk.run(&random) { _ in
                        count += 1
                        guard count & 63 > 0 || goesOn() else { return false }
                        return count <= PlanLimits.tasksPerJob
                    }
                }
                let (sum, overflow) = plan.taskCount.addingReportingOverflow(known ?? count)
                if overflow || sum > PlanLimits.tasksPerJob { throw .tooManyTasks }
                plan.taskCount = sum
                if let known, known > PlanLimits.tasksWithoutWarning {
                    report(.veryManyTasks(known, entries[position].task))
                }
            } catch {
                report(error, position)
            }
        }
    }

    // MARK: - The build pass

    private mutating func build<Sink: PlanSink>(
        _ position: Int, _ random: inout PythonRandom, into sink: inout Sink
    ) throws(Sink.Failure) {
        guard !entries[position].isBroken else { return }
        stretch = nil
        if !entries[position].hasFactory, !entries[position].isMerge {
            task.template = Int(entries[position].template)
            task.dependsOn = entries[position].dependencies
            var item = FactoryWalk.Item()
            _ = try make(position, entries[position].command, &item, into: &sink)
            return endEntry(position)
        }
        let entry = entries[position]
        task.template = Int(entry.template)
        task.dependsOn = entry.dependencies
        if entry.isMerge {
            task.dependsOn = [.submission(0..<ids.count)]
            task.submissionIDs = ids
        }
        guard let factory = entry.task.factory else {
            var item = FactoryWalk.Item()
            _ = try make(position, entry.command, &item, into: &sink)
            return endEntry(position)
        }
        let walk = walk(factory, position, .build)
        let command = walk.formatsCommand ? entry.command : entry.command?.asLiteral
        marks = entry.task.command.map { $0.value.utf8.count { $0 == 0 } } ?? 0
        var failure: Sink.Failure?
        do throws(PlanFailure) {
            if onlyChecks, let count = try walk.knownCount(), count > PlanLimits.tasksLookedAt {
                try lookAt(position, walk, command, count: count, &random)
                return endEntry(position)
            }
            try walk.run(&random) { item in
                do throws(Sink.Failure) {
                    return try make(position, command, &item, into: &sink)
                } catch {
                    failure = error
                    return false
                }
            }
        } catch {
            report(error, position)
        }
        if let failure { throw failure }
        endEntry(position)
    }

    mutating func endEntry(_ position: Int) {
        let count = entries[position].count
        if count > 1 {
            entries[position].lastID = task.id
        } else if count == 1 {
            entries[position].lastID = entries[position].firstID
        } else if entries[position].hasFactory, !entries[position].isBroken {
            report(.factoryMakesNothing(entries[position].task))
        }
    }

    /// Makes one task and hands it on; false when its entry can make no more.
    mutating func make<Sink: PlanSink>(
        _ position: Int, _ command: EntryCommand?, _ item: inout FactoryWalk.Item, into sink: inout Sink
    ) throws(Sink.Failure) -> Bool {
        // One in 64: a look at the connection costs more than a task.
        guard ids.count & 63 > 0 || goesOn() else { return false }
        guard ids.count < PlanLimits.tasksPerJob else {
            report(.tooManyTasks, position)
            return false
        }
        guard fillIn(command, item.arguments, position) else { return false }
        guard name(position) else {
            entries[position].isBroken = true
            return false
        }
        task.index = ids.count - 1
        task.inputTransfer = item.transfer
        if entries[position].count == 0, needsNames { entries[position].firstID = task.id }
        entries[position].count += 1
        if !hasErrors { try sink.task(task) }
        return true
    }

    mutating func fillIn(
        _ command: EntryCommand?, _ arguments: borrowing FormatTemplate.Arguments, _ position: Int
    ) -> Bool {
        task.commandBytes.removeAll(keepingCapacity: true)
        switch command {
        case .literal(let text):
            task.hasCommand = true
            // Nobody looks at it.
            if !onlyChecks { task.commandBytes.append(contentsOf: text.utf8) }
            return true
        case .template(let template, _):
            task.hasCommand = true
            do {
                try template.append(arguments, to: &task.commandBytes)
                // Late references have marks of their own.
                guard task.commandBytes.count(where: { $0 == 0 }) == marks else {
                    report(.nulInCommand(entries[position].task, index: entries[position].count))
                    entries[position].isBroken = true
                    return false
                }
                return true
            } catch {
                report(.command(error), position)
                return false
            }
        case nil:
            task.hasCommand = false
            guard entries[position].needsCommand else { return true }
            report(.commandMissing, position)
            return false
        }
    }

    // MARK: - Ids

    /// Names the task in the making; false when it has no name to have.
    private mutating func name(_ position: Int) -> Bool {
        let before = following
        following = nil
        if let id = entries[position].explicitID { return name(position, explicit: id) }
        if let before, entries[position].count == 0, before.numbering == entries[position].numbering,
            before.numbers.count > 1, before.numbers.lowerBound < .max - 4
        {
            // What `numbering` would say, since nothing was named in between.
            let number = before.numbers.lowerBound + 1
            stretch = number...number
            following = (number...before.numbers.upperBound, before.numbering)
            return take(number, position)
        }
        if let free = stretch, free.count > 1 {
            let number = free.lowerBound + 1
            stretch = number...free.upperBound
            return take(number, position)
        }
        if entries[position].count == 0, !startSeries(position) { return false }
        do throws(PlannerWorldError) {
            let (numbers, mayContinue) = try numbering.next(
                numberings[Int(entries[position].numbering)].setting, series: series, ids: &ids, job: job, world: world)
            let first = numbers.lowerBound
            // Further numbers of the stretch may be taken without a look only while nothing comes between.
            let goesOn = mayContinue && entries[position].count > 0
            stretch = goesOn ? numbers : first...first
            if mayContinue { following = (numbers, entries[position].numbering) }
            return take(first, position)
        } catch {
            report(.jobNotReadable(error, job: spec.id))
            return false
        }
    }

    private mutating func startSeries(_ position: Int) -> Bool {
        let number = Int(entries[position].numbering)
        if let known = numberings[number].series {
            series = known
            return true
        }
        let range = entries[position].task.range
        if numberings[number].widthIsNull {
            report(.idWidthIsNull(at: range))
            return false
        }
        let setting = numberings[number].setting
        let prefix = Array(setting.prefix.utf8)
        guard prefix.allSatisfy(isIDByte) else {
            report(.invalidTaskID(setting.prefix + "0", at: range, isGenerated: true))
            return false
        }
        // A width beyond the limit is refused as soon as it has made the first id too long.
        let width = min(setting.width, PlanLimits.idCharacters + 1)
        series = ids.series(prefix: prefix, width: width)
        numberings[number].series = series
        return true
    }

    private mutating func take(_ number: Int, _ position: Int) -> Bool {
        task.idBytes.removeAll(keepingCapacity: true)
        ids.series[series].append(number, to: &task.idBytes)
        guard task.idBytes.count <= PlanLimits.idCharacters else {
            report(.invalidTaskID(task.id, at: entries[position].task.range, isGenerated: true))
            return false
        }
        ids.insert(number...number, series: series, entry: position)
        numbering.noteNumber(number, series: series)
        return true
    }

    /// Takes ids for further tasks of a factory, as many at once as are free in a row; false where one cannot be.
    mutating func nameMore(_ count: Int, _ position: Int) -> Bool {
        var left = count
        var found = 0
        following = nil
        while left > 0 {
            guard let free = stretch, free.count > 1 else {
                found += 1
                // Counted, though not known: what needs these ids is not judged.
                guard found <= PlanLimits.idsLookedFor else {
                    entries[position].isBroken = true
                    return true
                }
                guard goesOn(), name(position) else { return false }
                left -= 1
                continue
            }
            let first = free.lowerBound + 1
            let last = first + min(left, free.upperBound - first + 1) - 1
            // The last is the longest.
            if last > first {
                ids.insert(first...(last - 1), series: series, entry: position)
            }
            stretch = last...free.upperBound
            guard take(last, position) else { return false }
            left -= last - first + 1
        }
        return true
    }

    private mutating func name(_ position: Int, explicit id: Located<String>) -> Bool {
        guard entries[position].count == 0 else {
            report(.factoryWithID(id, in: job))
            return false
        }
        guard isID(id.value) else {
            report(.invalidTaskID(id.value, at: id.range, isGenerated: false))
            return false
        }
        if plan.isJobSchedule, id.value == "shipyard-jmtask" { report(.reservedTaskID(id)) }
        guard ids.insert(id.value, entry: position) else {
            let first = ids.entry(of: id.value).map {
                entries[$0].explicitID?.range ?? entries[$0].task.range
            }
            report(.duplicateTaskID(id.value, in: job, at: id.range, first: first))
            return false
        }
        do {
            if isAddition, try world.hasTask(id.value, in: job) {
                report(.taskAlreadyInJob(id.value, job, at: id.range))
            }
        } catch {
            report(.jobNotReadable(error, job: spec.id))
        }
        task.idBytes.removeAll(keepingCapacity: true)
        task.idBytes.append(contentsOf: id.value.utf8)
        numbering.noteExplicit(id.value)
        return true
    }
}
