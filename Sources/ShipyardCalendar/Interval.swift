import ShipyardModel

/// A line of time that intervals can be counted on: the wall's, which users see, or the steady one, which nobody sets.
package protocol TimeLine: Comparable, Hashable, Sendable {
    var milliseconds: Int64 { get }
    init(milliseconds: Int64)
}
extension Instant: TimeLine {}
extension SteadyTime: TimeLine {}

/// Moments that are equally far apart: `anchor`, and every `length` after it.
///
/// It counts elapsed time, whatever clocks on walls do: "every 24 hours" comes an hour earlier or later by the clock
/// after it was set, where the expression `0 2 * * *` does not. The moments are those of the anchor also after a
/// pause; one that came late delays no other.
package struct Interval<Time: TimeLine>: Hashable, Sendable {
    package let anchor: Time
    package let length: TimeSpan

    /// Nil unless the length is positive.
    package init?(every length: TimeSpan, from anchor: Time) {
        guard length > .zero else { return nil }
        self.anchor = anchor
        self.length = length
    }

    /// Nil beyond the end of time.
    package func next(after time: Time) -> Time? {
        guard time >= anchor else { return anchor }
        let rest = Int64(elapsed(at: time) % UInt64(length.milliseconds))
        let (next, overflows) = time.milliseconds.addingReportingOverflow(length.milliseconds - rest)
        return overflows ? nil : Time(milliseconds: next)
    }

    /// Nil at the anchor and before.
    package func previous(before time: Time) -> Time? {
        guard time > anchor else { return nil }
        let latest = Time(milliseconds: time.milliseconds - 1)
        return Time(
            milliseconds: latest.milliseconds - Int64(elapsed(at: latest) % UInt64(length.milliseconds)))
    }

    /// How many there are in a stretch of time, whose end is not part of it; counted without walking them.
    package func count(in range: Range<Time>) -> UInt64 {
        count(before: range.upperBound) - count(before: range.lowerBound)
    }

    private func count(before time: Time) -> UInt64 {
        guard time > anchor else { return 0 }
        return (elapsed(at: time) - 1) / UInt64(length.milliseconds) + 1
    }

    /// Exact also where the difference is no Int64.
    private func elapsed(at time: Time) -> UInt64 {
        UInt64(bitPattern: time.milliseconds) &- UInt64(bitPattern: anchor.milliseconds)
    }
}
