import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardStore

extension APIRoutes {
    /// The most events in one answer.
    private static let eventLimit: Int64 = 1000
    /// Of one path and schedule, in an explanation.
    private static let explainedEvents = 10

    func addTriggers(to router: inout Router) {
        on(.get, "/triggers", in: &router) { request throws(APIFailure) in .json(try triggerPage(request)) }
        on(.post, "/triggers/{event}/replay", in: &router) { request throws(APIFailure) in
            .json(try replay(request), status: 201)
        }
        on(.get, "/triggers/explain", in: &router) { request throws(APIFailure) in
            .json(try explanation(request))
        }
    }

    private func triggerPage(_ request: HTTPRequest) throws(APIFailure) -> TriggerPageResponse {
        let limit = Int(min(try number("limit", atLeast: 1, in: request) ?? 100, Self.eventLimit))
        let before = try number("before", atLeast: 1, in: request)
        var filter = TriggerEventFilter()
        if let id = request.queryValue("schedule") {
            guard let number = try inspect({ engine in ScheduleID(id).flatMap { engine.scheduleNumber($0) } })
            else { throw APIFailure(Refusal.scheduleNotFound(id)) }
            filter.schedule = number
        }
        if let word = request.queryValue("state") {
            guard let state = TriggerState(rawValue: word) else {
                let known = TriggerState.allCases.map(\.rawValue).joined(separator: "`, `")
                throw APIFailure(400, "InvalidQueryParameter", "`state` is one of `\(known)`, not `\(word)`")
            }
            filter.state = state
        }
        let events = try read { reader throws(StoreError) in
            try reader.triggerEvents(before: before, limit: limit, where: filter)
        }
        let troubles = triggers.troubles.map { trouble in
            TriggerTroubleResponse(
                account: trouble.account, container: trouble.container, reason: trouble.reason,
                since: trouble.since.iso8601, nextTime: trouble.next.iso8601)
        }
        return TriggerPageResponse(
            value: try responses(events),
            next: events.count < limit ? nil : events.last.map { Int($0.number) },
            troubles: troubles.isEmpty ? nil : troubles)
    }

    private func responses(_ events: [TriggerEventRecord]) throws(APIFailure) -> [TriggerEventResponse] {
        let numbers = Set(events.map(\.schedule))
        let ids = try inspect { engine in
            Dictionary(uniqueKeysWithValues: numbers.map { ($0, engine.schedule($0)?.id.text) })
        }
        return events.map { TriggerEventResponse($0, schedule: ids[$0.schedule] ?? nil) }
    }

    private func replay(_ request: HTTPRequest) throws(APIFailure) -> TriggerReplayResponse {
        let word = request.parameters["event"] ?? ""
        guard let number = Int64(word) else {
            throw APIFailure(404, "TriggerEventNotFound", "`\(word)` is no number of an event")
        }
        let key =
            request.body.isEmpty ? nil : try body(of: request, as: TriggerReplayRequest.self).submissionId
        if let key, !isID(key) {
            throw APIFailure(
                400, "InvalidSubmissionId", "`submissionId` is 1 to 64 ASCII letters, digits, `-` or `_`")
        }
        let run = try perform { core, now throws(Refusal) in
            try core.replay(event: number, request: key, at: now)
        }
        return TriggerReplayResponse(scheduleId: run.schedule.text, run: Int(run.run))
    }

    // MARK: Why, and why not

    private func explanation(_ request: HTTPRequest) throws(APIFailure) -> TriggerExplanationResponse {
        func text(_ name: String) throws(APIFailure) -> String {
            guard let text = request.queryValue(name), !text.isEmpty else {
                throw APIFailure(400, "InvalidQueryParameter", "`\(name)` must be given")
            }
            return text
        }
        let place = ContainerPlace(account: try text("account"), container: try text("container"))
        let path = BytePath(shown: try text("path"))
        let schedules = try perform(isPromise: false) { core, _ in core.triggeredSchedules() }
        let watched = triggers.explain(place, path)
        var answer = TriggerExplanationResponse(
            account: place.account, container: place.container, path: path.shown, schedules: [])
        for schedule in schedules {
            let filter = TriggerEventFilter(
                schedule: schedule.record.number, account: place.account, container: place.container,
                path: path)
            let events = try read { reader throws(StoreError) in
                try reader.triggerEvents(limit: Self.explainedEvents, where: filter)
            }
            let verdict = TriggerVerdict(
                schedule: schedule, place: place, path: path,
                watched: watched.first { $0.subscription.schedule == schedule.record.number }, events: events)
            answer.schedules.append(verdict.response)
        }
        return answer
    }
}

