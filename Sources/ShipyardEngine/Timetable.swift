import ShipyardModel

/// What is due when, the earliest first: one look at the first entry tells how long nothing will happen, however
/// many wait behind it.
package struct Timetable<Key: Comparable & Sendable>: Sendable {
    private var entries: [(at: SteadyTime, key: Key)] = []

    package init() {}

    package var first: SteadyTime? { entries.first?.at }
    package var isEmpty: Bool { entries.isEmpty }

    package mutating func insert(_ key: Key, at time: SteadyTime) {
        entries.insert((time, key), at: position(of: key, time))
    }

    /// `time` is that of the insertion. One that is not there any more has been taken.
    package mutating func remove(_ key: Key, at time: SteadyTime) {
        let index = position(of: key, time)
        if index < entries.count, entries[index] == (time, key) { entries.remove(at: index) }
    }

    /// All that are due, in their order.
    package mutating func takeDue(at now: SteadyTime) -> [Key] {
        guard let first, first <= now else { return [] }
        let due = entries.prefix { $0.at <= now }.map(\.key)
        entries.removeFirst(due.count)
        return due
    }

    /// Of the entry, or where it would be.
    private func position(of key: Key, _ time: SteadyTime) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle] < (time, key) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
