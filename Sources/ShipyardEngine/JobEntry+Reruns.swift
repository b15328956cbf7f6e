import ShipyardModel

// MARK: Tasks that run again

extension JobEntry {
    /// A task that is completed is as one that never ran, but for the number of its next attempt.
    func reactivate(_ ordinal: UInt32) {
        let index = Int(ordinal)
        if tasks[index].flags.contains(.failed) { counts.failed -= 1 } else { counts.succeeded -= 1 }
        counts.active += 1
        tasks[index].flags.subtract([.dirty, .satisfied, .ending, .requeueing, .failed, .neverRuns, .lost])
        (tasks[index].retryCount, tasks[index].requeueCount, tasks[index].blame) = (0, 0, 0)
        tasks[index].node = -1
        tasks[index].move(to: .active)
    }

    /// Who waits for whom, as after a restart: tasks that others have waited for are open again. A task that a node has
    /// goes on; should it come back, it waits as any other.
    func enterAnew(_ dependencies: [TaskDependencies]) {
        graph.startAnew(tasks)
        ready = ReadyQueue()
        neverRuns = 0
        lookForWaitingAnew()
        tasks.updateEach { task in
            (task.firstEdge, task.waiting) = (-1, 0)
            if task.isOpen { task.flags.subtract([.neverRuns, .lost, .upstreamLost]) }
        }
        for item in dependencies where Int(item.ordinal) < tasks.count && tasks[Int(item.ordinal)].isOpen {
            enter(item.list, of: item.ordinal)
        }
        fillReadyQueue()
    }
}

extension TaskEntry {
    /// It has not ended, and was not deleted.
    var isOpen: Bool { state != .completed && !flags.contains(.deleted) }
}

extension DependencyGraph {
    /// Nobody waits for anybody; which numbers are satisfied is seen from the tasks.
    mutating func startAnew(_ tasks: TaskTable) {
        edges = []
        ranges = RangeWaits(canBeLost: true)
        numberRanges = RangeWaits(canBeLost: false)
        satisfiedNumbers = Set(
            numbers.filter { tasks[Int($0.key)].flags.contains(.satisfied) }.map(\.value))
    }
}
