import ShipyardModel

/// Who waits for whom in one job. Single tasks are edges in one array; a range, however wide, is one group.
struct DependencyGraph: Sendable {
    struct Edge: Sendable {
        var child: UInt32
        var next: Int32
    }

    var edges: [Edge] = []
    /// Waits for ranges of ordinals.
    var ranges = RangeWaits()
    /// Waits for ranges of numbers (`depends_on_range`).
    var numberRanges = RangeWaits()
    /// Ids that are numbers, by ordinal.
    var numbers: [UInt32: Int] = [:]
    /// Numbers that some task has satisfied already: `4` and `04` count once.
    var satisfiedNumbers: Set<Int> = []

    var byteCount: Int {
        edges.capacity * MemoryLayout<Edge>.stride + numbers.capacity * 16 + satisfiedNumbers.capacity * 8
            + ranges.byteCount + numberRanges.byteCount
    }

    /// Enters what `child` waits for; returns how many of its dependencies are not satisfied yet.
    mutating func add(_ dependencies: [Dependency], of child: UInt32, in tasks: inout [TaskEntry]) -> Int32 {
        var waiting: Int32 = 0
        for dependency in dependencies {
            switch dependency {
            case .task(let parent): waiting += addEdge(from: parent, to: child, in: &tasks)
            case .tasks(let range):
                let isWaiting = ranges.add(child, to: Int(range.lowerBound)...Int(range.upperBound)) {
                    tasks[$0].flags.contains(.satisfied)
                }
                waiting += isWaiting ? 1 : 0
            case .numbers(let range):
                waiting += numberRanges.add(child, to: range, isSatisfied: satisfiedNumbers.contains) ? 1 : 0
            }
        }
        return waiting
    }

    private mutating func addEdge(from parent: UInt32, to child: UInt32, in tasks: inout [TaskEntry]) -> Int32
    {
        guard !tasks[Int(parent)].flags.contains(.satisfied) else { return 0 }
        edges.append(Edge(child: child, next: tasks[Int(parent)].firstEdge))
        tasks[Int(parent)].firstEdge = Int32(edges.count - 1)
        return 1
    }

    /// `parent`, which is marked as satisfied in `tasks`, lets its dependants run: calls `release` for each
    /// dependency that is satisfied by it.
    mutating func satisfy(_ parent: UInt32, in tasks: [TaskEntry], release: (UInt32) -> Void) {
        var edge = tasks[Int(parent)].firstEdge
        while edge >= 0 {
            release(edges[Int(edge)].child)
            edge = edges[Int(edge)].next
        }
        ranges.satisfied(Int(parent), isSatisfied: { tasks[$0].flags.contains(.satisfied) }, release: release)
        if let number = numbers[parent], satisfiedNumbers.insert(number).inserted {
            let known = satisfiedNumbers
            numberRanges.satisfied(number, isSatisfied: known.contains, release: release)
        }
    }
}

/// Tasks that wait until every member of a range is satisfied.
///
/// Each range watches the lowest of its members that is missing, and moves on when that one is satisfied. So a
/// task that ends costs as much as there are ranges that wait for just this one; counting each range down
/// instead would look at all ranges of the job for every task.
struct RangeWaits: Sendable {
    private struct Group: Sendable {
        var range: ClosedRange<Int>
        var isSatisfied: Bool
        var children: [UInt32] = []
    }

    private var groups: [Group] = []
    private var groupOfRange: [ClosedRange<Int>: Int] = [:]
    /// Groups by the member that they watch.
    private var watchers: [Int: [Int]] = [:]

    var byteCount: Int {
        groups.capacity * MemoryLayout<Group>.stride + (groupOfRange.capacity + watchers.capacity) * 24
            + groups.reduce(0) { $0 + $1.children.capacity * 4 }
    }

    /// False when the whole range is satisfied already.
    mutating func add(_ child: UInt32, to range: ClosedRange<Int>, isSatisfied: (Int) -> Bool) -> Bool {
        let index = groupOfRange[range] ?? makeGroup(range, isSatisfied)
        guard !groups[index].isSatisfied else { return false }
        groups[index].children.append(child)
        return true
    }

    private mutating func makeGroup(_ range: ClosedRange<Int>, _ isSatisfied: (Int) -> Bool) -> Int {
        let missing = range.first { !isSatisfied($0) }
        groups.append(Group(range: range, isSatisfied: missing == nil))
        groupOfRange[range] = groups.count - 1
        if let missing { watchers[missing, default: []].append(groups.count - 1) }
        return groups.count - 1
    }

    mutating func satisfied(_ member: Int, isSatisfied: (Int) -> Bool, release: (UInt32) -> Void) {
        guard !watchers.isEmpty, let waiting = watchers.removeValue(forKey: member) else { return }
        for index in waiting {
            let rest = member...groups[index].range.upperBound
            if let missing = rest.first(where: { !isSatisfied($0) }) {
                watchers[missing, default: []].append(index)
            } else {
                groups[index].isSatisfied = true
                groups[index].children.forEach(release)
                groups[index].children = []
            }
        }
    }
}
