import ShipyardModel

/// A moment at which an expression fires in a zone.
package struct Firing: Hashable, Sendable {
    package let instant: Instant
    /// `CivilTime.seconds` of the reading that was due.
    let dueSeconds: Int64

    /// The reading that was due. A clock shows a later one where that one was skipped; of several that one gap
    /// swallows it is the first.
    package var due: CivilTime { CivilTime(seconds: dueSeconds) }
}

extension CronExpression {
    /// Nil when nothing is due any more.
    package func next(after instant: Instant, in zone: Zone) -> Firing? {
        var firings = Firings(self, zone.table, from: instant.flooredSeconds + 1, until: ZoneTable.farthest)
        return firings.next()
    }

    /// Nil when nothing was due before.
    package func previous(before instant: Instant, in zone: Zone) -> Firing? {
        // From beyond the last year every half a year with one offset would be a step.
        let lastYear = CivilDate.firstDay(ofMonth: 1, year: Self.years.upperBound + 2) * 86_400
        let latest = min(lastYear, (instant - TimeSpan(milliseconds: 1)).flooredSeconds)
        guard let found = isHourly ? lastShown(upTo: latest, zone.table) : lastNamed(upTo: latest, zone.table)
        else { return nil }
        // Going forward again tells which of several readings was due.
        var firings = Firings(self, zone.table, from: found, until: found + 1)
        return firings.next()
    }

    /// All in a stretch of time, in order, found one by one; the range's end is not part of it.
    package func firings(in range: Range<Instant>, zone: Zone) -> Firings {
        let before = TimeSpan(milliseconds: 1)
        return Firings(
            self, zone.table, from: (range.lowerBound - before).flooredSeconds + 1,
            until: (range.upperBound - before).flooredSeconds + 1)
    }

    private func lastNamed(upTo moment: Int64, _ table: ZoneTable) -> Int64? {
        lastDueReading(notAfter: table.latestReading(upTo: moment)).map { table.firstMoment(notBefore: $0) }
    }

    private func lastShown(upTo moment: Int64, _ table: ZoneTable) -> Int64? {
        var period = table.period(at: moment)
        var latest = moment
        while let reading = lastDueReading(notAfter: latest + period.offset) {
            if reading - period.offset >= period.start { return reading - period.offset }
            guard period.start > -ZoneTable.farthest else { return nil }
            latest = period.start - 1
            period = table.period(at: latest)
        }
        return nil
    }
}

/// The firings of one expression in one zone, in order.
package struct Firings: Sequence, IteratorProtocol, Sendable {
    private let expression: CronExpression
    private let table: ZoneTable
    private let end: Int64
    private var readings: DueReadings
    /// The stretch with one offset in which the last firing was. No earlier one has shown what is still to come.
    private var period: ZoneTable.Period
    /// The latest reading that has fired, if only by being skipped.
    private var fired: Int64 = .min

    /// Whole seconds; `end` is not part of it.
    init(_ expression: CronExpression, _ table: ZoneTable, from start: Int64, until end: Int64) {
        self.expression = expression
        self.table = table
        self.end = end
        period = table.period(at: start)
        let reading = expression.isHourly ? start + period.offset : table.latestReading(upTo: start - 1) + 1
        readings = DueReadings(expression, notBefore: reading)
    }

    package mutating func next() -> Firing? {
        expression.isHourly ? nextShown() : nextNamed()
    }

    /// Every moment at which a clock shows a due reading.
    private mutating func nextShown() -> Firing? {
        while period.start < end, let reading = readings.next() {
            let moment = reading - period.offset
            if moment < period.end { return firing(at: moment, due: reading) }
            guard period.end < ZoneTable.farthest else { return nil }
            // Clocks may be set: what they show from here on is looked at anew.
            period = table.period(at: period.end)
            readings = DueReadings(expression, notBefore: period.start + period.offset)
        }
        return nil
    }

    /// For each due reading the first moment at which a clock shows it or a later one.
    private mutating func nextNamed() -> Firing? {
        while let reading = readings.next() {
            // Swallowed by the same gap as the one that fired.
            if reading <= fired { continue }
            if reading - period.offset >= period.end {
                period = table.period(at: table.firstMoment(notBefore: reading))
            }
            let moment = Swift.max(period.start, reading - period.offset)
            fired = moment + period.offset
            return firing(at: moment, due: reading)
        }
        return nil
    }

    private func firing(at moment: Int64, due: Int64) -> Firing? {
        moment < end ? Firing(instant: Instant(seconds: moment), dueSeconds: due) : nil
    }
}
