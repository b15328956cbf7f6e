import ShipyardModel

/// Which tasks of a job are to run again.
package enum RerunScope: Sendable, Hashable {
    /// What keeps the job from having succeeded: tasks that failed, and all that come after them, whether these were
    /// never run or ran in spite of it, as a merge task may.
    case failed
    case all
    /// Just these.
    case tasks([UInt32])
    /// These and all that come after them.
    case from([UInt32])
}

/// The tasks that a scope names, by what is to be done with them.
package struct RerunTasks: Sendable, Hashable {
    /// They are completed, and made active.
    package var completed: [UInt32] = []
    /// They have yet to run.
    package var active: [UInt32] = []
    /// A node has them.
    package var running: [UInt32] = []
}

extension Engine {
    /// Every task that `scope` names.
    package func tasks(
        _ scope: RerunScope, of number: UInt32, _ dependencies: [TaskDependencies]
    ) -> RerunTasks {
        let job = entry(number)
        var closure = Closure(job.tasks.count, job.graph.numbers)
        switch scope {
        case .all: for ordinal in job.tasks.indices { closure.mark(ordinal) }
        case .tasks(let ordinals): for ordinal in ordinals { closure.mark(Int(ordinal)) }
        case .from(let ordinals):
            for ordinal in ordinals { closure.mark(Int(ordinal)) }
            closure.markDownstream(dependencies)
        case .failed:
            let hasEnded = job.record.state == .completed
            for (ordinal, task) in job.tasks.enumerated() {
                // In a job that has ended, what never ran is no success either.
                if task.flags.contains(.failed) || hasEnded && task.state == .active { closure.mark(ordinal) }
            }
            closure.markDownstream(dependencies)
        }
        var found = RerunTasks()
        for (ordinal, task) in job.tasks.enumerated()
        where closure.isMarked[ordinal] && !task.flags.contains(.deleted) {
            switch task.state {
            case .completed: found.completed.append(UInt32(ordinal))
            case .active: found.active.append(UInt32(ordinal))
            case .preparing, .running: found.running.append(UInt32(ordinal))
            }
        }
        return found
    }
}

/// Marks tasks and what comes after them.
///
/// A task is looked at in the order of the ordinals, with a tree of sums that answers at once whether any of a range is
/// marked. As tasks mostly come after those that they wait for, one pass does nearly all; another one sees that it did.
private struct Closure {
    private(set) var isMarked: [Bool]
    private var ordinals: SumTree
    /// Ids that are numbers, ascending, and the place among them of each task that has one.
    private let numbers: [Int]
    private let places: [UInt32: Int]
    private var numberSums: SumTree

    init(_ count: Int, _ numbersOfTasks: [UInt32: Int]) {
        isMarked = Array(repeating: false, count: count)
        ordinals = SumTree(count)
        let numbers = Set(numbersOfTasks.values).sorted()
        let place = Dictionary(uniqueKeysWithValues: numbers.enumerated().map { ($1, $0) })
        self.numbers = numbers
        places = numbersOfTasks.compactMapValues { place[$0] }
        numberSums = SumTree(numbers.count)
    }

    mutating func mark(_ ordinal: Int) {
        guard isMarked.indices.contains(ordinal), !isMarked[ordinal] else { return }
        isMarked[ordinal] = true
        ordinals.add(ordinal)
        if let place = places[UInt32(ordinal)] { numberSums.add(place) }
    }

    mutating func markDownstream(_ dependencies: [TaskDependencies]) {
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            for item in dependencies where Int(item.ordinal) < isMarked.count && !isMarked[Int(item.ordinal)] {
                guard item.list.contains(where: { isAnyMarked($0.upstream) }) else { continue }
                mark(Int(item.ordinal))
                hasChanged = true
            }
        }
    }

    private func isAnyMarked(_ upstream: Dependency.Upstream) -> Bool {
        switch upstream {
        case .task(let ordinal): Int(ordinal) < isMarked.count && isMarked[Int(ordinal)]
        case .tasks(let range): ordinals.hasAny(in: Int(range.lowerBound)..<Int(range.upperBound) + 1)
        case .numbers(let range): numberSums.hasAny(in: place(of: range.lowerBound)..<place(after: range.upperBound))
        }
    }

    /// Of the first number that is not below `number`.
    private func place(of number: Int) -> Int {
        var (low, high) = (0, numbers.count)
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func place(after number: Int) -> Int {
        number == .max ? numbers.count : place(of: number + 1)
    }
}

/// How many of the first so many are set, in as many steps as their number has digits.
private struct SumTree {
    private var sums: [Int32]

    init(_ count: Int) { sums = Array(repeating: 0, count: count + 1) }

    mutating func add(_ index: Int) {
        var place = index + 1
        while place < sums.count {
            sums[place] += 1
            place += place & -place
        }
    }

    private func sum(below end: Int) -> Int {
        var (place, sum) = (min(end, sums.count - 1), 0)
        while place > 0 {
            sum += Int(sums[place])
            place -= place & -place
        }
        return sum
    }

    func hasAny(in range: Range<Int>) -> Bool { sum(below: range.upperBound) > sum(below: range.lowerBound) }
}
