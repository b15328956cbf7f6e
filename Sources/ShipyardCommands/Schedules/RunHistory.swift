import ShipyardAPI
import ShipyardModel
import ShipyardSpecs

/// How long runs took, as the service of this home remembers it.
struct RunHistory {
    struct Length: Hashable {
        var median: TimeSpan
        /// Of so many runs.
        var count: Int
    }

    // Enough for a median, and what a schedule was like a year ago is no guide.
    private static let runsLookedAt = 50

    private(set) var lengths: [String: Length] = [:]

    /// Of the schedules among `ids` that the service has. Without a service there is none: none is started for this.
    init(of ids: [String], _ invocation: Invocation) throws(CommandFailure) {
        guard !ids.isEmpty, let service = try Self.service(invocation) else { return }
        let known = Set(try service.schedules().map(\.id))
        for id in ids where known.contains(id) {
            lengths[id] = Self.median(try service.runs(of: id, count: Self.runsLookedAt))
        }
    }

    /// A home that cannot be asked is no obstacle: nothing here depends on one.
    private static func service(_ invocation: Invocation) throws(CommandFailure) -> ServiceClient? {
        do throws(CommandFailure) {
            return try invocation.runningService()
        } catch {
            return nil
        }
    }

    /// Nil where no run has ended by itself. Runs that were tried again took the time of all their attempts and of the
    /// pauses between them, which the simulation makes itself.
    static func median(_ runs: [RunResponse]) -> Length? {
        let lengths = runs.compactMap { run -> TimeSpan? in
            guard run.state == RunState.succeeded.rawValue, run.attempt == 1,
                let start = run.startTime.flatMap({ SpecDate.instant($0) }),
                let end = run.endTime.flatMap({ SpecDate.instant($0) })
            else { return nil }
            // A clock that was set back in between shows less than nothing.
            return max(.zero, end - start)
        }
        guard !lengths.isEmpty else { return nil }
        return Length(median: lengths.sorted()[lengths.count / 2], count: lengths.count)
    }
}
