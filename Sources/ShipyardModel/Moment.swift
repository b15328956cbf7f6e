/// A moment as clocks that nobody sets count it: milliseconds on a line that begins with the state file, goes on
/// while the machine sleeps or the service is away, and never goes back. Durations are measured on it.
///
/// Where the line began it agreed with the wall clock, so a wall time from before that is as good.
package struct SteadyTime: Hashable, Sendable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: SteadyTime, right: SteadyTime) -> Bool {
        left.milliseconds < right.milliseconds
    }
    package static func + (time: SteadyTime, span: TimeSpan) -> SteadyTime {
        SteadyTime(milliseconds: saturatingSum(time.milliseconds, span.milliseconds))
    }
    package static func - (time: SteadyTime, span: TimeSpan) -> SteadyTime {
        SteadyTime(milliseconds: saturatingDifference(time.milliseconds, span.milliseconds))
    }
    package static func - (left: SteadyTime, right: SteadyTime) -> TimeSpan {
        TimeSpan(milliseconds: saturatingDifference(left.milliseconds, right.milliseconds))
    }
}

/// Now, twice: what a user's watch says, which goes into records, and the time by which things are due. The wall
/// clock may be set by hours at any moment, and nothing must end or wait for that.
package struct Moment: Hashable, Sendable {
    package var wall: Instant
    package var steady: SteadyTime

    package init(wall: Instant, steady: SteadyTime) {
        self.wall = wall
        self.steady = steady
    }

    package static func + (moment: Moment, span: TimeSpan) -> Moment {
        Moment(wall: moment.wall + span, steady: moment.steady + span)
    }
}
