import ShipyardModel

/// The readings of a clock that an expression names, in order, found by fields: the rest of the hour, of the day, of
/// the month, then the next month. No step is taken for a minute that is not due.
struct DueReadings {
    private let minutes: UInt64
    private let expression: CronExpression
    private var year: Int64
    private var month: Int64
    /// The day before the first of the month, counted from 1970.
    private var dayZero: Int64
    /// Seconds at which the current hour begins, and the day.
    private var hourStart: Int64 = 0
    private var dayStart: Int64 = 0
    /// What is left of the hour, the day and the month.
    private var restOfHour: UInt64 = 0
    private var restOfDay: UInt64 = 0
    private var restOfMonth: UInt64

    init(_ expression: CronExpression, notBefore reading: Int64) {
        self.expression = expression
        minutes = expression.minutes
        let first = CivilDate.firstDay(ofMonth: 1, year: CronExpression.years.lowerBound) * 1440
        let minute = max(first, (reading + 59).flooredDivision(by: 60).0)
        let (day, minuteOfDay) = minute.flooredDivision(by: 1440)
        let date = CivilDate(daysSinceEpoch: day)
        (year, month, dayZero) = (date.year, date.month, day - date.day)
        let dayBits =
            year > CronExpression.years.upperBound
            ? 0 : expression.dayBits(year: year, month: month, firstDay: dayZero + 1)
        restOfMonth = dayBits & (~1 << UInt64(date.day))
        guard dayBits & 1 << UInt64(date.day) != 0 else { return }
        let hour = minuteOfDay / 60
        dayStart = day * 86_400
        hourStart = dayStart + hour * 3600
        restOfDay = expression.hours & (~1 << UInt64(hour))
        if expression.hours & 1 << UInt64(hour) != 0 {
            restOfHour = minutes & (~0 << UInt64(minuteOfDay % 60))
        }
    }

    /// Nil after the last year.
    mutating func next() -> Int64? {
        while restOfHour == 0 {
            if restOfDay != 0 {
                hourStart = dayStart + Int64(restOfDay.trailingZeroBitCount) * 3600
                restOfDay &= restOfDay - 1
                restOfHour = minutes
            } else if restOfMonth != 0 {
                dayStart = (dayZero + Int64(restOfMonth.trailingZeroBitCount)) * 86_400
                restOfMonth &= restOfMonth - 1
                restOfDay = expression.hours
            } else {
                guard nextMonth() else { return nil }
            }
        }
        let minute = Int64(restOfHour.trailingZeroBitCount)
        restOfHour &= restOfHour - 1
        return hourStart + minute * 60
    }

    private mutating func nextMonth() -> Bool {
        guard year <= CronExpression.years.upperBound else { return false }
        dayZero += CivilDate.dayCount(ofMonth: month, year: year)
        (year, month) = month == 12 ? (year + 1, 1) : (year, month + 1)
        guard year <= CronExpression.years.upperBound else { return false }
        restOfMonth = expression.dayBits(year: year, month: month, firstDay: dayZero + 1)
        return true
    }
}

extension CronExpression {
    /// The last due reading up to `reading`, or nil before the first year.
    func lastDueReading(notAfter reading: Int64) -> Int64? {
        let end = CivilDate.firstDay(ofMonth: 1, year: Self.years.upperBound + 1) * 86_400 - 1
        let (day, second) = min(reading, end).flooredDivision(by: 86_400)
        let date = CivilDate(daysSinceEpoch: day)
        var (year, month, dayZero) = (date.year, date.month, day - date.day)
        guard year >= Self.years.lowerBound else { return nil }
        var bits = dayBits(year: year, month: month, firstDay: dayZero + 1)
        if bits & 1 << UInt64(date.day) != 0, let time = lastTime(notAfter: second) {
            return day * 86_400 + time
        }
        bits &= (1 << UInt64(date.day)) - 1
        while bits == 0 {
            (year, month) = month == 1 ? (year - 1, 12) : (year, month - 1)
            guard year >= Self.years.lowerBound else { return nil }
            dayZero -= CivilDate.dayCount(ofMonth: month, year: year)
            bits = dayBits(year: year, month: month, firstDay: dayZero + 1)
        }
        return lastTime(notAfter: 86_399).map { (dayZero + Int64(highestBit(bits))) * 86_400 + $0 }
    }

    /// The last due time of a due day, in seconds after midnight.
    private func lastTime(notAfter second: Int64) -> Int64? {
        let hour = UInt64(second / 3600)
        let early = minutes & ((2 << UInt64(second / 60 % 60)) - 1)
        if hours & 1 << hour != 0, early != 0 {
            return Int64(hour) * 3600 + Int64(highestBit(early)) * 60
        }
        let before = hours & ((1 << hour) - 1)
        return before == 0 ? nil : Int64(highestBit(before)) * 3600 + Int64(highestBit(minutes)) * 60
    }
}

private func highestBit(_ bits: UInt64) -> Int { 63 - bits.leadingZeroBitCount }
