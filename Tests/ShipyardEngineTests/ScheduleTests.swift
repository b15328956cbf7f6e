import ShipyardCalendar
import ShipyardModel
import Testing

@testable import ShipyardEngine

/// What is due, when it runs, and what becomes of runs.
struct ScheduleTests {
    private func floor() -> Floor {
        let floor = Floor(slots: 100)
        floor.setClock()
        return floor
    }

    @Test func eachTimeIsOneRun() {
        let floor = floor()
        floor.addSchedule("a", every: 60)
        #expect(floor.told() == ["1 starting +0"])
        floor.endJob(floor.start(1, 1))
        floor.pass(to: 59)
        #expect(floor.told() == ["1 succeeded +0"])
        floor.pass(to: 60)
        let job = floor.start(1, 2)
        #expect(floor.told() == ["1 succeeded +0", "2 active +60"])
        floor.endJob(job, code: 1)
        #expect(floor.told() == ["1 succeeded +0", "2 failed +60"])
        #expect(floor.run(1, 2)?.reason == "job job-2: 1 of 1 tasks failed")
        #expect(floor.run(1, 2)?.startTime == Floor.at(60) && floor.run(1, 2)?.endTime == Floor.at(60))
        #expect(floor.startsAsked.count == 2)
    }

    /// Ten thousand schedules, and a turn looks at those that are due.
    @Test func nothingIsDueBeforeItsTime() {
        let floor = floor()
        floor.addSchedule("a", cron: "30 2 * * *")
        #expect(floor.engine.scheduleStatus(1)?.next?.instant == Floor.at(9000))
        #expect(floor.engine.nextDeadline == floor.now.steady + .seconds(9000))
        #expect(floor.engine.isBusy == true)
        floor.pass(to: 8999)
        #expect(floor.runs.isEmpty)
        floor.pass(to: 9000)
        #expect(floor.told() == ["1 starting +9000"])
    }

    @Test func scheduleIsCompletedAfterItsLastTime() {
        let floor = floor()
        floor.addSchedule("a", every: 60) { $1.notAfter = Floor.at(60) }
        floor.endJob(floor.start(1, 1))
        floor.pass(to: 60)
        #expect(floor.engine.schedule(1)?.state == .active)
        floor.endJob(floor.start(1, 2))
        #expect(floor.engine.schedule(1)?.state == .completed)
        floor.pass(to: 600)
        #expect(floor.runs.count == 2)
    }

    @Test func jitterDelaysTheBeginningAndNotTheTime() {
        let floor = floor()
        floor.addSchedule("a", cron: "0 1 * * *") { policy, _ in policy.jitter = .seconds(600) }
        floor.pass(to: 3600)
        let begin = floor.run(1, 1)!.begin
        #expect(floor.told() == ["1 scheduled +3600"])
        #expect(begin > Floor.at(3600) && begin < Floor.at(4200))
        floor.pass(to: (begin - Floor.newYear).milliseconds / 1000 + 1)
        #expect(floor.told() == ["1 starting +3600"])
    }

    // MARK: Overlap

    struct OverlapCase: Sendable, CustomTestStringConvertible {
        var policy: OverlapPolicy
        var bound: Int
        /// At the third due time, the first run being active.
        var then: [String]
        /// After its end.
        var afterwards: [String]
        var testDescription: String { policy.rawValue }
    }

    @Test(arguments: [
        OverlapCase(
            policy: .skip, bound: 2, then: ["1 active +0", "2 overlap +60", "3 overlap +120"],
            afterwards: ["1 succeeded +0", "2 overlap +60", "3 overlap +120"]),
        OverlapCase(
            policy: .queue, bound: 1, then: ["1 active +0", "2 queued +60", "3 queueFull +120"],
            afterwards: ["1 succeeded +0", "2 starting +60", "3 queueFull +120"]),
        OverlapCase(
            policy: .queue, bound: 2, then: ["1 active +0", "2 queued +60", "3 queued +120"],
            afterwards: ["1 succeeded +0", "2 starting +60", "3 queued +120"]),
        OverlapCase(
            policy: .parallel, bound: 2, then: ["1 active +0", "2 starting +60", "3 overlap +120"],
            afterwards: ["1 succeeded +0", "2 starting +60", "3 overlap +120"]),
    ])
    func runThatIsDueWhileAnotherIsActive(_ example: OverlapCase) {
        let floor = floor()
        floor.addSchedule("a", every: 60) { policy, table in
            policy.overlap = example.policy
            policy.maxQueuedRuns = example.bound
            policy.maxActiveRuns = example.bound
            table.notAfter = Floor.at(120)
        }
        let job = floor.start(1, 1)
        floor.pass(to: 120)
        #expect(floor.told() == example.then)
        floor.endJob(job)
        #expect(floor.told() == example.afterwards)
    }

