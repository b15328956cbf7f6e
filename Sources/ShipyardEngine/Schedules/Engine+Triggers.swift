import ShipyardModel

extension Engine {
    /// Whether files are anything to the schedule. One that is disabled hears of them too: they are dealt with then, and do
    /// not count later.
    package func hearsOfFiles(_ schedule: UInt32) -> Bool {
        guard let entry = schedules[schedule], entry.problem == nil else { return false }
        return entry.record.state == .active || entry.record.state == .disabled
    }
}
