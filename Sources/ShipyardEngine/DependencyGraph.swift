import ShipyardModel

/// Who waits for whom in one job. Single tasks are edges in one array; a range, however wide, is one group.
struct DependencyGraph: Sendable {
    struct Edge: Sendable {
        var child: UInt32
        var next: Int32
        var condition: Dependency.Condition
    }

    /// What of a task's dependencies is open.
    struct Entered {
        var waiting: Int32 = 0
        /// One of them can never be met.
        var isLost = false

        mutating func add(_ isMet: Bool?) {
            if isMet == true { return }
            waiting += 1
            if isMet == false { isLost = true }
        }
    }

    var edges: [Edge] = []
    /// Waits for ranges of ordinals.
    var ranges = RangeWaits(canBeLost: true)
    /// Waits for ranges of numbers (`depends_on_range`). None of them is ever lost: a task of that number may come.
    var numberRanges = RangeWaits(canBeLost: false)
    /// Ids that are numbers, by ordinal.
    var numbers: [UInt32: Int] = [:]
    /// Numbers that some task has satisfied already: `4` and `04` count once.
    var satisfiedNumbers: Set<Int> = []

    var byteCount: Int {
        edges.capacity * MemoryLayout<Edge>.stride + numbers.capacity * 16 + satisfiedNumbers.capacity * 8
            + ranges.byteCount + numberRanges.byteCount
    }

    /// Enters what `child` waits for.
    mutating func add(_ dependencies: [Dependency], of child: UInt32, in tasks: inout TaskTable) -> Entered
    {
        var entered = Entered()
        for dependency in dependencies {
            let condition = dependency.condition
            switch dependency.upstream {
            case .task(let parent):
                let isMet = condition.isMet(by: tasks[Int(parent)])
                if isMet == nil { addEdge(from: parent, to: child, condition, in: &tasks) }
                entered.add(isMet)
            case .tasks(let range):
                entered.add(
                    ranges.add(child, to: Int(range.lowerBound)...Int(range.upperBound), condition) {
                        condition.isMet(by: tasks[$0])
                    })
            case .numbers(let range):
                entered.add(
                    numberRanges.add(child, to: range, condition) {
                        satisfiedNumbers.contains($0) ? true : nil
                    })
            }
        }
        return entered
    }

    private mutating func addEdge(
        from parent: UInt32, to child: UInt32, _ condition: Dependency.Condition, in tasks: inout TaskTable
    ) {
        edges.append(Edge(child: child, next: tasks[Int(parent)].firstEdge, condition: condition))
        tasks[Int(parent)].firstEdge = Int32(edges.count - 1)
    }

    /// Whether anything may have to be told when the task is satisfied or lost.
    func mayHaveDependants(_ parent: UInt32, _ entry: TaskEntry) -> Bool {
        entry.firstEdge >= 0 || !ranges.isEmpty || !numbers.isEmpty
    }

    /// `parent` is marked as satisfied or lost in `tasks`: calls `release` for each dependency that is met by that,
    /// and `lose` for each that never will be.
    mutating func settle(
        _ parent: UInt32, in tasks: TaskTable, release: (UInt32) -> Void, lose: (UInt32) -> Void
    ) {
        let entry = tasks[Int(parent)]
        var index = entry.firstEdge
        while index >= 0 {
            let edge = edges[Int(index)]
            switch edge.condition.isMet(by: entry) {
            case true?: release(edge.child)
            case false?: lose(edge.child)
            case nil: break
            }
            index = edge.next
        }
        ranges.settle(
            Int(parent), isLost: entry.flags.contains(.lost), isMet: { $1.isMet(by: tasks[$0]) },
            release: release, lose: lose)
        if entry.flags.contains(.satisfied), let number = numbers[parent],
            satisfiedNumbers.insert(number).inserted
        {
            let known = satisfiedNumbers
            numberRanges.settle(
                number, isLost: false, isMet: { number, _ in known.contains(number) ? true : nil },
                release: release, lose: lose)
        }
    }
}
