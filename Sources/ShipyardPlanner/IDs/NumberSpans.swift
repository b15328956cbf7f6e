/// Numbers in spans, each with the entry that they belong to: sorted and disjoint, and as few as can be.
///
/// In blocks of a few hundred, because ids come in any order, and an array of a million spans would be moved for each.
struct NumberSpans: Sendable {
    struct Span: Sendable {
        var lower: Int
        var upper: Int
        /// The position of an entry of `tasks`.
        var entry: Int
    }

    private struct Place: Comparable {
        var block: Int
        var index: Int
        static func < (left: Place, right: Place) -> Bool {
            (left.block, left.index) < (right.block, right.index)
        }
    }

    private static let spansInBlock = 512
    /// None is empty.
    private var blocks: [[Span]] = []

    /// All spans in order.
    var all: some Sequence<Span> { blocks.joined() }

    /// Whether all numbers are below `number`.
    func isBelow(_ number: Int) -> Bool { place(of: number) == nil }

    func span(of number: Int) -> Span? {
        guard let place = place(of: number) else { return nil }
        let span = self[place]
        return span.lower <= number ? span : nil
    }

    /// The first span that begins above `number`.
    func first(above number: Int) -> Span? {
        guard let place = place(of: number) else { return nil }
        if self[place].lower > number { return self[place] }
        return after(place).map { self[$0] }
    }

    /// What of `numbers` no span holds.
    func gaps(in numbers: ClosedRange<Int>) -> [ClosedRange<Int>] {
        var gaps: [ClosedRange<Int>] = []
        var lower = numbers.lowerBound
        var next = place(of: lower)
        while let place = next, self[place].lower <= numbers.upperBound {
            if self[place].lower > lower { gaps.append(lower...(self[place].lower - 1)) }
            guard self[place].upper < numbers.upperBound else { return gaps }
            lower = self[place].upper + 1
            next = after(place)
        }
        gaps.append(lower...numbers.upperBound)
        return gaps
    }

    /// Adds numbers that no span holds yet; neighbours of the same entry become one span.
    mutating func insert(_ numbers: ClosedRange<Int>, entry: Int) {
        let next = place(of: numbers.lowerBound)
        let before = next.map(self.before) ?? last
        let joinsBefore = before.map { self[$0].upper + 1 == numbers.lowerBound && self[$0].entry == entry } ?? false
        let joinsNext =
            next.map { numbers.upperBound + 1 == self[$0].lower && self[$0].entry == entry } ?? false
        switch (joinsBefore ? before : nil, joinsNext ? next : nil) {
        case (let before?, let next?):
            self[before].upper = self[next].upper
            remove(next)
        case (let before?, nil): self[before].upper = numbers.upperBound
        case (nil, let next?): self[next].lower = numbers.lowerBound
        case (nil, nil):
            add(Span(lower: numbers.lowerBound, upper: numbers.upperBound, entry: entry), before: next)
        }
    }

    // MARK: - Blocks

    private subscript(place: Place) -> Span {
        get { blocks[place.block][place.index] }
        set { blocks[place.block][place.index] = newValue }
    }

    /// The first span that ends at `number` or above.
    private func place(of number: Int) -> Place? {
        // Most often a number comes behind all others.
        guard let end = blocks.last?.last, end.upper >= number else { return nil }
        let block = Self.firstIndex(blocks.count) { blocks[$0][blocks[$0].count - 1].upper >= number }
        let index = Self.firstIndex(blocks[block].count) { blocks[block][$0].upper >= number }
        return Place(block: block, index: index)
    }

    private static func firstIndex(_ count: Int, where isReached: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isReached(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private var last: Place? {
        blocks.last.map { Place(block: blocks.count - 1, index: $0.count - 1) }
    }

    private func before(_ place: Place) -> Place? {
        if place.index > 0 { return Place(block: place.block, index: place.index - 1) }
        return place.block > 0
            ? Place(block: place.block - 1, index: blocks[place.block - 1].count - 1) : nil
    }

    private func after(_ place: Place) -> Place? {
        if place.index + 1 < blocks[place.block].count {
            return Place(block: place.block, index: place.index + 1)
        }
        return place.block + 1 < blocks.count ? Place(block: place.block + 1, index: 0) : nil
    }

    private mutating func add(_ span: Span, before next: Place?) {
        guard let place = next ?? last else {
            blocks.append([span])
            return
        }
        blocks[place.block].insert(span, at: next == nil ? place.index + 1 : place.index)
        guard blocks[place.block].count > Self.spansInBlock else { return }
        let half = Self.spansInBlock / 2
        // Numbers that come in order fill their blocks.
        let cut = next == nil ? Self.spansInBlock : half
        let rest = Array(blocks[place.block][cut...])
        blocks[place.block].removeSubrange(cut...)
        blocks.insert(rest, at: place.block + 1)
    }

    private mutating func remove(_ place: Place) {
        blocks[place.block].remove(at: place.index)
        if blocks[place.block].isEmpty { blocks.remove(at: place.block) }
    }
}
