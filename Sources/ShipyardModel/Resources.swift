/// What a piece of work takes of a node, or what a node has.
package struct Resources: Hashable, Sendable {
    /// One more kind, such as `gpu`.
    package struct Other: Hashable, Sendable {
        package var name: String
        package var count: Int
        /// Which of them, one bit for each, where they are told apart; 0 where one is as good as another. Of what a
        /// node has: all of them. Of what work holds: those that are its own.
        package var identities: UInt64

        package init(_ name: String, _ count: Int, identities: UInt64 = 0) {
            self.name = name
            self.count = count
            self.identities = identities
        }
    }

    package var slots: Int
    /// Thousandths of a processor.
    package var milliCPUs: Int
    package var memoryBytes: Int64
    /// Each name once. Few, and of most nodes and tasks none, which costs nothing.
    package var others: [Other]

    package init(slots: Int = 0, milliCPUs: Int = 0, memoryBytes: Int64 = 0, others: [Other] = []) {
        self.slots = slots
        self.milliCPUs = milliCPUs
        self.memoryBytes = memoryBytes
        self.others = others
    }

    package static let none = Resources()

    /// Whether only slots are counted.
    package var isPlain: Bool { milliCPUs == 0 && memoryBytes == 0 && others.isEmpty }

    /// The same, and no more of anything than `limit` has: what asks for more than a whole node gets a whole node.
    package func capped(to limit: Resources) -> Resources {
        Resources(
            slots: min(slots, limit.slots), milliCPUs: min(milliCPUs, limit.milliCPUs),
            memoryBytes: min(memoryBytes, limit.memoryBytes),
            others: others.map { Other($0.name, min($0.count, limit.count(of: $0.name))) })
    }

    /// Whether a node that has so much could ever hold it.
    package func isWithin(_ capacity: Resources) -> Bool {
        guard slots <= capacity.slots else { return false }
        return isPlain || restIsWithin(capacity, .none)
    }

    /// All but the slots.
    fileprivate func restIsWithin(_ capacity: Resources, _ taken: Resources) -> Bool {
        taken.milliCPUs + milliCPUs <= capacity.milliCPUs
            && taken.memoryBytes + memoryBytes <= capacity.memoryBytes
            && others.allSatisfy { taken.count(of: $0.name) + $0.count <= capacity.count(of: $0.name) }
    }

    fileprivate func count(of name: String) -> Int { others.first { $0.name == name }?.count ?? 0 }
}

/// What a node has, and how much of it is taken. The service counts by it what it may send, and the node what it may
/// start: by the same rule, so neither refuses what the other allows.
package struct ResourceStock: Hashable, Sendable {
    package let capacity: Resources
    package private(set) var taken: Resources

    package init(_ capacity: Resources) {
        self.capacity = capacity
        taken = Resources(others: capacity.others.map { Resources.Other($0.name, 0) })
    }

    package var freeSlots: Int { capacity.slots - taken.slots }

    /// - Parameter slotsAhead: more slots than there are, for work that waits for one. Of nothing else is more given
    ///   than there is.
    package func fits(_ need: Resources, slotsAhead: Int = 0) -> Bool {
        guard taken.slots + need.slots <= capacity.slots + slotsAhead else { return false }
        return need.isPlain || need.restIsWithin(capacity, taken)
    }

    /// Answers what is held from now on: the need, and of things that are told apart which ones.
    @discardableResult
    package mutating func take(_ need: Resources) -> Resources {
        taken.slots += need.slots
        if need.isPlain { return need }
        taken.milliCPUs += need.milliCPUs
        taken.memoryBytes += need.memoryBytes
        var held = need
        for index in held.others.indices { held.others[index].identities = takeOther(held.others[index]) }
        return held
    }

    private mutating func takeOther(_ other: Resources.Other) -> UInt64 {
        guard let index = capacity.others.firstIndex(where: { $0.name == other.name }) else { return 0 }
        taken.others[index].count += other.count
        var free = capacity.others[index].identities & ~taken.others[index].identities
        var chosen: UInt64 = 0
        for _ in 0..<other.count where free != 0 {
            // The lowest that is free.
            chosen |= free & (~free + 1)
            free &= free - 1
        }
        taken.others[index].identities |= chosen
        return chosen
    }

    /// - Parameter held: what `take` has answered.
    package mutating func give(_ held: Resources) {
        taken.slots -= held.slots
        invariant(taken.slots >= 0, "more slots are freed than were taken")
        if held.isPlain { return }
        taken.milliCPUs -= held.milliCPUs
        taken.memoryBytes -= held.memoryBytes
        invariant(taken.milliCPUs >= 0 && taken.memoryBytes >= 0, "more is freed than was taken")
        for other in held.others {
            guard let index = taken.others.firstIndex(where: { $0.name == other.name }) else { continue }
            taken.others[index].count -= other.count
            taken.others[index].identities &= ~other.identities
            invariant(taken.others[index].count >= 0, "more of `\(other.name)` is freed than was taken")
        }
    }
}