    @Test func laterRunReplacesAnEarlierOne() {
        let floor = floor()
        floor.addSchedule("a", every: 60) { policy, _ in policy.overlap = .replace }
        floor.start(1, 1)
        floor.pass(to: 60)
        #expect(floor.told() == ["1 active +0", "2 queued +60"])
        #expect(floor.kills.count == 1)
        floor.pass(to: 120)
        #expect(floor.told() == ["1 active +0", "2 replaced +60", "3 queued +120"])
        floor.endKilled()
        #expect(floor.told() == ["1 failed +0", "2 replaced +60", "3 starting +120"])
        // One that is being started cannot be ended yet, and is as soon as it can.
        floor.pass(to: 180)
        #expect(floor.told().suffix(2) == ["3 starting +120", "4 queued +180"])
        #expect(floor.engine.isWanted(RunKey(schedule: 1, number: 3), attempt: 1) == false)
        floor.apply(.runNotStarted(RunKey(schedule: 1, number: 3), reason: "not wanted", mayRetry: false))
        #expect(floor.told().suffix(2) == ["3 replaced +120", "4 starting +180"])
        #expect(floor.engine.schedule(1)?.failedStarts == 0)
    }

    // MARK: What was missed

    @Test(arguments: [
        (CatchUpPolicy.none, ["1 succeeded +0", "2 missed +600…3000"]),
        (.latest, ["1 succeeded +0", "2 missed +600…2400", "3 starting +3000"]),
        (.all, ["1 succeeded +0", "2 missed +600…1800", "3 starting +2400", "4 queued +3000"]),
    ])
    func timesThatPassedMeanwhile(_ policy: CatchUpPolicy, _ told: [String]) {
        let floor = floor()
        floor.addSchedule("a", every: 600) { rules, _ in
            (rules.catchUp, rules.maxCatchUp, rules.overlap) = (policy, 2, .queue)
        }
        floor.endJob(floor.start(1, 1))
        floor.sleep(to: 3300)
        #expect(floor.told() == told)
        // What is dealt with is dealt with.
        floor.pass(to: 3599)
        #expect(floor.told() == told)
        floor.pass(to: 3600)
        #expect(floor.told().last?.hasSuffix("+3600") == true)
    }

    /// Whatever becomes of runs that overlap otherwise.
    @Test(arguments: [OverlapPolicy.skip, .parallel])
    func allThatIsMadeUpForRuns(_ overlap: OverlapPolicy) {
        let floor = floor()
        floor.addSchedule("a", every: 600) { rules, _ in
            (rules.catchUp, rules.overlap, rules.maxActiveRuns) = (.all, overlap, 1)
        }
        floor.endJob(floor.start(1, 1))
        floor.sleep(to: 1900)
        #expect(floor.told() == ["1 succeeded +0", "2 starting +600", "3 queued +1200", "4 queued +1800"])
        // What is due while they wait goes by the rule.
        floor.pass(to: 2400)
        #expect(floor.told().last == "5 overlap +2400")
        for number: UInt32 in 2...4 { floor.endJob(floor.start(1, number)) }
        #expect(floor.told().dropLast().allSatisfy { $0.contains("succeeded") })
    }

