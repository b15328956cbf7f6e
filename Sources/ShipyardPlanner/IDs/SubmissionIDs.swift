/// All task ids of one job's submission, in order, without a text for each: memory grows with the entries of
/// the spec, never with the tasks that their factories make.
package struct SubmissionIDs: Sendable {
    private enum Run: Sendable {
        case explicit(String)
        case numbered(series: Int, first: Int, count: Int)
    }

    private struct SeriesKey: Hashable, Sendable {
        var prefix: [UInt8]
        var width: Int
    }

    private var explicit: [IDBytes: Int] = [:]
    /// Explicit ids with a number at their end, by what stands before it. Only there once there is a series.
    private var explicitByStem: [[UInt8]: [IDBytes]]?
    private(set) var series: [NumberedIDs] = []
    // These three once there are two series: most jobs have one.
    private var positions: [SeriesKey: Int] = [:]
    private var positionsByPrefix: [[UInt8]: [Int]] = [:]
    /// The series whose prefix is this and then digits, none at all among them.
    private var positionsByStem: [[UInt8]: [Int]] = [:]
    /// Whether another series can write the same text as this one: `task-1` and `task-`, or two widths.
    private var hasRivals: [Bool] = []
    private var runs: [Run] = []
    package private(set) var count = 0

    package init() {}

    /// The position of the series with this prefix and width.
    mutating func series(prefix: [UInt8], width: Int) -> Int {
        if series.count == 1, series[0].prefix == prefix, series[0].width == width { return 0 }
        if let known = positions[SeriesKey(prefix: prefix, width: width)] { return known }
        var new = NumberedIDs(prefix: prefix, width: width)
        for id in explicitIDs(withStemOf: prefix) {
            if let number = new.number(of: id.bytes), let entry = explicit[id] {
                new.insert(number...number, entry: entry)
            }
        }
        series.append(new)
        hasRivals.append(false)
        let position = series.count - 1
        if position > 0 {
            if position == 1 { index(0) }
            index(position)
        }
        return position
    }

    /// Makes a series known to those that come, and finds its rivals among those that are.
    private mutating func index(_ position: Int) {
        let prefix = series[position].prefix
        let stems = Self.stems(prefix)
        let rivals = stems.flatMap { positionsByPrefix[$0] ?? [] } + (positionsByStem[prefix] ?? [])
        for rival in rivals { hasRivals[rival] = true }
        hasRivals[position] = !rivals.isEmpty
        positions[SeriesKey(prefix: prefix, width: series[position].width)] = position
        positionsByPrefix[prefix, default: []].append(position)
        for stem in stems { positionsByStem[stem, default: []].append(position) }
    }

    /// The text, and what is left when digits are taken from its end, one after the other.
    private static func stems(_ text: [UInt8]) -> [[UInt8]] {
        let digits = text.reversed().prefix(while: isDigit).count
        return (0...digits).map { Array(text.dropLast($0)) }
    }

    private mutating func explicitIDs(withStemOf prefix: [UInt8]) -> [IDBytes] {
        guard !explicit.isEmpty else { return [] }
        if explicitByStem == nil {
            explicitByStem = [:]
            for id in explicit.keys { noteStem(of: id) }
        }
        return explicitByStem?[Array(prefix[..<prefix.endOfStem])] ?? []
    }

    private mutating func noteStem(of id: IDBytes) {
        let end = id.bytes.endOfStem
        if end < id.bytes.count { explicitByStem?[Array(id.bytes[..<end]), default: []].append(id) }
    }

    /// The series that can write `id`, with the number that it would be there.
    private func writers(of id: [UInt8]) -> [(position: Int, number: Int)] {
        guard series.count > 1 else {
            guard let only = series.first, id.starts(with: only.prefix), only.prefix.count >= id.endOfStem,
                only.prefix.count < max(id.count, id.endOfStem), let number = only.number(of: id)
            else { return [] }
            return [(0, number)]
        }
        var found: [(position: Int, number: Int)] = []
        for end in id.endOfStem..<max(id.count, id.endOfStem) {
            for position in positionsByPrefix[Array(id[..<end])] ?? [] {
                if let number = series[position].number(of: id) { found.append((position, number)) }
            }
        }
        return found
    }

    /// The entry that `id` comes from; nil where this submission has no such id.
    package func entry(of id: String) -> Int? { entry(of: Array(id.utf8)) }

    private func entry(of id: [UInt8]) -> Int? {
        if let entry = explicit[IDBytes(id)] { return entry }
        return writers(of: id).lazy.compactMap { series[$0.position].entry(of: $0.number) }.first
    }

    func isTaken(_ number: Int, in position: Int) -> Bool {
        series[position].isTaken(number) || hasRivals[position] && isWrittenByRival(of: position, number)
    }

    /// Whether `number` of a series is free, and how far the free stretch from the first free number reaches.
    mutating func freeStretch(in position: Int, from number: Int) -> ClosedRange<Int> {
        guard hasRivals[position] else { return series[position].freeStretch(from: number) }
        var candidate = series[position].freeStretch(from: number).lowerBound
        while isWrittenByRival(of: position, candidate) {
            // Remembered: nothing is ever given back, and the next task would walk here again.
            series[position].noteTaken(candidate)
            candidate = series[position].freeStretch(from: candidate).lowerBound
        }
        return candidate...candidate
    }

    private func isWrittenByRival(of position: Int, _ number: Int) -> Bool {
        writers(of: series[position].bytes(number)).contains {
            $0.position != position && series[$0.position].entry(of: $0.number) != nil
        }
    }

    /// Adds an explicit id; false where it is taken.
    mutating func insert(_ id: String, entry: Int) -> Bool {
        let text = IDBytes(Array(id.utf8))
        let writers = writers(of: text.bytes)
        guard explicit[text] == nil,
            !writers.contains(where: { series[$0.position].entry(of: $0.number) != nil })
        else { return false }
        explicit[text] = entry
        if explicitByStem != nil { noteStem(of: text) }
        for writer in writers { series[writer.position].insert(writer.number...writer.number, entry: entry) }
        runs.append(.explicit(id))
        count += 1
        return true
    }

    /// Adds numbers that `freeStretch` has named.
    mutating func insert(_ numbers: ClosedRange<Int>, series position: Int, entry: Int) {
        series[position].insert(numbers, entry: entry)
        count += numbers.count
        let first = numbers.lowerBound
        if case .numbered(position, let start, let length)? = runs.last, start + length == first {
            runs[runs.count - 1] = .numbered(series: position, first: start, count: length + numbers.count)
        } else {
            runs.append(.numbered(series: position, first: first, count: numbers.count))
        }
    }

    /// Calls `body` with the bytes of every id, in submission order.
    package func forEach<Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
        var bytes: [UInt8] = []
        for run in runs {
            switch run {
            case .explicit(let id): try body(Array(id.utf8))
            case .numbered(let position, let first, let count):
                for number in first..<(first + count) {
                    bytes.removeAll(keepingCapacity: true)
                    series[position].append(number, to: &bytes)
                    try body(bytes)
                }
            }
        }
    }

    /// The explicit ids with the entries they come from, in no order.
    var explicitIDs: some Sequence<(id: [UInt8], entry: Int)> {
        explicit.lazy.map { (id: $0.key.bytes, entry: $0.value) }
    }
}

/// The bytes of an id. Equal where they are: a text of Swift equals others that look alike.
private struct IDBytes: Hashable, Sendable {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension [UInt8] {
    /// Where the digits at the end begin.
    fileprivate var endOfStem: Int {
        var end = count
        while end > 0, isDigit(self[end - 1]) { end -= 1 }
        return end
    }
}
