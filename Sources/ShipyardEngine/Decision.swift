import ShipyardModel

/// What the end of an attempt leads to. Decided here and nowhere else, for every way to end, whoever tells of it, and
/// again from the rows after a restart.
struct Decision: Hashable, Sendable {
    enum Next: Hashable, Sendable {
        /// Again, counted against `max_task_retries`.
        case retry
        /// Again, at nobody's expense.
        case requeue
        case complete(Completion)
    }

    /// What the attempt is recorded as.
    var outcome: Outcome
    var next: Next

    init(_ outcome: Outcome, _ circumstances: Circumstances, _ rules: TaskRules) {
        var outcome = outcome
        // Nobody asks where it was being ended whether the node lived to do it.
        if case .nodeLost = outcome, circumstances.isEnding { outcome = .endedByUser }
        self.outcome = outcome
        next = Self.next(after: outcome, circumstances, rules)
    }

    private static func next(
        after outcome: Outcome, _ circumstances: Circumstances, _ rules: TaskRules
    ) -> Next {
        switch outcome {
        case .exited(0): break
        // Fetching data is a part of the command in Batch Shipyard, so its failure is one of the command.
        case .exited, .signalled, .outOfMemory, .inputFailed:
            if circumstances.mayRetry(rules) { return .retry }
        case .nodeLost:
            if !circumstances.isGivenUp { return .requeue }
        case .endedByUser:
            // By us, and not for good: its job was disabled.
            if !circumstances.isEnding { return .requeue }
        case .notStarted, .stagingFailed, .uploadFailed, .outputRefused, .overWallTime, .skipped, .unreadable:
            break
        }
        return .complete(rules.completion(of: outcome))
    }
}

/// What of a task, beside its rules, its end is judged by.
struct Circumstances: Hashable, Sendable {
    /// A user, or the end of its job, wants it ended.
    var isEnding = false
    /// Too many nodes have died while it ran.
    var isGivenUp = false
    var retryCount: Int32 = 0
    /// Its job has not begun to end.
    var jobTakesTasks = true

    /// Only of a command that ran to an end of its own: what failed before it would fail again, and what somebody
    /// ended should stay so.
    fileprivate func mayRetry(_ rules: TaskRules) -> Bool {
        guard !isEnding, jobTakesTasks else { return false }
        return rules.maxTaskRetries < 0 || Int(retryCount) < rules.maxTaskRetries
    }
}

/// What a task that has ended for good means for others.
struct Completion: Hashable, Sendable {
    var isSuccess: Bool
    /// Dependants that ask for no more may run; otherwise they never will.
    var isSatisfied: Bool
    var jobAction: JobAction
}

extension TaskRules {
    /// Rules for single exit codes, when there are any, are looked up here.
    func completion(of outcome: Outcome) -> Completion {
        if outcome.isSuccess { return Completion(isSuccess: true, isSatisfied: true, jobAction: .none) }
        // Nothing of it has failed, so the job has no cause to act.
        var (action, dependencies) = (outcome == .skipped ? .none : jobAction, dependencyAction)
        if case .uploadFailed = outcome {
            action = uploadErrorJobAction ?? action
            dependencies = uploadErrorDependencyAction ?? dependencies
        }
        return Completion(
            isSuccess: false, isSatisfied: dependencies == .satisfy, jobAction: action)
    }
}
