/// All task ids of one job's submission, in order, without a text for each: memory grows with the entries of
/// the spec, never with the tasks that their factories make.
package struct SubmissionIDs: Sendable {
    private enum Run: Sendable {
        case explicit(String)
        case numbered(series: Int, first: Int, count: Int)
    }

    private var explicit: [String: Int] = [:]
    private(set) var series: [NumberedIDs] = []
    /// For each series the others that can write the same text: `task-1` and `task-`, or two widths.
    private var rivals: [[Int]] = []
    private var runs: [Run] = []
    package private(set) var count = 0

    package init() {}

    /// The position of the series with this prefix and width.
    mutating func series(prefix: [UInt8], width: Int) -> Int {
        if let known = series.firstIndex(where: { $0.width == width && $0.prefix == prefix }) { return known }
        var new = NumberedIDs(prefix: prefix, width: width)
        for (id, entry) in explicit {
            if let number = new.number(of: id.utf8) { new.insert(number, entry: entry) }
        }
        let position = series.count
        rivals.append(series.indices.filter { Self.mayWriteTheSame(series[$0].prefix, prefix) })
        for rival in rivals[position] { rivals[rival].append(position) }
        series.append(new)
        return position
    }

    private static func mayWriteTheSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let (short, long) = left.count < right.count ? (left, right) : (right, left)
        return long.starts(with: short) && long.dropFirst(short.count).allSatisfy(isDigit)
    }

    /// The entry that `id` comes from; nil where this submission has no such id.
    package func entry(of id: String) -> Int? {
        if let entry = explicit[id] { return entry }
        for one in series {
            if let number = one.number(of: id.utf8), let entry = one.entry(of: number) { return entry }
        }
        return nil
    }

    /// Whether `number` of a series is free, and how far the free stretch from the first free number reaches.
    func freeStretch(in position: Int, from number: Int) -> ClosedRange<Int> {
        guard !rivals[position].isEmpty else { return series[position].freeStretch(from: number) }
        var candidate = series[position].freeStretch(from: number).lowerBound
        while isWrittenByRival(of: position, candidate) {
            candidate = series[position].freeStretch(from: candidate + 1).lowerBound
        }
        return candidate...candidate
    }

    private func isWrittenByRival(of position: Int, _ number: Int) -> Bool {
        let id = series[position].bytes(number)
        return rivals[position].contains { rival in
            series[rival].number(of: id).flatMap { series[rival].entry(of: $0) } != nil
        }
    }

    /// Adds an explicit id; false where it is taken.
    mutating func insert(_ id: String, entry: Int) -> Bool {
        guard self.entry(of: id) == nil else { return false }
        explicit[id] = entry
        for position in series.indices {
            if let number = series[position].number(of: id.utf8) {
                series[position].insert(number, entry: entry)
            }
        }
        runs.append(.explicit(id))
        count += 1
        return true
    }

    /// Adds a number that `freeStretch` has named.
    mutating func insert(_ number: Int, series position: Int, entry: Int) {
        series[position].insert(number, entry: entry)
        count += 1
        if case .numbered(position, let first, let length)? = runs.last, first + length == number {
            runs[runs.count - 1] = .numbered(series: position, first: first, count: length + 1)
        } else {
            runs.append(.numbered(series: position, first: number, count: 1))
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
    var explicitIDs: [String: Int] { explicit }
}
