import ShipyardCalendar
import ShipyardModel

/// What is stored of a schedule's own keys: everything but what it runs, which is a bundle of spec files.
///
/// Texts and numbers only, so that it means the same when it is read again; time zones are read anew, as countries change them.
package struct ScheduleDefinition: Sendable, Codable, Hashable {
    package struct Parameter: Sendable, Codable, Hashable {
        package var name: String
        /// As written, with its references.
        package var value: String
    }
    package struct StorageEvent: Sendable, Codable, Hashable {
        /// The alias in the credentials.
        package var storageAccountSettings: String
        /// What the alias stood for when the schedule was added; nil where nobody looked it up.
        package var account: StorageAccount?
        package var container: String
        package var pathBeginsWith: String
        package var pathEndsWith: String
        package var quietPeriod: TimeSpan
        package var hasManifest: Bool
        /// Nil for the usual one, and for the embedded store.
        package var pollInterval: TimeSpan?
        /// When the trigger was added as it is, which files of before do not concern. Set by whoever stores it.
        package var since: Instant?
    }

    package var cron: [String] = []
    package var intervals: [TimeSpan] = []
    /// Where intervals are counted from.
    package var anchor: Instant?
    package var moments: [Instant] = []
    package var timezone = "UTC"
    package var notBefore: Instant?
    package var notAfter: Instant?
    package var policy = SchedulePolicy()
    package var isEnabled = true
    package var parameters: [Parameter] = []
    /// Only this job of the jobs file, by its id as it is written there.
    package var jobID: String?
    /// The id of the pool, where the schedule names it.
    package var poolID: String?
    package var storageEvent: StorageEvent?

    package init() {}

    package init(_ spec: ScheduleSpec) {
        cron = spec.timetable.crons.map(\.text)
        intervals = spec.timetable.intervals.map(\.length)
        anchor = spec.timetable.intervals.first?.anchor
        moments = spec.timetable.moments
        timezone = spec.timetable.zone.name
        notBefore = spec.timetable.notBefore
        notAfter = spec.timetable.notAfter
        policy = spec.policy
        isEnabled = spec.isEnabled
        policy.after = spec.after.map(\.rule)
        policy.hasTrigger = spec.storageEvent != nil
        parameters = spec.parameters.map { Parameter(name: $0.name.value, value: $0.value.value) }
        jobID = spec.jobID?.value
        if case .id(let id) = spec.pool { poolID = id }
        storageEvent = spec.storageEvent.map { event in
            StorageEvent(
                storageAccountSettings: event.storageAccountSettings.value, container: event.container.value,
                pathBeginsWith: event.pathBeginsWith, pathEndsWith: event.pathEndsWith,
                quietPeriod: event.quietPeriod, hasManifest: event.hasManifest,
                pollInterval: event.pollInterval)
        }
    }

    /// A trigger that is the one of before has its age too: files that came meanwhile count.
    package mutating func keepTrigger(of before: ScheduleDefinition?, at now: Instant) {
        guard var event = storageEvent else { return }
        event.since = before?.storageEvent?.since
        storageEvent = event
        if event.meaning != before?.storageEvent?.meaning || event.since == nil { storageEvent?.since = now }
    }

    package init(json: String) throws(JSONError) {
        self = try JSONCoding.decode(Self.self, from: Array(json.utf8))
    }

    /// What the calendar of this machine makes of it today.
    package func timetable(_ zones: inout KnownZones) throws(ScheduleProblem) -> Timetable {
        var table = Timetable()
        table.zone = try zones.zone(named: timezone)
        for text in cron {
            guard let expression = try? CronExpression(text) else {
                throw ScheduleProblem("`\(text)` is no expression that this program knows")
            }
            table.crons.append(expression)
        }
        table.intervals = intervals.compactMap {
            Interval(every: $0, from: anchor ?? Instant(milliseconds: 0))
        }
        table.moments = moments
        table.notBefore = notBefore
        table.notAfter = notAfter
        return table
    }

    /// The values of a run's parameters: references to the run's own schedule and trigger are replaced.
    package func parameterValues(in context: RunContext) -> [String: String] {
        Dictionary(
            parameters.map { ($0.name, ScheduleParameter.text($0.value, .of(context))) },
            uniquingKeysWith: { $1 })
    }
}

extension ScheduleDefinition.StorageEvent {
    /// Which files it is about: not where the keys are, nor how often somebody looks.
    fileprivate var meaning: Self {
        var event = self
        event.account?.credentialsFile = nil
        event.account?.alias = ""
        event.account?.usesPathStyle = nil
        event.storageAccountSettings = ""
        event.pollInterval = nil
        return event
    }

    /// Where it is stored an account was once a name, which is that of one in the embedded store.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let alias = try fields.decode(String.self, forKey: .storageAccountSettings)
        let account: StorageAccount?
        if let name = try? fields.decodeIfPresent(String.self, forKey: .account) {
            account = StorageAccount(.embedded, alias: alias, name: name)
        } else {
            account = try fields.decodeIfPresent(StorageAccount.self, forKey: .account)
        }
        self.init(
            storageAccountSettings: alias, account: account,
            container: try fields.decode(String.self, forKey: .container),
            pathBeginsWith: try fields.decode(String.self, forKey: .pathBeginsWith),
            pathEndsWith: try fields.decode(String.self, forKey: .pathEndsWith),
            quietPeriod: try fields.decode(TimeSpan.self, forKey: .quietPeriod),
            hasManifest: try fields.decode(Bool.self, forKey: .hasManifest),
            pollInterval: try fields.decodeIfPresent(TimeSpan.self, forKey: .pollInterval),
            since: try fields.decodeIfPresent(Instant.self, forKey: .since))
    }
}

/// Why a stored schedule cannot be used here and now.
package struct ScheduleProblem: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Zones by name, each read once: thousands of schedules have a handful.
package struct KnownZones {
    private let files: ZoneFiles
    private var known: [String: Zone] = [:]

    package init(_ files: ZoneFiles) { self.files = files }

    package mutating func zone(named name: String) throws(ScheduleProblem) -> Zone {
        if let zone = known[name] { return zone }
        do throws(ZoneError) {
            let zone = try read(name)
            known[name] = zone
            return zone
        } catch {
            throw ScheduleProblem("time zone `\(name)` cannot be read: \(error)")
        }
    }

    private func read(_ name: String) throws(ZoneError) -> Zone {
        if let zone = try? files.zone(named: name) { return zone }
        // What `local` was may have been a rule in place of a name.
        return try ZoneFiles(directory: files.directory, local: name).zone(named: "local")
    }
}