    /// A time that has just passed is on time; where one is, `latest` makes up for none.
    @Test(arguments: CatchUpPolicy.allCases)
    func aMinuteLateIsOnTime(_ policy: CatchUpPolicy) {
        let floor = floor()
        floor.addSchedule("a", every: 600) { rules, _ in (rules.catchUp, rules.overlap) = (policy, .queue) }
        floor.endJob(floor.start(1, 1))
        floor.sleep(to: 1259)
        let expected =
            policy == .all
            ? ["2 starting +600", "3 queued +1200"] : ["2 missed +600", "3 starting +1200"]
        #expect(floor.told() == ["1 succeeded +0"] + expected)
    }

    /// A clock that is ten years ahead: a row and a run, at once, and not five million.
    @Test func tenYearsAreMissedAtOnce() {
        let floor = floor()
        floor.addSchedule("a", every: 60)
        floor.endJob(floor.start(1, 1))
        floor.sleep(to: 315_360_030)
        #expect(floor.told() == ["1 succeeded +0", "2 missed +60…315359940", "3 starting +315360000"])
    }

    @Test func whatIsLaterThanItsWindowIsSkipped() {
        let floor = floor()
        floor.addSchedule("a", every: 600) { rules, _ in rules.startWindow = .seconds(120) }
        floor.endJob(floor.start(1, 1))
        floor.sleep(to: 800)
        #expect(floor.told().last == "2 startWindow +600")
        floor.sleep(to: 1310)
        #expect(floor.told().last == "3 starting +1200")
        // One that waits for another waits no longer than that.
        floor.addSchedule("b", every: 600) { rules, _ in
            (rules.startWindow, rules.overlap) = (.seconds(120), .queue)
        }
        floor.pass(to: 1800)
        let job = floor.start(2, 1)
        floor.pass(to: 2400)
        floor.pass(to: 2530)
        floor.endJob(job)
        #expect(floor.told(2) == ["1 succeeded +1800", "2 startWindow +2400"])
    }

    // MARK: Clocks that are set

