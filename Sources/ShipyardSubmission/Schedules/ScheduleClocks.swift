import ShipyardCalendar
import ShipyardModel
import ShipyardSpecs

/// Moments as the clocks of schedules show them; each zone is read once.
package struct ScheduleClocks {
    private var zones = KnownZones(ZoneFiles())

    package init() {}

    /// `2024-03-31T03:30:00+02:00`; nil where the zone is not known here.
    package mutating func reading(of instant: Instant, in name: String) -> String? {
        guard let zone = try? zones.zone(named: name) else { return nil }
        return ZonedTime(instant, in: zone).iso8601
    }
}

extension ScheduleDefinition {
    /// The keys of the schedules file that say this, for people.
    package var shownKeys: [(name: String, value: String)] {
        writtenKeys.map { ($0.name, ScheduleDifferences.shown($0.value, $0.name)) }
    }
}
