import ShipyardCalendar
import ShipyardModel

/// A moment at which a schedule is due.
package struct DueTime: Hashable, Sendable {
    package enum Cause: Hashable, Sendable {
        /// Which of the schedule's expressions, intervals or moments.
        case cron(Int), interval(Int), at(Int)
    }
    package var instant: Instant
    /// Of several that are due at the same moment the first: they are one run.
    package var cause: Cause
}

/// All moments of a stretch of time at which a schedule is due by the clock, in order, found one by one.
package struct ScheduleTimes: Sequence, IteratorProtocol, Sendable {
    private var crons: [(firings: Firings, next: Instant?)]
    private let intervals: [Interval<Instant>]
    private var nextOfInterval: [Instant?]
    /// In order.
    private let moments: [(instant: Instant, index: Int)]
    private var nextMoment: Int
    private let end: Instant

    /// `do_not_run_until` is the first moment of a schedule and `do_not_run_after` its last; the range's end is
    /// none any more.
    package init(of schedule: ScheduleSpec, in range: Range<Instant>) {
        let tick = TimeSpan(milliseconds: 1)
        let start = Swift.max(range.lowerBound, schedule.notBefore ?? range.lowerBound)
        let end = Swift.min(range.upperBound, schedule.notAfter.map { $0 + tick } ?? range.upperBound)
        self.end = end
        let stretch = start..<Swift.max(start, end)
        crons = schedule.cron.map { cron in
            var firings = cron.firings(in: stretch, zone: schedule.zone)
            let first = firings.next()?.instant
            return (firings, first)
        }
        intervals = schedule.intervals
        nextOfInterval = intervals.map { $0.next(after: start - tick) }
        moments = schedule.moments.enumerated().map { ($1, $0) }.sorted { $0.instant < $1.instant }
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

extension ScheduleSpec {
    /// How much later than due a run begins: from the schedule's id and the moment alone, so that it can be foretold,
    /// and spread over all of `jitter` where many schedules are due at once.
    package func delay(at due: Instant) -> TimeSpan {
        guard jitter > .zero else { return .zero }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        id.value.utf8.forEach(add)
        for shift in stride(from: 0, to: 64, by: 8) {
            add(UInt8(truncatingIfNeeded: due.milliseconds >> Int64(shift)))
        }
        // FNV mixes the last bytes little.
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        hash ^= hash >> 31
        return TimeSpan(milliseconds: Int64(hash % UInt64(jitter.milliseconds)))
    }
}

/// The due times of many schedules in one order; of the same moment those of the schedule that stands first.
package struct TimesOfSchedules: Sequence, IteratorProtocol {
    private var times: [ScheduleTimes]
    /// A heap by moment and schedule.
    private var heap: [(due: DueTime, index: Int)] = []

    package init(_ schedules: [ScheduleSpec], in range: Range<Instant>) {
        times = schedules.map { ScheduleTimes(of: $0, in: range) }
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