    /// Ahead by a year and back: one run for the year, none twice, and all that comes comes.
    @Test func clockThatWasAheadStopsNothing() {
        let floor = floor()
        floor.addSchedule("a", every: 3600)
        floor.endJob(floor.start(1, 1))
        floor.pass(to: 3600)
        floor.endJob(floor.start(1, 2))
        floor.setWall(to: 36_000)
        #expect(floor.told().suffix(2) == ["3 missed +7200…32400", "4 starting +36000"])
        floor.endJob(floor.start(1, 4))
        floor.setWall(to: 4000)
        #expect(floor.runs.count == 4)
        for hour: Int64 in 2...11 {
            floor.pass(to: hour * 3600)
            if let run = floor.runs.last, run.state == .starting { floor.endJob(floor.start(1, run.key.number)) }
        }
        let later = floor.told().dropFirst(4)
        #expect(
            Array(later) == (2...9).map { "\($0 + 3) succeeded +\($0 * 3600)" } + [
                "13 duplicate +36000", "14 succeeded +39600",
            ])
    }

    @Test func clockThatIsSetBackByAMomentRepeatsNothing() {
        let floor = floor()
        floor.addSchedule("a", every: 60)
        floor.endJob(floor.start(1, 1))
        floor.pass(to: 60)
        floor.endJob(floor.start(1, 2))
        floor.setWall(to: 30)
        floor.pass(to: 60)
        floor.pass(to: 119)
        #expect(floor.told() == ["1 succeeded +0", "2 succeeded +60", "3 duplicate +60"])
    }

    /// A run that waits for its jitter, or for its next attempt, does not wait for the clock to be right again.
    @Test func beginningOfARunFollowsTheClock() {
        let floor = floor()
        floor.addSchedule("a", every: 86_400) { rules, _ in (rules.maxRetries, rules.retryDelay) = (1, .seconds(60)) }
        floor.setWall(to: 864_000)
        floor.endJob(floor.start(1, 1), code: 1)
        #expect(floor.run(1, 1)?.state == .scheduled)
        floor.setWall(to: 100)
        floor.pass(to: 161)
        #expect(floor.run(1, 1)?.state == .starting)
    }

    // MARK: Retries and failures to start

    @Test func wholeRunIsTriedAgain() {
        let floor = floor()
        floor.addSchedule("a", every: 3600) { rules, _ in (rules.maxRetries, rules.retryDelay) = (2, .seconds(60)) }
        floor.endJob(floor.start(1, 1), code: 1)
        #expect(floor.told() == ["1 scheduled +0"] && floor.run(1, 1)?.attempt == 2)
        #expect(floor.engine.scheduleStatus(1)?.active.count == 1)
        floor.pass(to: 59)
        #expect(floor.startsAsked.count == 1)
        floor.pass(to: 60)
        #expect(floor.engine.isWanted(RunKey(schedule: 1, number: 1), attempt: 2) == true)
        floor.endJob(floor.start(1, 1), code: 1)
        floor.pass(to: 120)
        floor.endJob(floor.start(1, 1))
        #expect(floor.told() == ["1 succeeded +0"] && floor.run(1, 1)?.attempt == 3)
        #expect(floor.run(1, 1)?.reason == nil)
        // No more than that.
        floor.pass(to: 3600)
        for at: Int64 in [3660, 3720, 3780] {
            floor.endJob(floor.start(1, 2), code: 1)
            floor.pass(to: at)
        }
        #expect(floor.told().last == "2 failed +3600")
    }

    /// It goes on trying, says how often it failed, and holds up no other.
    @Test func scheduleThatCannotStartGoesOnTrying() {
        let floor = floor()
        floor.addSchedule("poison", every: 60)
        floor.addSchedule("good", every: 60)
        for minute: Int64 in 0..<4 {
            floor.pass(to: minute * 60)
            let number = UInt32(minute) + 1
            floor.apply(
                .runNotStarted(RunKey(schedule: 1, number: number), reason: "no such pool", mayRetry: false))
            floor.endJob(floor.start(2, number))
            #expect(floor.engine.schedule(1)?.failedStarts == Int(number))
        }
        #expect(floor.told().allSatisfy { $0.contains("failed") })
        #expect(floor.run(1, 4)?.reason == "no such pool")
        #expect(floor.told(2).allSatisfy { $0.contains("succeeded") })
        floor.pass(to: 240)
        floor.start(1, 5)
        #expect(floor.engine.schedule(1)?.failedStarts == 0)
    }

    @Test func startThatMayWorkInAMomentIsTriedAgain() {
        let floor = floor()
        floor.addSchedule("a", every: 86_400)
        let key = RunKey(schedule: 1, number: 1)
        var pauses: [Int64] = []
        for _ in 0..<9 {
            floor.apply(.runNotStarted(key, reason: "the disk is full", mayRetry: true))
            let before = floor.now.steady
            let asked = floor.startsAsked.count
            floor.pass(until: floor.engine.nextDeadline!)
            pauses.append((floor.now.steady - before).milliseconds / 1000)
            #expect(floor.startsAsked.count == asked + 1)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        #expect(floor.run(1, 1)?.reason == "the disk is full" && floor.engine.schedule(1)?.failedStarts == 0)
        floor.endJob(floor.start(1, 1))
        #expect(floor.told() == ["1 succeeded +0"])
    }

    /// Nothing of it can go on, so the run ends and later ones have their turn.
    @Test func runWhoseTasksCanNeverRunFails() {
        let floor = floor()
        floor.addSchedule("a", every: 3600)
        let job = floor.start(1, 1, tasks: [TaskSeed(template: 0), TaskSeed(template: 0, dependencies: [.task(0)])])
        floor.endJob(job, code: 1)
        #expect(floor.engine.job(job)?.terminateReason == TerminateReason.tasksNeverRun)
        #expect(floor.told() == ["1 failed +0"])
    }

    @Test func runWhoseJobIsDeletedFails() {
        let floor = floor()
        floor.addSchedule("a", every: 3600)
        let job = floor.addJob(.free(1), autoComplete: false)
        floor.apply(.runStarted(RunKey(schedule: 1, number: 1), jobs: [job]))
        floor.endJob(job)
        #expect(floor.told() == ["1 active +0"])
        floor.apply(.jobDeleted(job))
        #expect(floor.told() == ["1 failed +0"] && floor.run(1, 1)?.reason == "job job-1 was deleted")
    }

    // MARK: Chains

    @Test func runsFollowRuns() {
        let floor = floor()
        floor.addSchedule("a", every: 3600)
        floor.addSchedule("good") { rules, _ in rules.after = [AfterRule(.schedule("a"), .succeeded)] }
        floor.addSchedule("bad") { rules, _ in rules.after = [AfterRule(.schedule("a"), .failed)] }
        floor.addSchedule("both") { rules, _ in
            rules.after = [AfterRule(.schedule("a"), .completed), AfterRule(.job("by-hand"), .completed)]
            rules.overlap = .queue
        }
        floor.pass(to: 7)
        floor.endJob(floor.start(1, 1))
        #expect(floor.told(2) == ["1 starting +7"] && floor.run(2, 1)?.cause == .run(RunKey(schedule: 1, number: 1)))
        #expect(floor.told(3) == [] && floor.told(4) == ["1 starting +7"])
        #expect(floor.engine.schedule(2)?.state == .active)
        floor.pass(to: 3600)
        floor.endJob(floor.start(1, 2), code: 1)
        #expect(floor.told(2).count == 1 && floor.told(3) == ["1 starting +3600"])
        #expect(floor.told(4) == ["1 starting +7", "2 queued +3600"])
    }

    // MARK: By hand

    @Test func runByHandIsNotSkipped() {
        let floor = floor()
        floor.addSchedule("a", every: 3600)
        let job = floor.start(1, 1)
        floor.apply(.runAsked(RunRequest(schedule: 1, .user, due: floor.now.wall, parameters: "{}", request: "r")))
        #expect(floor.told() == ["1 active +0", "2 queued +0"])
        #expect(floor.engine.run(of: 1, request: "r")?.number == 2)
        floor.endJob(job)
        #expect(floor.told().last == "2 starting +0" && floor.run(1, 2)?.parameters == "{}")
        floor.apply(.scheduleDisabled(1))
        floor.endJob(floor.start(1, 2))
        floor.apply(.runAsked(RunRequest(schedule: 1, .user, due: floor.now.wall)))
        #expect(floor.told().last == "3 starting +0")
    }

    /// A file that comes goes by the schedule's rule; one that somebody replays is wanted.
    @Test func replayedFileIsNotSkipped() {
        let floor = floor()
        floor.addSchedule("a") { rules, _ in rules.hasTrigger = true }
        floor.apply(.runAsked(RunRequest(schedule: 1, .event(1), due: floor.now.wall)))
        floor.apply(.runAsked(RunRequest(schedule: 1, .event(2), due: floor.now.wall)))
        floor.apply(.runAsked(RunRequest(schedule: 1, .event(2), due: floor.now.wall, request: "again")))
        #expect(floor.told() == ["1 starting +0", "2 overlap +0", "3 queued +0"])
    }

    @Test func backfillRunsOldestFirstBesideTheRest() {
        let floor = floor()
        floor.addSchedule("a", every: 3600)
        floor.start(1, 1)
        floor.apply(.backfillAsked(1, [-300, -200, -100].map(Floor.at), parallel: 2))
        #expect(floor.told().dropFirst() == ["2 starting +-300", "3 starting +-200", "4 queued +-100"])
        floor.endJob(floor.start(1, 3), code: 1)
        #expect(floor.told().last == "4 starting +-100")
        floor.start(1, 2)
        floor.start(1, 4)
        #expect(floor.told().dropFirst() == ["2 active +-300", "3 failed +-200", "4 active +-100"])
    }

    // MARK: Disabled, ended, deleted

    @Test func disabledScheduleMakesUpForNothing() {
        let floor = floor()
        floor.addSchedule("a", every: 60) { rules, _ in rules.catchUp = .all }
        let job = floor.start(1, 1)
        floor.apply(.scheduleDisabled(1))
        floor.pass(to: 400)
        #expect(floor.runs.count == 1)
        floor.endJob(job)
        floor.apply(.scheduleEnabled(1))
        floor.pass(to: 419)
        #expect(floor.told() == ["1 succeeded +0"])
        floor.pass(to: 420)
        #expect(floor.told().last == "2 starting +420")
    }

    @Test func terminatedScheduleEndsItsRuns() {
        let floor = floor()
        floor.addSchedule("a", every: 60) { rules, _ in rules.overlap = .queue }
        let job = floor.start(1, 1)
        floor.pass(to: 60)
        floor.apply(.scheduleTerminated(1))
        #expect(floor.engine.schedule(1)?.state == .terminating)
        #expect(floor.engine.job(job)?.terminateReason == TerminateReason.terminateJobSchedule)
        floor.endKilled()
        #expect(floor.told() == ["1 failed +0", "2 terminated +60"])
        #expect(floor.engine.schedule(1)?.state == .completed)
    }

    @Test func deletedScheduleTakesItsJobsAlong() {
        let floor = floor()
        floor.addSchedule("a", every: 60)
        let first = floor.start(1, 1)
        floor.endJob(first)
        floor.pass(to: 60)
        let second = floor.start(1, 2)
        floor.pass(to: 120)
        floor.apply(.scheduleDeleted(1))
        #expect(floor.engine.job(first) == nil && floor.engine.job(second)?.state == .deleting)
        #expect(floor.engine.schedule(1)?.state == .deleting)
        floor.endKilled()
        #expect(floor.engine.schedule(1) == nil && floor.engine.job(second) == nil)
        let number = floor.engine.scheduleNumber(ScheduleID("a")!)
        #expect(number == nil)
        floor.pass(to: 600)
        #expect(floor.engine.nextDeadline == nil)
    }

    /// One whose jobs are just being made hears that they are not wanted.
    @Test func deletedScheduleWaitsForAStartThatIsUnderWay() {
        let floor = floor()
        floor.addSchedule("a", every: 60)
        floor.apply(.scheduleDeleted(1))
        #expect(floor.engine.isWanted(RunKey(schedule: 1, number: 1), attempt: 1) == false)
        #expect(floor.engine.schedule(1)?.state == .deleting)
        floor.apply(.runNotStarted(RunKey(schedule: 1, number: 1), reason: "not wanted", mayRetry: true))
        #expect(floor.engine.schedule(1) == nil)
    }

    @Test func recordsOfOldRunsGoWithTheirJobs() {
        let floor = floor()
        floor.addSchedule("a", every: 60) { rules, _ in (rules.retainedRuns, rules.retainedDays) = (2, 1) }
        var jobs: [UInt32] = []
        for minute: Int64 in 0..<4 {
            floor.pass(to: minute * 60)
            jobs.append(floor.start(1, UInt32(minute) + 1))
            floor.endJob(jobs[Int(minute)])
        }
        #expect(floor.told() == ["3 succeeded +120", "4 succeeded +180"])
        #expect(jobs.map { floor.engine.job($0) != nil } == [false, false, true, true])
        floor.apply(.scheduleDisabled(1))
        floor.pass(to: 86_400 + 130)
        #expect(floor.told() == ["4 succeeded +180"])
        floor.pass(to: 86_400 + 190)
        #expect(floor.told() == [] && floor.engine.job(jobs[3]) == nil)
    }

    // MARK: After a restart

    @Test func runsGoOnAfterARestart() {
        let floor = floor()
        floor.addSchedule("a", every: 60) { rules, _ in rules.overlap = .queue }
        floor.addSchedule("b", every: 60) { rules, _ in rules.jitter = .seconds(40) }
        let job = floor.start(1, 1)
        floor.pass(to: 60)
        floor.engine = floor.restarted()
        #expect(floor.engine.scheduleStatus(1)?.active.count == 1 && floor.engine.scheduleStatus(1)?.queued == 1)
        floor.apply(.timePassed)
        floor.atAgents.removeAll()
        floor.apply(.jobTerminated(job, reason: TerminateReason.userTerminate))
        floor.lose(0)
        #expect(floor.told() == ["1 failed +0", "2 starting +60"])
        // What was starting is started again.
        let asked = floor.startsAsked.count
        floor.engine = floor.restarted()
        floor.apply(.timePassed)
        #expect(floor.startsAsked.dropFirst(asked).contains(RunKey(schedule: 1, number: 2)))
        floor.pass(to: 119)
        #expect(floor.told(2).allSatisfy { !$0.contains("missed") })
    }
}
