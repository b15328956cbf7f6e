import ShipyardModel

/// When something is due by the clock: whenever one of its expressions, intervals or moments is.
package struct Timetable: Sendable {
    package var crons: [CronExpression] = []
    package var intervals: [Interval<Instant>] = []
    package var moments: [Instant] = []
    package var zone = Zone.utc
    /// The first moment at which anything may be due.
    package var notBefore: Instant?
    /// The last one.
    package var notAfter: Instant?

    package init() {}

    /// Whether anything is due by the clock at all.
    package var hasTimes: Bool { !crons.isEmpty || !intervals.isEmpty || !moments.isEmpty }

    package func next(after moment: Instant) -> DueTime? {
        guard moment.milliseconds < Int64.max else { return nil }
        var times = DueTimes(of: self, in: moment + TimeSpan(milliseconds: 1)..<Instant(milliseconds: .max))
        return times.next()
    }

    /// The last `count` moments of a stretch, in order. Costs what they are, however long the stretch is.
    package func last(_ count: Int, in range: Range<Instant>) -> [DueTime] {
        guard count > 0, !range.isEmpty else { return [] }
        var length: Int64 = 3_600_000
        while true {
            let (start, overflows) = range.upperBound.milliseconds.subtractingReportingOverflow(length)
            let isWhole = overflows || start <= range.lowerBound.milliseconds
            let lower = isWhole ? range.lowerBound : Instant(milliseconds: start)
            let found = Array(DueTimes(of: self, in: lower..<range.upperBound))
            if isWhole || found.count >= count { return Array(found.suffix(count)) }
            length = length.multipliedReportingOverflow(by: 4).overflow ? .max : length * 4
        }
    }
}

/// A moment at which a schedule is due.
package struct DueTime: Hashable, Sendable {
    package enum Cause: Hashable, Sendable {
        /// Which of the expressions, intervals or moments.
        case cron(Int), interval(Int), at(Int)
    }
    package var instant: Instant
    /// Of several that are due at the same moment the first: they are one run.
    package var cause: Cause
}

/// All moments of a stretch of time at which a timetable is due, in order, found one by one.
package struct DueTimes: Sequence, IteratorProtocol, Sendable {
    private var crons: [(firings: Firings, next: Instant?)]
    private let intervals: [Interval<Instant>]
    private var nextOfInterval: [Instant?]
    /// In order.
    private let moments: [(instant: Instant, index: Int)]
    private var nextMoment: Int
    private let end: Instant

    /// The range's end is none any more.
    package init(of table: Timetable, in range: Range<Instant>) {
        let tick = TimeSpan(milliseconds: 1)
        let start = Swift.max(range.lowerBound, table.notBefore ?? range.lowerBound)
        let end = Swift.min(range.upperBound, table.notAfter.map { $0 + tick } ?? range.upperBound)
        self.end = end
        let stretch = start..<Swift.max(start, end)
        crons = table.crons.map { cron in
            var firings = cron.firings(in: stretch, zone: table.zone)
            let first = firings.next()?.instant
            return (firings, first)
        }
        intervals = table.intervals
        nextOfInterval = intervals.map { $0.next(after: start - tick) }
        moments = table.moments.enumerated().map { ($1, $0) }.sorted { $0.instant < $1.instant }
        nextMoment = moments.firstIndex { $0.instant >= start } ?? moments.count
    }

    package mutating func next() -> DueTime? {
        var found: DueTime?
        func offer(_ instant: Instant?, _ cause: DueTime.Cause) {
            guard let instant, found.map({ instant < $0.instant }) ?? true else { return }
            found = DueTime(instant: instant, cause: cause)
        }
        for index in crons.indices { offer(crons[index].next, .cron(index)) }
        for index in intervals.indices { offer(nextOfInterval[index], .interval(index)) }
        if nextMoment < moments.count { offer(moments[nextMoment].instant, .at(moments[nextMoment].index)) }
        guard let found, found.instant < end else { return nil }
        step(over: found.instant)
        return found
    }

    private mutating func step(over instant: Instant) {
        for index in crons.indices where crons[index].next == instant {
            crons[index].next = crons[index].firings.next()?.instant
        }
        for index in intervals.indices where nextOfInterval[index] == instant {
            nextOfInterval[index] = intervals[index].next(after: instant)
        }
        while nextMoment < moments.count, moments[nextMoment].instant == instant { nextMoment += 1 }
    }
}

/// The due times of many timetables in one order; of the same moment those of the one that stands first.
package struct DueTimesOfMany: Sequence, IteratorProtocol {
    private var times: [DueTimes]
    /// A heap by moment and position.
    private var heap: [(due: DueTime, index: Int)] = []

    package init(_ tables: [Timetable], in range: Range<Instant>) {
        times = tables.map { DueTimes(of: $0, in: range) }
        for index in times.indices {
            if let due = times[index].next() { heap.append((due, index)) }
        }
        heap.sort(by: Self.isEarlier)
    }

    package mutating func next() -> (due: DueTime, index: Int)? {
        guard let first = heap.first else { return nil }
        if let due = times[first.index].next() {
            heap[0].due = due
        } else {
            heap[0] = heap[heap.count - 1]
            heap.removeLast()
        }
        sink()
        return first
    }

    private mutating func sink() {
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && Self.isEarlier(heap[child], heap[least]) {
                least = child
            }
            guard least != index else { return }
            heap.swapAt(least, index)
            index = least
        }
    }

    private static func isEarlier(_ left: (due: DueTime, index: Int), _ right: (due: DueTime, index: Int))
        -> Bool
    {
        (left.due.instant.milliseconds, left.index) < (right.due.instant.milliseconds, right.index)
    }
}
