/// The offsets of a zone: a list of moments at which they change, and a rule for the years after the last.
struct ZoneTable: Hashable, Sendable {
    /// Beyond every moment of a file, and so small that no sum with an offset overflows.
    static let farthest: Int64 = 1 << 60

    /// In strict order.
    private(set) var changes: [Int64] = []
    /// What clocks show from each change on: places in `kinds`.
    private(set) var kindsAfter: [Int] = []
    /// The first is for the time before the first change.
    private(set) var kinds: [LocalTimeKind]
    private(set) var rule: ZoneRule?
    private(set) var leastOffset: Int64
    private(set) var greatestOffset: Int64

    init(kinds: [LocalTimeKind], changes: [Int64] = [], kindsAfter: [Int] = [], rule: ZoneRule? = nil) {
        self.changes = changes
        self.kindsAfter = kindsAfter
        self.rule = rule
        self.kinds = kinds + (rule?.kinds ?? [])
        leastOffset = self.kinds.map(\.offset).min() ?? 0
        greatestOffset = self.kinds.map(\.offset).max() ?? 0
    }

    /// A stretch of time without a change: from `start` up to `end`, which is not part of it.
    struct Period: Hashable {
        var start: Int64
        var end: Int64
        var offset: Int64
        /// A place in `kinds`.
        var kind: Int
    }

    func period(at moment: Int64) -> Period {
        guard let last = changes.last, moment < last else { return periodAfterTable(at: moment) }
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle] <= moment { low = middle + 1 } else { high = middle }
        }
        let kind = low == 0 ? 0 : kindsAfter[low - 1]
        return Period(
            start: low == 0 ? -Self.farthest : changes[low - 1], end: changes[low],
            offset: kinds[kind].offset, kind: kind)
    }

    private func periodAfterTable(at moment: Int64) -> Period {
        let start = changes.last ?? -Self.farthest
        guard let rule else {
            let kind = kindsAfter.last ?? 0
            return Period(start: start, end: Self.farthest, offset: kinds[kind].offset, kind: kind)
        }
        let span = rule.span(at: moment)
        let kind = kinds.count - rule.kinds.count + (span.isDaylightSaving ? 1 : 0)
        return Period(start: max(start, span.start), end: span.end, offset: kinds[kind].offset, kind: kind)
    }
}

extension ZoneTable {
    func moments(showing reading: Int64) -> [Int64] {
        var found: [Int64] = []
        var period = period(at: reading - greatestOffset)
        while period.start <= reading - leastOffset {
            let moment = reading - period.offset
            if moment >= period.start, moment < period.end { found.append(moment) }
            guard period.end < Self.farthest else { break }
            period = self.period(at: period.end)
        }
        return found
    }

    /// The first moment at which a clock shows `reading` or a later time.
    func firstMoment(notBefore reading: Int64) -> Int64 {
        // Whatever comes before this period ends at a reading that is earlier.
        var period = period(at: reading - greatestOffset)
        while period.end + period.offset <= reading, period.end < Self.farthest {
            period = self.period(at: period.end)
        }
        return max(period.start, reading - period.offset)
    }

    /// The latest time that clocks have shown by `moment`. They show an earlier one where they were set back.
    func latestReading(upTo moment: Int64) -> Int64 {
        var period = period(at: moment)
        var latest = moment + period.offset
        while period.start > -Self.farthest, period.start - 1 + greatestOffset > latest {
            period = self.period(at: period.start - 1)
            latest = max(latest, period.end - 1 + period.offset)
        }
        return latest
    }
}
