import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel
import Testing

@testable import ShipyardSpecs

@Suite struct ScheduleTests {
    private func schedules(_ text: String) throws -> [ScheduleSpec] {
        let (specs, diagnostics) = ShipyardSpecsTests.load(.schedules, "schedule_specifications:\n" + text)
        return try #require(specs.schedules, "\(TextRenderer().render(diagnostics))").schedules
    }

    private func instant(_ text: String) throws -> Instant { try #require(SpecDate.instant(text)) }

    @Test func everyKeyIsTakenOver() throws {
        let all = try #require(
            load(
                .schedules,
                try String(decoding: source(cases("diagnostics/schedules-good.yaml")).bytes, as: UTF8.self)
            )
            .specs.schedules
        ).schedules
        let first = all[0]
        #expect(
            first.id.value == "nightly" && first.jobsFile?.value == "film.yaml" && first.pool == .id("farm"))
        #expect(first.jobID?.value == "film-@{schedule.time:%F}")
        #expect(
            first.parameters.map { "\($0.name.value)=\($0.value.value)" } == [
                "day=@{schedule.time:%F}", "frames=24", "deep=true", "version=1.10",
            ])
        #expect(first.timetable.crons.map(\.text) == ["30 2 * * mon-fri", "@monthly"])
        #expect(first.timetable.zone.name == "Europe/Berlin")
        // A moment without a zone is one of the schedule's clock.
        #expect(first.timetable.moments == [try instant("2030-01-02T03:04:00+01:00")])
        #expect(first.timetable.notBefore == (try instant("2028-12-31T23:00:00Z")))
        #expect(first.timetable.notAfter == (try instant("2031-01-01T00:00:00Z")))
        #expect(
            first.timetable.intervals == [Interval(every: .seconds(86_400), from: try instant("2028-12-31T23:00:00Z"))])
        #expect(first.policy.startWindow == .seconds(600) && first.policy.jitter == .seconds(300))
        #expect(first.policy.overlap == .parallel && first.policy.maxActiveRuns == 3 && first.policy.maxQueuedRuns == 100)
        #expect(first.policy.catchUp == .all && first.policy.maxCatchUp == 10)
        #expect(first.policy.maxRetries == 2 && first.policy.retryDelay == .seconds(60) && first.isEnabled)
        #expect(first.policy.retainedRuns == 100 && first.policy.retainedDays == 30)
        let second = all[1]
        #expect(second.pool == .file("pool.yaml") && second.timetable.zone == .utc && second.policy.overlap == .skip)
        #expect(
            second.after.map(\.rule.source) == [.schedule("nightly")] && second.after[0].rule.condition == .completed)
        let event = try #require(second.storageEvent)
        #expect(
            event.storageAccountSettings.value == "main" && event.container.value == "in" && event.hasManifest
        )
        #expect(
            event.pathBeginsWith == "day/" && event.pathEndsWith == ".done"
                && event.quietPeriod == .seconds(10))
    }

    @Test func parametersOfARunAreFilledIn() throws {
        let schedule = try schedules(
            "- {id: a, cron: '0 2 * * *', parameters: {day: 'd@{schedule.time:%d}', x: '@@{x'}}\n")[0]
        var context = RunContext()
        context.schedule = RunContext.Schedule(id: "a", time: ZonedTime(try instant("2030-01-07"), in: .utc))
        #expect(ScheduleDefinition(schedule).parameterValues(in: context) == ["day": "d07", "x": "@{x"])
    }

    // MARK: - Times

    private func times(_ schedule: ScheduleSpec, _ from: String, _ to: String) throws -> [String] {
        DueTimes(of: schedule.timetable, in: try instant(from)..<instant(to)).map {
            "\($0.instant.iso8601) \($0.cause)"
        }
    }

    /// Whatever is due at one moment is one run, and limits count with their ends.
    @Test func timesOfAllKindsComeInOneOrder() throws {
        let schedule = try schedules(
            """
            - id: a
              cron: ['0 0 * * *', '0 12 2 * *']
              interval: '18:00:00'
              at: ['2030-01-02 12:00', '2030-01-01 01:00', '2029-12-31T23:00:00Z']
              do_not_run_until: '2030-01-01'
              do_not_run_after: '2030-01-03'

            """)[0]
        #expect(
            try times(schedule, "2029-01-01", "2031-01-01") == [
                "2030-01-01T00:00:00Z cron(0)", "2030-01-01T01:00:00Z at(1)",
                "2030-01-01T18:00:00Z interval(0)",
                "2030-01-02T00:00:00Z cron(0)", "2030-01-02T12:00:00Z cron(1)",
                "2030-01-03T00:00:00Z cron(0)",
            ])
        #expect(
            try times(schedule, "2030-01-01T18:00:00Z", "2030-01-02T00:00:00Z") == [
                "2030-01-01T18:00:00Z interval(0)"
            ])
        #expect(try times(schedule, "2032-01-01", "2033-01-01").isEmpty)
        #expect(
            try times(schedule, "2030-01-01T01:00:00Z", "2030-01-01T02:00:00Z") == [
                "2030-01-01T01:00:00Z at(1)"
            ])
    }

    @Test func timesOfManySchedulesAreThoseOfEachInOrder() throws {
        let crons = ["*/7 * * * *", "0 */5 * * *", "30 2 * * *", "0 0 1 1 *", "15 6-9 * * mon"]
        let all = try schedules(
            (0..<40).map {
                "- {id: s\($0), cron: '\(crons[$0 % 5])', timezone: \($0 % 2 == 0 ? "UTC" : "Asia/Kolkata")}\n"
            }.joined())
        let range = try instant("2030-03-01")..<instant("2030-03-04")
        let merged = DueTimesOfMany(all.map(\.timetable), in: range).map {
            (due: $0.due.instant.milliseconds, index: $0.index)
        }
        let apart = all.enumerated().flatMap { index, schedule in
            DueTimes(of: schedule.timetable, in: range).map { (due: $0.instant.milliseconds, index: index) }
        }
        #expect(merged.count > 3000)
        #expect(
            merged.map { [$0.due, Int64($0.index)] }
                == apart.sorted { $0 < $1 }.map { [$0.due, Int64($0.index)] })
    }

    /// The same for ever, below its limit, and spread.
    @Test func jitterIsForetold() throws {
        let all = try schedules(
            (0..<200).map { "- {id: s\($0), cron: '0 2 * * *', jitter: '00:10:00'}\n" }.joined()
                + "- {id: none, cron: '0 2 * * *'}\n")
        let due = try instant("2030-01-01T02:00:00Z")
        let delays = all.map { $0.delay(at: due).milliseconds }
        #expect(delays.allSatisfy { (0..<600_000).contains($0) } && delays[200] == 0)
        #expect(Set(delays.prefix(200).map { $0 / 60_000 }).count == 10)
        #expect(
            delays[0] == all[0].delay(at: due).milliseconds
                && delays[0] != all[0].delay(at: due + .seconds(86_400)).milliseconds)
        #expect(delays[0] == 231_971, "a changed function moves the runs of every schedule there is")
    }

    // MARK: - Across files

    private let film = """
        job_specifications:
        - id: film-@{schedule.time:%F}
          parameters:
            scene: {type: string}
            quality: {choices: [draft, final], default: draft}
            day: {type: date, default: 2030-01-01}
            frames: {type: int, maximum: 9, default: 1}
          tasks: [{command: 'render @{parameters.scene}'}]
        - id: on-file
          tasks: [{command: 'cat @{trigger.file_name} @{run.id}'}]

        """

    private func uses(_ text: String) throws -> [String] {
        let (specs, diagnostics) = ShipyardSpecsTests.load(.schedules, "schedule_specifications:\n" + text)
        let spec = try #require(specs.schedules, "\(TextRenderer().render(diagnostics))")
        var credentials = CredentialsSpec()
        credentials.add(StorageAccount(.embedded, alias: "main", name: "account"), StorageKeys())
        let found = ScheduleUses.check(spec, credentials: credentials) { name in
            switch name {
            case nil: .notGiven
            case "film.yaml": .text(SourceText(name: "film.yaml", text: film))
            case "bad.yaml": .text(SourceText(name: "bad.yaml", text: "job_specifications: [{id: a b}]\n"))
            default: .unreadable("no such file")
            }
        }
        return found.all.map { "\($0.code.rawValue) \($0.primary?.range.text ?? ""): \($0.message)" }
    }

    @Test func whatTheJobsFileHasNotIsFound() throws {
        let id = "job_id: 'film-@{schedule.time:%F}'"
        #expect(
            try uses(
                "- {id: a, cron: '@daily', jobs: film.yaml, \(id), parameters: {scene: x, quality: final, day: '@{schedule.time:%F}'}}\n"
            ) == [])
        #expect(
            try uses(
                "- {id: a, cron: '@daily', jobs: film.yaml, job_id: flim}\n- {id: b, cron: '@daily', jobs: no.yaml}\n- {id: c, cron: '@daily'}\n"
            ) == [
                "SY2043 flim: the jobs file has no job `flim`",
                "SY4001 no.yaml: cannot read `no.yaml`: no such file",
            ])
        #expect(
            try uses(
                "- {id: a, cron: '@daily', jobs: film.yaml, \(id), parameters: {quality: best, frames: 10, sceen: x, day: '@{schedule.time}'}}\n"
            ) == [
                "SY3030 best: parameter `quality` cannot be `best`",
                "SY3030 10: parameter `frames` cannot be `10`",
                "SY2035 sceen: no job declares a parameter `sceen`",
                "SY3030 '@{schedule.time}': parameter `day` cannot be `2030-01-02T03:04:05Z`",
                "SY2036 a: job `film-@{schedule.time:%F}` needs a value for parameter `scene`",
            ])
    }

    @Test func onlyTriggersHaveFiles() throws {
        let on = "on: {storage_event: {storage_account_settings: main, container: in}}"
        #expect(try uses("- {id: a, jobs: film.yaml, job_id: on-file, \(on)}\n") == [])
        #expect(
            try uses("- {id: a, cron: '@daily', jobs: film.yaml, job_id: on-file, parameters: {}}\n") == [
                "SY2032 @{trigger.file_name}: `@{trigger.file_name}` has no value here: the job is not submitted by a trigger"
            ])
        #expect(
            try uses(
                "- {id: a, cron: '@daily', jobs: film.yaml, job_id: on-file, parameters: {x: '@{trigger.time}', y: '@{no.no}'}}\n"
            ).map { $0.prefix(6) }
                .sorted() == ["SY2030", "SY2032", "SY2032", "SY2035", "SY2035"])
        #expect(
            try uses("- {id: a, on: {storage_event: {storage_account_settings: mian, container: in}}}\n") == [
                "SY2007 mian: could not find storage account alias `mian` in `credentials: storage`"
            ])
    }

    /// Once for all that use it.
    @Test func aBrokenJobsFileIsToldOnce() throws {
        #expect(
            try uses("- {id: a, cron: '@daily', jobs: bad.yaml}\n- {id: b, cron: '@daily', jobs: bad.yaml}\n")
                .map { $0.prefix(6) } == ["SY3001"])
    }

    @Test func aLongChainIsNoRing() throws {
        let chain = (0..<20_000).map { "- {id: s\($0), after: {schedule: s\($0 + 1)}}\n" }.joined()
        #expect(try schedules(chain + "- {id: s20000, cron: '@daily'}\n").count == 20_001)
    }
}
