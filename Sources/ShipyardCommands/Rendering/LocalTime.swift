import Glibc
import ShipyardModel
import ShipyardSpecs

/// Moments as people read them: by the clock of this machine, and how long ago. `--raw` has ISO 8601 in UTC.
package enum LocalTime {
    private static let minute: Int64 = 60_000
    private static let hour = 60 * minute
    private static let day = 24 * hour

    /// `22:04 (3 min ago)`, `2026-11-24 22:04 (2 days ago)`; what is no moment stays as it is.
    package static func text(_ time: String?, at now: Instant) -> String {
        guard let time else { return "" }
        guard let instant = SpecDate.instant(time) else { return time }
        let clock = clock(instant, at: now)
        return distance(instant, at: now).map { "\(clock) (\($0))" } ?? clock
    }

    /// Without the date where it is today's.
    private static func clock(_ instant: Instant, at now: Instant) -> String {
        let (time, today) = (fields(instant), fields(now))
        let clock = "\(two(time.tm_hour)):\(two(time.tm_min))"
        let isToday = time.tm_year == today.tm_year && time.tm_yday == today.tm_yday
        return isToday ? clock : "\(time.tm_year + 1900)-\(two(time.tm_mon + 1))-\(two(time.tm_mday)) \(clock)"
    }

    /// Nil where the date says enough.
    package static func distance(_ instant: Instant, at now: Instant) -> String? {
        let past = now.milliseconds - instant.milliseconds
        let length = abs(past)
        guard length < 60 * day else { return nil }
        let words =
            switch length {
            case ..<1000: ""
            case ..<(2 * minute): "\(length / 1000) s"
            case ..<(2 * hour): "\(length / minute) min"
            case ..<(2 * day): "\(length / hour) h"
            default: "\(length / day) days"
            }
        if words.isEmpty { return "now" }
        return past > 0 ? words + " ago" : "in " + words
    }

    private static func fields(_ instant: Instant) -> tm {
        tzset()
        var seconds = time_t(instant.milliseconds / 1000)
        if instant.milliseconds < 0, instant.milliseconds % 1000 != 0 { seconds -= 1 }
        var fields = tm()
        localtime_r(&seconds, &fields)
        return fields
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
