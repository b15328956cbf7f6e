import ShipyardModel

/// Tasks of a job in an order in which they may run, as a tree: each stands once, below the one of those it comes after
/// that stands last, so that a chain reads downwards and a branch is whole before the next one begins.
struct RunOrder {
    struct Place {
        /// In the list that was given.
        var index: Int
        var level: Int
    }

    private(set) var places: [Place] = []
    /// What each comes after, as indexes.
    let upstream: [[Int]]

    /// `tasks` in the order of ordinals.
    init(_ tasks: [TaskDefinition]) {
        let upstream = Self.upstream(of: tasks)
        self.upstream = upstream
        var downstream: [[Int]] = Array(repeating: [], count: tasks.count)
        var open = upstream.map(\.count)
        for (index, list) in upstream.enumerated() { for other in list { downstream[other].append(index) } }
        // The last one is taken first.
        var next: [Place] = tasks.indices.reversed().filter { open[$0] == 0 }.map { Place(index: $0, level: 0) }
        var isPlaced = Array(repeating: false, count: tasks.count)
        while let place = next.popLast() {
            places.append(place)
            isPlaced[place.index] = true
            for child in downstream[place.index].reversed() {
                open[child] -= 1
                if open[child] == 0 { next.append(Place(index: child, level: place.level + 1)) }
            }
        }
        // Those that wait for each other, which no plan has.
        for index in tasks.indices where !isPlaced[index] { places.append(Place(index: index, level: 0)) }
    }

    private static func upstream(of tasks: [TaskDefinition]) -> [[Int]] {
        let indexes = Dictionary(
            tasks.enumerated().map { ($1.key.ordinal, $0) }, uniquingKeysWith: { first, _ in first })
        var numbers: [Int: [Int]] = [:]
        for (index, task) in tasks.enumerated() {
            if task.id.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(task.id) {
                numbers[number, default: []].append(index)
            }
        }
        return tasks.enumerated().map { index, task in
            var found: Set<Int> = []
            for dependency in task.dependencies.flatMap(Dependency.list) ?? [] {
                switch dependency.upstream {
                case .task(let ordinal): if let other = indexes[ordinal] { found.insert(other) }
                case .tasks(let range):
                    for (ordinal, other) in indexes where range.contains(ordinal) { found.insert(other) }
                case .numbers(let range):
                    for (number, others) in numbers where range.contains(number) { found.formUnion(others) }
                }
            }
            found.remove(index)
            return found.sorted()
        }
    }
}
