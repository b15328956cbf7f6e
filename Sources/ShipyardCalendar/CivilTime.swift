import ShipyardModel

/// What a clock on the wall shows: a day and a time, in no zone in particular.
package struct CivilTime: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let date: CivilDate
    package let hour: Int64
    package let minute: Int64
    package let second: Int64

    /// Nil unless the time is one of a day: 00:00:00 to 23:59:59.
    package init?(_ date: CivilDate, hour: Int64, minute: Int64, second: Int64 = 0) {
        guard (0..<24).contains(hour), (0..<60).contains(minute), (0..<60).contains(second) else {
            return nil
        }
        (self.date, self.hour, self.minute, self.second) = (date, hour, minute, second)
    }

    /// The reading `seconds` after midnight of 1970-01-01 on a clock that nobody sets. Such a count is what all
    /// arithmetic on readings is done with.
    package init(seconds: Int64) {
        let (days, rest) = seconds.flooredDivision(by: 86_400)
        date = CivilDate(daysSinceEpoch: days)
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
    }

    package var seconds: Int64 { date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60 + second }

    package static func < (left: CivilTime, right: CivilTime) -> Bool { left.seconds < right.seconds }

    /// `2024-03-31T02:30:00`
    package var description: String {
        let day = "\(date.year)-\(padded(date.month, 2))-\(padded(date.day, 2))"
        return "\(day)T\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2))"
    }
}

/// The offset of a zone from UTC, in seconds, as `+02:00` with a colon for separator.
package func appendOffset(_ offset: Int64, separator: String, to bytes: inout [UInt8]) {
    bytes.append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
    let minutes = Int64(offset.magnitude / 60)
    appendDecimal(minutes / 60, width: 2, to: &bytes)
    bytes += separator.utf8
    appendDecimal(minutes % 60, width: 2, to: &bytes)
}

extension Instant {
    /// Whole seconds since 1970, rounded down.
    package var flooredSeconds: Int64 { milliseconds.flooredDivision(by: 1000).0 }

    /// Saturates.
    package init(seconds: Int64) { self.init(milliseconds: saturatingProduct(seconds, 1000)) }
}
