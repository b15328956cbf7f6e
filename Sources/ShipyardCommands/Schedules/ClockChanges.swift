import ShipyardCalendar
import ShipyardModel

/// Days on which the clocks of a zone are set.
struct ClockChanges {
    let zone: Zone
    /// The day that was asked for last: runs come in the order of time.
    private var day = Instant(milliseconds: 0)..<Instant(milliseconds: 0)
    private var note: String?

    init(_ zone: Zone) { self.zone = zone }

    /// What clocks do on the day of the moment; nil on most days.
    mutating func note(at instant: Instant) -> String? {
        if day.contains(instant) { return note }
        let reading = zone.reading(at: instant).seconds
        let midnight = reading - reading.flooredDivision(by: 86_400).1
        let start = zone.firstInstant(showing: CivilTime(seconds: midnight))
        let end = zone.firstInstant(showing: CivilTime(seconds: midnight + 86_400))
        // A day on which clocks go back over midnight may begin after the moment.
        day = min(start, instant)..<max(end, instant + TimeSpan(milliseconds: 1))
        note = Self.changes(of: zone, in: day).first?.text
        return note
    }

    /// All changes of a stretch of time.
    static func changes(of zone: Zone, in range: Range<Instant>) -> [(at: Instant, text: String)] {
        var changes: [(at: Instant, text: String)] = []
        // One at the very start counts.
        var moment = range.lowerBound - .seconds(1)
        while let change = zone.nextChange(after: moment), change < range.upperBound {
            changes.append((change, text(zone, change)))
            moment = change
        }
        return changes
    }

    /// `clocks go forward by 60 min at 02:00`
    private static func text(_ zone: Zone, _ change: Instant) -> String {
        let before = change - .seconds(1)
        let step = zone.offset(at: change) - zone.offset(at: before)
        let shown = zone.reading(at: before).seconds + 1
        let time = String(CivilTime(seconds: shown).description.dropFirst(11).prefix(5))
        let length = durationText(seconds: Double(step.magnitude))
        return "clocks go \(step > 0 ? "forward" : "back") by \(length) at \(time)"
    }
}

extension Zone {
    /// `2024-03-31T03:30:00+02:00`
    func appendTime(_ instant: Instant, to bytes: inout [UInt8]) {
        let offset = offset(at: instant)
        (instant + .seconds(offset)).appendISO8601(to: &bytes)
        guard name != "UTC" else { return }
        bytes.removeLast()
        appendOffset(offset, separator: ":", to: &bytes)
    }
}
