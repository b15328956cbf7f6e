import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// The one function that decides what an end leads to, in every case there is.
struct DecisionTests {
    private enum Kind { case success, failure, early, lost, ended }

    private static let outcomes: [(Outcome, Kind)] = [
        (.exited(0), .success), (.exited(1), .failure), (.exited(255), .failure), (.signalled(9), .failure),
        (.outOfMemory, .failure), (.inputFailed(.blobNotFound, ""), .failure),
        (.uploadFailed(.accessDenied, ""), .early), (.notStarted(.taskFilesMissing, ""), .early),
        (.outputRefused(.notJSON, ""), .early), (.notStarted(.outputMissing, ""), .early),
        (.notStarted(.programNotFound, ""), .early),
        (.notStarted(.rowMissing, ""), .early), (.stagingFailed(.blobNotFound, ""), .early),
        (.overWallTime(.seconds(1)), .early), (.unreadable(""), .early), (.nodeLost(.died, "x"), .lost),
        (.nodeLost(.left, ""), .lost), (.endedByUser, .ended), (.skipped, .early),
    ]

    private static var circumstances: [Circumstances] {
        var all: [Circumstances] = []
        for isEnding in [false, true] {
            for isGivenUp in [false, true] {
                for retryCount: Int32 in [0, 1, 2] {
                    for jobTakesTasks in [false, true] {
                        all.append(
                            Circumstances(
                                isEnding: isEnding, isGivenUp: isGivenUp, retryCount: retryCount,
                                jobTakesTasks: jobTakesTasks))
                    }
                }
            }
        }
        return all
    }

    private static var rules: [TaskRules] {
        var all: [TaskRules] = []
        for retries in [-1, 0, 2] {
            for action in [JobAction.none, .disable, .terminate] {
                for dependencies in [DependencyAction.block, .satisfy] {
                    var rules = TaskRules()
                    (rules.maxTaskRetries, rules.jobAction) = (retries, action)
                    rules.dependencyAction = dependencies
                    all.append(rules)
                }
            }
        }
        return all
    }

    @Test func everyEndIsDecidedAsTheRulesSay() {
        for (outcome, kind) in Self.outcomes {
            for now in Self.circumstances {
                for rules in Self.rules { check(outcome, kind, now, rules) }
            }
        }
    }

    private func check(_ outcome: Outcome, _ kind: Kind, _ now: Circumstances, _ rules: TaskRules) {
        let decision = Decision(outcome, now, rules)
        let failed = Completion(
            isSuccess: false, isSatisfied: rules.dependencyAction == .satisfy,
            jobAction: outcome == .skipped ? .none : rules.jobAction)
        let isLeft = rules.maxTaskRetries == -1 || now.retryCount < rules.maxTaskRetries
        let expected: Decision.Next =
            switch kind {
            case .success: .complete(Completion(isSuccess: true, isSatisfied: true, jobAction: .none))
            case .failure: isLeft && !now.isEnding && now.jobTakesTasks ? .retry : .complete(failed)
            case .early: .complete(failed)
            case .lost: now.isEnding || now.isGivenUp ? .complete(failed) : .requeue
            case .ended: now.isEnding ? .complete(failed) : .requeue
            }
        #expect(decision.next == expected, "\(outcome) \(now) \(rules)")
        #expect(decision.outcome == (kind == .lost && now.isEnding ? .endedByUser : outcome))
    }

    /// `file_upload_error` is for a success whose files were not stored, and for nothing else.
    @Test func failedUploadsHaveOptionsOfTheirOwn() {
        var rules = TaskRules()
        (rules.jobAction, rules.dependencyAction) = (.terminate, .block)
        let upload = Outcome.uploadFailed(.miscError, "x")
        func completion(_ outcome: Outcome) -> Completion { rules.completion(of: outcome) }
        #expect(completion(upload) == completion(.exited(1)))
        rules.uploadErrorJobAction = JobAction.none
        #expect(completion(upload) == Completion(isSuccess: false, isSatisfied: false, jobAction: .none))
        rules.uploadErrorDependencyAction = .satisfy
        #expect(completion(upload).isSatisfied && !completion(.exited(1)).isSatisfied)
        #expect(completion(.exited(1)).jobAction == .terminate)
    }

    /// What a living job decided, it decides again from its rows.
    @Test func restoredTasksMeanTheSame() {
        for (outcome, _) in Self.outcomes {
            for rules in Self.rules {
                let plan = JobRules.one { $1 = rules }
                let floor = Floor()
                let job = floor.addJob(.waiting([], [.task(0)]), autoComplete: false, plan)
                let key = TaskKey(job: job, ordinal: 0)
                if outcome == .endedByUser { floor.apply(.taskTerminated(key)) }
                floor.end(as: outcome)
                guard let row = floor.entry(job, 0), row.state == .completed else { continue }
                let engine = floor.restored(plan)
                #expect(engine.counts(job)?.failed == floor.engine.counts(job)?.failed)
                for ordinal: UInt32 in [0, 1] {
                    let key = TaskKey(job: job, ordinal: ordinal)
                    #expect(engine.neverRuns(key) == floor.engine.neverRuns(key), "\(outcome) \(rules)")
                }
                #expect(
                    engine.known(key)?.entry.flags.subtracting([.ending, .dirty])
                        == floor.engine.known(key)?.entry.flags.subtracting([.ending, .dirty]))
            }
        }
    }
}
