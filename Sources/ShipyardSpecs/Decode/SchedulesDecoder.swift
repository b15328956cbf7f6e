import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel

extension SchedulesSpec {
    /// From a validated schedules file.
    init(decoding root: SyntaxNode, zones: ZoneFiles) {
        let fields = Fields(root, SchemaTable.schedules)
        // Thousands of schedules have a handful of zones, and each is a file.
        var known: [String: Zone] = [:]
        schedules = fields.list("schedule_specifications").compactMap { fields in
            let name = fields.string("timezone") ?? "UTC"
            let zone = known[name] ?? (try? zones.zone(named: name)) ?? .utc
            known[name] = zone
            return ScheduleSpec(decoding: fields, zone)
        }
    }
}

extension ScheduleSpec {
    fileprivate init?(decoding fields: Fields, _ zone: Zone) {
        guard let id = fields.located("id") else { return nil }
        self.init(id: id, range: fields.node.range)
        jobsFile = fields.located("jobs")
        jobID = fields.located("job_id")
        pool = fields.string("pool").map(PoolChoice.init(written:))
        parameters = (fields.value("parameters")?.entries ?? []).compactMap(ScheduleParameter.init(decoding:))
        timetable.zone = zone
        timetable.notBefore = fields.string("do_not_run_until").flatMap(moment)
        timetable.notAfter = fields.string("do_not_run_after").flatMap(moment)
        timetable.crons = fields.texts("cron").compactMap { try? CronExpression($0) }
        let anchor = timetable.notBefore ?? Instant(milliseconds: 0)
        timetable.intervals = fields.texts("interval").compactMap { text in
            (try? SpecDuration.parse(text).get()).flatMap { Interval(every: $0, from: anchor) }
        }
        timetable.moments = fields.texts("at").compactMap(moment)
        policy = SchedulePolicy(decoding: fields)
        isEnabled = fields.bool("enabled") ?? true
        after = fields.list("after").compactMap(AfterSpec.init(decoding:))
        storageEvent = fields.fields("on")?.fields("storage_event").flatMap(
            StorageEventSpec.init(decoding:))
    }

    /// A moment without an offset is one of the schedule's own clock.
    private func moment(_ text: String) -> Instant? { SpecDate.instant(text, in: timetable.zone) }
}

extension SchedulePolicy {
    fileprivate init(decoding fields: Fields) {
        self.init()
        startWindow = fields.duration("start_window")
        overlap = fields.word("overlap") ?? .skip
        maxQueuedRuns = fields.integer("max_queued_runs") ?? maxQueuedRuns
        maxActiveRuns = fields.integer("max_active_runs") ?? maxActiveRuns
        catchUp = fields.word("catch_up") ?? .latest
        maxCatchUp = fields.integer("max_catch_up") ?? maxCatchUp
        jitter = fields.duration("jitter") ?? .zero
        if let retry = fields.fields("retry") {
            maxRetries = retry.integer("max_retries") ?? 0
            retryDelay = retry.duration("delay") ?? .zero
        }
        if let retention = fields.fields("retention") {
            retainedRuns = retention.integer("runs")
            retainedDays = retention.integer("days")
        }
    }
}

extension Fields {
    /// Of a list, or the one text.
    fileprivate func texts(_ key: String) -> [String] { string(key).map { [$0] } ?? strings(key) }
}

extension PoolChoice {
    fileprivate init(written text: String) {
        let isFile = [".yaml", ".yml", ".json"].contains { text.hasSuffix($0) }
        self = isFile ? .file(text) : .id(text)
    }
}

extension ScheduleParameter {
    fileprivate init?(decoding entry: SyntaxEntry) {
        guard let name = entry.key.string else { return nil }
        self.name = Located(name, at: entry.key.range)
        value = Located(entry.value.parameterText ?? "", at: entry.value.range)
    }
}

extension AfterSpec {
    fileprivate init?(decoding fields: Fields) {
        guard let id = fields.located("schedule") ?? fields.located("job") else { return nil }
        rule = AfterRule(
            fields.has("schedule") ? .schedule(id.value) : .job(id.value), fields.word("when") ?? .succeeded)
        range = id.range
    }
}

extension StorageEventSpec {
    fileprivate init?(decoding fields: Fields) {
        guard let account = fields.located("storage_account_settings"),
            let container = fields.located("container")
        else { return nil }
        storageAccountSettings = account
        self.container = container
        pathBeginsWith = fields.string("path_begins_with") ?? ""
        pathEndsWith = fields.string("path_ends_with") ?? ""
        quietPeriod = fields.duration("quiet_period") ?? .zero
        hasManifest = fields.bool("manifest") ?? false
        pollInterval = fields.duration("poll_interval")
    }
}
