import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// When files of tasks are looked for that are kept no longer.
struct RetentionTests {
    private func at(_ seconds: Int64) -> SteadyTime { SteadyTime(milliseconds: seconds * 1000) }

    private func rules(_ retentions: Int64...) -> JobRules {
        var rules = JobRules()
        rules.templates = retentions.map { seconds in
            var rules = TaskRules()
            rules.retention = .seconds(seconds)
            return rules
        }
        return rules
    }

    private func sweeps(_ floor: Floor) -> [RetentionSweep] {
        floor.effects.compactMap { if case .findOldFiles(let sweep) = $0 { sweep } else { nil } }
    }

    @Test func filesAreLookedForWhenTheFirstCanBeDueAndUntilTheLastWere() {
        let floor = Floor()
        floor.now = Moment(milliseconds: 5000)
        let job = floor.addJob(.free(1), rules(10, 100))
        #expect(floor.engine.nextDeadline == at(15))
        floor.pass(until: at(14))
        #expect(sweeps(floor) == [])
        floor.pass(until: at(15))
        #expect(
            sweeps(floor).map(\.rules) == [
                [RetentionRule(job: job, templates: 0...0, retention: .seconds(10))]
            ])
        #expect(sweeps(floor).map(\.since) == [at(0)])
        // One at a time, and the next one as long after its beginning as the shortest retention.
        #expect(floor.engine.nextDeadline == nil)
        floor.apply(.oldFilesFound(until: at(15), isComplete: true))
        #expect(floor.writes.contains { if case .putLastSweep(at(15)) = $0 { true } else { false } })
        #expect(floor.engine.nextDeadline == at(25))
        floor.pass(until: at(105))
        #expect(sweeps(floor).last?.rules.map(\.templates) == [0...0, 1...1])
        #expect(sweeps(floor).last?.since == at(15))
        floor.pass(until: at(110))
        floor.end()
        #expect(floor.engine.job(job)?.state == .completed)
        // A search that failed ends nothing, and is not taken for one.
        floor.apply(.oldFilesFound(until: at(300), isComplete: false))
        #expect(floor.engine.nextDeadline == at(115))
        let written = floor.writes.count { if case .putLastSweep = $0 { true } else { false } }
        #expect(written == 1)
        floor.pass(until: at(209))
        floor.apply(.oldFilesFound(until: at(209), isComplete: true))
        #expect(floor.engine.nextDeadline == at(219))
        floor.pass(until: at(219))
        floor.apply(.oldFilesFound(until: at(219), isComplete: true))
        #expect(floor.engine.nextDeadline == nil)
    }

    /// However many templates a job has, its tasks are read once for each retention time.
    @Test func templatesSideBySideAreOneSearch() {
        let floor = Floor()
        floor.now = Moment(milliseconds: 0)
        let job = floor.addJob(.free(1), autoComplete: false, rules(5, 5, 7, 9, 5))
        floor.pass(until: at(8))
        #expect(
            sweeps(floor).last?.rules == [
                RetentionRule(job: job, templates: 0...1, retention: .seconds(5)),
                RetentionRule(job: job, templates: 2...2, retention: .seconds(7)),
                RetentionRule(job: job, templates: 4...4, retention: .seconds(5)),
            ])
        var addition = JobAddition()
        addition.templates = rules(5).templates
        floor.apply(
            .tasksAdded(job: job, [], addition), .oldFilesFound(until: at(8), isComplete: true))
        floor.pass(until: at(13))
        #expect(sweeps(floor).last?.rules.map(\.templates) == [0...1, 2...2, 3...3, 4...5])
        #expect(sweeps(floor).last?.rules.last?.key == sweeps(floor).first?.rules.last?.key)
    }

    @Test func templatesThatAreAddedCountWithTheOthers() {
        let floor = Floor()
        floor.now = Moment(milliseconds: 0)
        let job = floor.addJob(.free(1), autoComplete: false, rules(50))
        #expect(floor.engine.nextDeadline == at(50))
        var addition = JobAddition()
        addition.templates = rules(100, 20).templates
        floor.apply(.tasksAdded(job: job, [], addition))
        #expect(floor.engine.nextDeadline == at(20))
        floor.pass(until: at(20))
        #expect(
            sweeps(floor).map(\.rules) == [
                [RetentionRule(job: job, templates: 2...2, retention: .seconds(20))]
            ])
        floor.end()
        floor.apply(.jobTerminated(job, reason: "x"), .oldFilesFound(until: at(20), isComplete: true))
        // Until the longest of them is over, counted from the job's end.
        for (second, isOver) in [(60, false), (119, false), (139, true)] as [(Int64, Bool)] {
            floor.pass(until: at(second))
            floor.apply(.oldFilesFound(until: at(second), isComplete: true))
            #expect((floor.engine.nextDeadline == nil) == isOver)
        }
    }

    /// A job that is gone, or whose pool has no node, has no files to look for.
    @Test func nothingIsLookedForWhereNothingCanBe() {
        let floor = Floor()
        let first = floor.addJob(.free(1), rules(10))
        floor.end()
        floor.apply(.jobDeleted(first))
        #expect(floor.engine.nextDeadline == nil)
        let second = floor.addJob(.free(1), autoComplete: false, rules(10))
        floor.end()
        floor.apply(.poolResized(Floor.pool, dedicated: 0, lowPriority: 0))
        floor.apply(.nodeRemoved(NodeHandle(index: 0)))
        floor.pass(until: at(10))
        #expect(sweeps(floor) == [])
        floor.apply(.poolResized(Floor.pool, dedicated: 1, lowPriority: 0))
        floor.pass(until: at(20))
        #expect(sweeps(floor).flatMap(\.rules).map(\.job) == [second])
    }

    /// A second to a minute between two searches; a job of a shorter time brings the next one forward.
    @Test func searchesAreAsFarApartAsTheShortestTime() {
        let floor = Floor()
        floor.addJob(.free(1), autoComplete: false, rules(3600))
        floor.pass(until: at(3600))
        floor.apply(.oldFilesFound(until: at(3600), isComplete: true))
        #expect(floor.engine.nextDeadline == at(3660))
        floor.addJob(.free(1), autoComplete: false, rules(0))
        #expect(floor.engine.nextDeadline == at(3601))
        floor.pass(until: at(3601))
        #expect(sweeps(floor).count == 2)
        floor.apply(.oldFilesFound(until: at(3601), isComplete: true))
        #expect(floor.engine.nextDeadline == at(3602))
    }

    /// A job whose files become due during a search waits for the next one.
    @Test func oneSearchAtATime() {
        let floor = Floor()
        floor.addJob(.free(1), autoComplete: false, rules(10))
        floor.pass(until: at(10))
        let second = floor.addJob(.free(1), autoComplete: false, rules(5))
        floor.pass(until: at(100))
        #expect(sweeps(floor).count == 1)
        floor.apply(.oldFilesFound(until: at(10), isComplete: true))
        #expect(sweeps(floor).count == 2)
        #expect(sweeps(floor).last?.rules.map(\.job) == [1, second])
    }

    /// After a restart what is due is looked for since the last search that was stored.
    @Test func aRestartGoesOnFromTheLastSearch() {
        let floor = Floor()
        let rules = rules(10)
        floor.addJob(.free(1), autoComplete: false, rules)
        floor.pass(until: at(50))
        var engine = floor.restored(rules)
        engine.restoreLastSweep(at(40))
        let turn = engine.takeTurn(at: floor.now)
        let sweep = RetentionSweep(
            since: at(40), until: at(50),
            rules: [RetentionRule(job: 1, templates: 0...0, retention: .seconds(10))])
        #expect(turn.effects.contains(.findOldFiles(sweep)))
    }
}
