import ShipyardModel

/// A time zone: which offset its clocks have from UTC, at every moment.
///
/// All times inside are whole seconds: moments since 1970 in UTC, readings as `CivilTime.seconds`.
package struct Zone: Hashable, Sendable {
    /// As it was asked for, or what a link says that `local` is.
    package let name: String
    let table: ZoneTable

    package static let utc = Zone(
        name: "UTC",
        table: ZoneTable(kinds: [LocalTimeKind(offset: 0, isDaylightSaving: false, abbreviation: "UTC")]))

    package func kind(at instant: Instant) -> LocalTimeKind {
        table.kinds[table.period(at: instant.flooredSeconds).kind]
    }

    /// Seconds east of UTC.
    package func offset(at instant: Instant) -> Int64 { table.period(at: instant.flooredSeconds).offset }

    package func reading(at instant: Instant) -> CivilTime {
        let seconds = instant.flooredSeconds
        return CivilTime(seconds: seconds + table.period(at: seconds).offset)
    }

    /// Every moment at which a clock shows `reading`, in order: none for a reading that is skipped, two for one that
    /// comes twice.
    package func instants(showing reading: CivilTime) -> [Instant] {
        table.moments(showing: reading.seconds).map(Instant.init(seconds:))
    }

    /// The first moment at which a clock shows `reading` or a later time: the moment after the gap for a reading that
    /// is skipped, the first of two for one that comes twice.
    package func firstInstant(showing reading: CivilTime) -> Instant {
        Instant(seconds: table.firstMoment(notBefore: reading.seconds))
    }

    /// When the offset changes next, for whoever shows it; nil when it never does.
    package func nextChange(after instant: Instant) -> Instant? {
        let moment = instant.flooredSeconds
        var period = table.period(at: moment)
        let offset = period.offset
        // A rule that has changed nothing in two years, such as one of summer all year, never will.
        let end = max(moment, table.changes.last ?? moment) + 2 * 366 * 86_400
        while period.end < end {
            period = table.period(at: period.end)
            if period.offset != offset { return Instant(seconds: period.start) }
        }
        return nil
    }
}

/// What clocks show for some time.
package struct LocalTimeKind: Hashable, Sendable {
    /// Seconds east of UTC, also with a fraction of a minute: clocks showed the sun's time once.
    package let offset: Int64
    package let isDaylightSaving: Bool
    /// `CEST`; `+11` where nobody has a word for it.
    package let abbreviation: String
}