/// What is to be said of one file and one schedule.
struct TriggerVerdict {
    var schedule: TriggeredSchedule
    var place: ContainerPlace
    var path: BytePath
    /// Nil where the watcher knows nothing of it.
    var watched: FileExplanation?
    var events: [TriggerEventRecord]

    private var matchesBegin: Bool { path.bytes.starts(with: schedule.event.pathBeginsWith.utf8) }
    private var matchesEnd: Bool {
        path.bytes.reversed().starts(with: schedule.event.pathEndsWith.utf8.reversed())
    }

    var response: TriggerExplanationResponse.Schedule {
        TriggerExplanationResponse.Schedule(
            scheduleId: schedule.record.id.text, scheduleState: schedule.record.state.rawValue,
            account: schedule.event.account?.name, container: schedule.event.container,
            pathBeginsWith: schedule.event.pathBeginsWith, pathEndsWith: schedule.event.pathEndsWith,
            matchesContainer: schedule.event.place == place, matchesBegin: matchesBegin,
            matchesEnd: matchesEnd,
            verdict: sentence,
            events: events.map { TriggerEventResponse($0, schedule: schedule.record.id.text) })
    }

    /// The first thing that keeps it from starting a run, or what it has started.
    var sentence: String {
        let event = schedule.event
        guard let own = event.place else {
            return
                "it watches nothing: nobody knows the account that `\(event.storageAccountSettings)` means; add it "
                + "again with the credentials"
        }
        if own != place { return "it watches another container, \(own)" }
        if !matchesBegin { return "the path does not begin with `\(event.pathBeginsWith)`" }
        if !matchesEnd { return "the path does not end with `\(event.pathEndsWith)`" }
        guard let watched else {
            return schedule.record.state == .active || schedule.record.state == .disabled
                ? "nobody could look now; ask again" : "the schedule is \(schedule.record.state.rawValue)"
        }
        if let trouble = watched.trouble { return "the store cannot be asked: \(trouble)" }
        if !watched.hasContainer { return "there is no container \(place)" }
        guard let version = watched.version else {
            return events.isEmpty
                ? "there is no such file, or it is none that counts, such as a link"
                : "the file is gone; \(Self.outcome(of: events[0]))"
        }
        if let event = events.first(where: { $0.file.version == version }) { return Self.outcome(of: event) }
        if let waiting = watched.waiting { return Self.sentence(of: waiting, watched.subscription) }
        return watched.isPolled
            ? "it was not looked at yet: the container cannot be watched, and is looked through every few seconds"
            : "it was not looked at yet"
    }

    private static func outcome(of event: TriggerEventRecord) -> String {
        let name = "event \(event.number)"
        let reason = event.reason.map { ": \($0)" } ?? ""
        return switch event.state {
        case .started: "\(name) has started run \(event.run.map(String.init) ?? "?")\(reason)"
        case .filtered: "\(name) can start nothing\(reason)"
        case .duplicate: "\(name) is a duplicate\(reason)"
        case .overlap: "\(name) started nothing, as another run was active\(reason)"
        case .disabled: "\(name) started nothing, as the schedule was disabled\(reason)"
        case .existing: "\(name) started nothing, as the file was there before the trigger\(reason)"
        }
    }

    private static func sentence(
        of waiting: FileExplanation.Waiting, _ subscription: StorageSubscription
    ) -> String {
        switch waiting {
        case .quiet(let rest):
            return "it counts when nothing happens to it for \((rest.milliseconds + 999) / 1000) more seconds"
        case .manifest(let missing):
            let what = missing.isUnsettled ? "is still being written" : "is not there"
            return
                "its manifest waits for `\(missing.path)`, which \(what) (\(missing.present) of \(missing.total) files "
                + "are)"
        }
    }
}

extension TriggerEventResponse {
    init(_ event: TriggerEventRecord, schedule: String?) {
        let modified = Instant(milliseconds: event.file.version.modified.flooredDivision(by: 1_000_000).0)
        self.init(
            id: event.number, scheduleId: schedule, account: event.file.account,
            container: event.file.container, path: event.file.path.shown, size: event.file.version.size,
            lastModified: modified.iso8601, time: event.found.iso8601, state: event.state.rawValue,
            run: event.run.map { Int($0) }, reason: event.reason, goneTime: event.gone?.iso8601)
    }
}
