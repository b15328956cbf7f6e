import ShipyardModel

// MARK: Tasks that come

extension JobEntry {
    func add(_ seeds: [TaskSeed]) {
        let base = tasks.count
        for seed in seeds {
            if let number = seed.number { graph.numbers[UInt32(tasks.count)] = number }
            tasks.append(TaskEntry(template: seed.template), count: seed.count)
        }
        counts.active += tasks.count - base
        // After all entries are there: a task may depend on a later one.
        var ordinal = base
        for seed in seeds {
            if !seed.dependencies.isEmpty { enter(seed.dependencies, of: UInt32(ordinal)) }
            ordinal += seed.count
        }
        for ordinal in base..<tasks.count where tasks[ordinal].mayRun { ready.append(UInt32(ordinal)) }
    }

    /// What the task waits for; also after a restart.
    func enter(_ dependencies: [Dependency], of ordinal: UInt32) {
        let entered = graph.add(dependencies, of: ordinal, in: &tasks)
        tasks[Int(ordinal)].waiting = entered.waiting
        if entered.isLost, strand(ordinal) { tellDependants(of: ordinal) }
    }

    func addHole() {
        var hole = TaskEntry(template: 0)
        hole.state = .completed
        hole.flags = [.deleted, .lost]
        tasks.append(hole)
    }

    func fillReadyQueue() {
        for (ordinal, entry) in tasks.enumerated() where entry.mayRun { ready.append(UInt32(ordinal)) }
    }
}

// MARK: Tasks that end

extension JobEntry {
    /// The task has ended for good: who waits for it hears of it.
    func complete(_ ordinal: UInt32, _ completion: Completion) {
        let index = Int(ordinal)
        if tasks[index].state == .active {
            counts.active -= 1
            waitsNoMore(ordinal)
        } else {
            counts.running -= 1
        }
        tasks[index].move(to: .completed)
        markCompleted(ordinal, completion)
        dropEndedFromQueue()
        tellDependants(of: ordinal)
    }

    /// Also after a restart, when every dependency is entered later.
    func markCompleted(_ ordinal: UInt32, _ completion: Completion) {
        if completion.isSuccess {
            counts.succeeded += 1
        } else {
            counts.failed += 1
            tasks[Int(ordinal)].flags.insert(.failed)
        }
        tasks[Int(ordinal)].flags.insert(completion.isSatisfied ? .satisfied : .lost)
    }

    /// An active or a completed task is deleted.
    func delete(_ ordinal: UInt32) {
        let entry = tasks[Int(ordinal)]
        if entry.state == .active {
            counts.active -= 1
            waitsNoMore(ordinal)
        } else if entry.flags.contains(.failed) {
            counts.failed -= 1
        } else {
            counts.succeeded -= 1
        }
        tasks[Int(ordinal)].flags.insert(.deleted)
        dropEndedFromQueue()
        guard entry.flags.isDisjoint(with: [.satisfied, .lost]) else { return }
        tasks[Int(ordinal)].flags.insert(.lost)
        tellDependants(of: ordinal)
    }

    /// The job is completed: what became of its tasks is in the database, and its counts stay.
    func forgetTasks() {
        (tasks, ready, graph, assigned, nodes) = (TaskTable(), ReadyQueue(), DependencyGraph(), [], [:])
        neverRuns = 0
    }

    private func waitsNoMore(_ ordinal: UInt32) {
        if tasks[Int(ordinal)].flags.remove(.neverRuns) != nil { neverRuns -= 1 }
    }

    /// Tasks may end, and be deleted, while they are in the queue.
    func dropEndedFromQueue() {
        while let first = ready.first, !tasks[Int(first)].mayRun { ready.removeFirst() }
    }

    /// The task is satisfied or lost: those who wait for it may run or never will, and who waits for those that never
    /// will does not either. However long the chain, nothing is called within itself.
    private func tellDependants(of ordinal: UInt32) {
        var next: UInt32? = ordinal
        var stranded: [UInt32] = []
        while let parent = next {
            if graph.mayHaveDependants(parent, tasks[Int(parent)]) { settle(parent, &stranded) }
            next = stranded.popLast()
        }
    }

    private func settle(_ parent: UInt32, _ stranded: inout [UInt32]) {
        var released: [UInt32] = []
        var lost: [UInt32] = []
        graph.settle(parent, in: tasks, release: { released.append($0) }, lose: { lost.append($0) })
        // In the order of submission, however the graph keeps them.
        for child in released.sorted() {
            tasks[Int(child)].waiting -= 1
            if tasks[Int(child)].mayRun { ready.append(child) }
        }
        for child in lost where strand(child) { stranded.append(child) }
    }

    /// The task can never run. True if that is news to those who wait for it: where its end by a user would satisfy
    /// them, they may still run.
    private func strand(_ ordinal: UInt32) -> Bool {
        let entry = tasks[Int(ordinal)]
        if entry.state == .preparing || entry.state == .running {
            // It goes on; but if it comes back, it waits.
            tasks[Int(ordinal)].flags.insert(.upstreamLost)
            return false
        }
        guard entry.isWaiting, !entry.flags.contains(.neverRuns) else { return false }
        tasks[Int(ordinal)].flags.insert(.neverRuns)
        neverRuns += 1
        guard !rules(of: entry).completion(of: .endedByUser).isSatisfied else { return false }
        tasks[Int(ordinal)].flags.insert(.lost)
        return true
    }
}

// MARK: Tasks that run

extension JobEntry {
    /// The next number, or the latest once more when nothing ever ran under it.
    func takeAttemptNumber(_ ordinal: UInt32) {
        let wasUnused = tasks[Int(ordinal)].flags.remove(.attemptUnused) != nil
        if !wasUnused { tasks[Int(ordinal)].attempt += 1 }
    }

    /// The first of the queue goes to a node.
    func assignFirst(to node: Int, isRunning: Bool, at now: Moment) {
        guard let ordinal = ready.first else { invariantFailure("nothing of the job is ready") }
        let index = Int(ordinal)
        ready.removeFirst()
        assigned.insert(ordinal)
        takeAttemptNumber(ordinal)
        let hasStaging = rules(of: tasks[index]).hasStaging
        tasks[index].move(to: isRunning && !hasStaging ? .running : .preparing)
        tasks[index].node = Int32(node)
        tasks[index].assigned = now.wall.milliseconds
        counts.active -= 1
        counts.running += 1
        dropEndedFromQueue()
    }

    /// Back to the front of the queue: it was chosen once already.
    func makeActive(_ ordinal: UInt32) {
        tasks[Int(ordinal)].flags.remove(.requeueing)
        tasks[Int(ordinal)].move(to: .active)
        counts.running -= 1
        counts.active += 1
        let isUpstreamLost = tasks[Int(ordinal)].flags.remove(.upstreamLost) != nil
        if tasks[Int(ordinal)].waiting == 0 {
            ready.prepend(ordinal)
        } else if isUpstreamLost, strand(ordinal) {
            // What it had before it ran was to run again meanwhile.
            tellDependants(of: ordinal)
        }
    }
}
