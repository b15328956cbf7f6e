import ShipyardModel

/// Tasks that wait until every member of a range meets a condition.
///
/// Each range watches the lowest of its members that is open, and moves on when that one is met. So a task that ends
/// well costs as much as there are ranges that wait for just this one; counting each range down instead would look at
/// all ranges of the job for every task. One that can never be met is looked up among the ranges by their bounds.
struct RangeWaits: Sendable {
    private struct Key: Hashable {
        var range: ClosedRange<Int>
        var condition: Dependency.Condition
    }

    private struct Group: Sendable {
        var range: ClosedRange<Int>
        var condition: Dependency.Condition
        /// Nil while it is open.
        var isMet: Bool?
        var children: [UInt32] = []
    }

    private struct Bound: Sendable {
        var lowest: Int
        /// Of this range and all before it.
        var highest: Int
        var group: Int
    }

    /// Whether a member may be known never to meet a condition.
    private let canBeLost: Bool
    private var groups: [Group] = []
    private var groupOfKey: [Key: Int] = [:]
    /// Open groups by the member that they watch.
    private var watchers: [Int: [Int]] = [:]
    /// Groups by their lowest member.
    private var bounds: [Bound] = []

    init(canBeLost: Bool) { self.canBeLost = canBeLost }

    var isEmpty: Bool { groups.isEmpty }

    var byteCount: Int {
        groups.capacity * MemoryLayout<Group>.stride + (groupOfKey.capacity + watchers.capacity) * 24
            + bounds.capacity * MemoryLayout<Bound>.stride
            + groups.reduce(0) { $0 + $1.children.capacity * 4 }
    }

    /// Whether the whole range is met already, or can never be; nil while it is open.
    mutating func add(
        _ child: UInt32, to range: ClosedRange<Int>, _ condition: Dependency.Condition, isMet: (Int) -> Bool?
    ) -> Bool? {
        let index =
            groupOfKey[Key(range: range, condition: condition)] ?? makeGroup(range, condition, isMet)
        if groups[index].isMet == nil { groups[index].children.append(child) }
        return groups[index].isMet
    }

    private mutating func makeGroup(
        _ range: ClosedRange<Int>, _ condition: Dependency.Condition, _ isMet: (Int) -> Bool?
    ) -> Int {
        let index = groups.count
        groups.append(Group(range: range, condition: condition))
        groupOfKey[Key(range: range, condition: condition)] = index
        // Nobody tells again of those that are lost already.
        if canBeLost, range.contains(where: { isMet($0) == false }) {
            groups[index].isMet = false
            return index
        }
        watch(index, from: range.lowerBound, isMet)
        if canBeLost, groups[index].isMet == nil { insertBound(of: index) }
        return index
    }

    private mutating func watch(_ index: Int, from member: Int, _ isMet: (Int) -> Bool?) {
        let rest = member...groups[index].range.upperBound
        if let open = rest.first(where: { isMet($0) != true }) {
            watchers[open, default: []].append(index)
        } else {
            groups[index].isMet = true
        }
    }

    /// Something is known of a member: `isLost` says that it may be that a condition is never met.
    mutating func settle(
        _ member: Int, isLost: Bool, isMet: (Int, Dependency.Condition) -> Bool?, release: (UInt32) -> Void,
        lose: (UInt32) -> Void
    ) {
        guard !groups.isEmpty else { return }
        if isLost { loseRanges(of: member, isMet, lose) }
        guard let waiting = watchers.removeValue(forKey: member) else { return }
        for index in waiting where groups[index].isMet == nil {
            let condition = groups[index].condition
            watch(index, from: member) { isMet($0, condition) }
            if groups[index].isMet == true { takeChildren(of: index).forEach(release) }
        }
    }

    private mutating func loseRanges(
        of member: Int, _ isMet: (Int, Dependency.Condition) -> Bool?, _ lose: (UInt32) -> Void
    ) {
        var position = firstBound(above: member)
        while position > 0, bounds[position - 1].highest >= member {
            position -= 1
            let index = bounds[position].group
            guard groups[index].isMet == nil, groups[index].range.contains(member),
                isMet(member, groups[index].condition) == false
            else { continue }
            groups[index].isMet = false
            takeChildren(of: index).forEach(lose)
        }
    }

    private mutating func takeChildren(of index: Int) -> [UInt32] {
        defer { groups[index].children = [] }
        return groups[index].children
    }

    private mutating func insertBound(of index: Int) {
        let range = groups[index].range
        let position = firstBound(above: range.lowerBound)
        bounds.insert(Bound(lowest: range.lowerBound, highest: 0, group: index), at: position)
        // The last one, where submissions have merge tasks: theirs are one range after the other.
        for next in position..<bounds.count {
            let before = next == 0 ? Int.min : bounds[next - 1].highest
            bounds[next].highest = max(before, groups[bounds[next].group].range.upperBound)
        }
    }

    private func firstBound(above member: Int) -> Int {
        var (low, high) = (0, bounds.count)
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle].lowest <= member { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
