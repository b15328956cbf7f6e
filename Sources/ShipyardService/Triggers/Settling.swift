import ShipyardModel
import ShipyardSystem

/// How a file was noticed, which says what is known of who writes it.
enum Sighting: Hashable, Sendable {
    /// Its writer has closed it, or it was moved here as it is.
    case closed
    /// Found by looking, or its times or mode were set: it may be open.
    case found
    /// Made here just now and not closed yet.
    case created
}

/// Says when nothing happens to a file any more.
enum Settling {
    /// Programs set times and mode of a file after they have closed it; that is still the same writing.
    private static let afterClosing = TimeSpan(milliseconds: 200)
    /// Whoever copies a file writes more often than this.
    private static let whenFound = TimeSpan.seconds(2)
    /// Its closing will be heard, unless it came in by a way of which only the beginning is told, such as `linkat` of
    /// a file without a name.
    private static let whenOpen = TimeSpan.seconds(60)

    static func rest(after sighting: Sighting, quietPeriod: TimeSpan) -> TimeSpan {
        switch sighting {
        case .closed: max(afterClosing, quietPeriod)
        case .found: max(whenFound, quietPeriod)
        case .created: max(whenOpen, quietPeriod)
        }
    }

    /// How much longer the file must rest; nil when it has for as long as `rest`.
    ///
    /// Its own time of change counts, so that a file that came while nobody was here need not wait. Where the clock was
    /// set back since, that time is still to come, and what counts is for how long we have seen no change.
    static func remaining(
        of rest: TimeSpan, changed: Int64, unchangedSince seen: SteadyTime, at now: Moment
    ) -> TimeSpan? {
        let age = now.wall - Instant(milliseconds: changed.flooredDivision(by: 1_000_000).0)
        let rested = max(age < .zero ? .zero : age, now.steady - seen)
        return rested >= rest ? nil : TimeSpan(milliseconds: rest.milliseconds - rested.milliseconds)
    }
}

/// Tells files that were there before a trigger from those that came after.
enum Existence {
    /// The kernel's time of change is that of its latest tick, a hundredth of a second at most before the clock's.
    private static let clockGrain = TimeSpan(milliseconds: 10)

    static func isBefore(_ since: Instant, changed: Int64) -> Bool {
        Instant(milliseconds: changed.flooredDivision(by: 1_000_000).0) + clockGrain < since
    }
}
