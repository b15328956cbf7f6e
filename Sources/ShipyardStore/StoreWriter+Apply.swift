import ShipyardModel

extension StoreWriter {
    func apply(_ write: StoreWrite) throws(StoreError) {
        switch write {
        case .putPool(let pool): try run(.putPool, "putPool") { $0.bind(pool) }
        case .putPoolSpec(let pool, let spec): try putPoolSpec(spec, of: pool)
        case .deletePool(let pool, let removal, let time): try deletePool(pool, removal, time)
        case .putNode(let node): try run(.putNode, "putNode") { $0.bind(node) }
        case .putAgentToken(let pool, let node, let digest):
            try run(.putAgentToken, "putAgentToken") {
                $0.bind(1, pool.text)
                $0.bind(2, node.text)
                $0.bind(3, digest.text)
            }
        case .deleteNode(let pool, let node):
            // What jobs did there goes too: a later pool of this id has a node of this id again, unprepared.
            // So do its removals: its directory is gone as a whole.
            for sql in [SQL.deleteNodeJobsOfNode, .deleteRemovalsOfNode, .deleteNode] {
                try run(sql, "deleteNode") {
                    $0.bind(1, pool.text)
                    $0.bind(2, node.text)
                }
            }
        case .putJob(let job): try run(.putJob, "putJob") { $0.bind(job) }
        case .putPlan(let job, let plan): try putPlan(plan, of: job)
        case .addTemplate(let job, let position, let template):
            try addTemplate(template, at: position, to: job)
        case .deleteJob(let number): try deleteJob(number)
        case .addTask(let task): try run(.addTask, "addTask") { $0.bind(task) }
        case .putTask(let task): try putTask(task)
        case .deleteTask(let key):
            for sql in [SQL.deleteOutput, .deletePastAttempts, .deleteProgress, .deleteTask] {
                try run(sql, "deleteTask") { $0.bind(1, key.rawValue) }
            }
        case .reactivateTask(let key):
            try run(.reactivateTask, "reactivateTask") { $0.bind(1, key.rawValue) }
        case .putNodeJob(let record): try run(.putNodeJob, "putNodeJob") { $0.bind(record) }
        case .deleteNodeJobs(let job):
            try run(.deleteNodeJobs, "deleteNodeJobs") { $0.bind(1, Int64(job)) }
        case .passPreparations(let job):
            try run(.passPreparations, "passPreparations") { $0.bind(1, Int64(job)) }
        case .putRemoval(let record): try putRemoval(record)
        case .deleteRemoval(let pool, let node, let id): try deleteRemoval(id, pool, node)
        case .putClock(let anchor): try putClock(anchor)
        case .putLastSweep(let time): try putLastSweep(time)
        case .openSubmission(let job):
            try run(.openSubmission, "openSubmission") { $0.bind(1, Int64(job)) }
        case .closeSubmission(let job):
            try run(.closeSubmission, "closeSubmission") { $0.bind(1, Int64(job)) }
        case .discardSubmission(let job):
            for sql in [SQL.closeSubmission, .addDeletedJob] {
                try run(sql, "discardSubmission") { $0.bind(1, Int64(job)) }
            }
            hasRowsToPurge = true
        case .keepAnswer(let submission, let answer): try keepAnswer(submission, answer)
        case .putSchedule(let schedule): try putSchedule(schedule)
        case .addScheduleVersion(let version, let bundle): try addScheduleVersion(version, bundle)
        case .deleteSchedule(let number): try deleteSchedule(number)
        case .putRun(let run): try putRun(run)
        case .putRunJob(let job): try putRunJob(job)
        case .deleteRun(let key): try deleteRun(key)
        case .correctRun(let key, let state, let reason, let time):
            try run(.correctRun, "correctRun") {
                $0.bind(1, Int64(key.schedule))
                $0.bind(2, Int64(key.number))
                $0.bind(3, state.rawValue)
                $0.bind(4, reason)
                $0.bind(5, time.milliseconds)
            }
        case .addTriggerEvent(let record): try addTriggerEvent(record)
        case .markTriggerEvent(let number, let gone): try markTriggerEvent(number, gone)
        case .deleteTriggerEvent(let number): try deleteTriggerEvent(number)
        case .putTriggerBaseline(let schedule, let since): try putTriggerBaseline(schedule, since)
        case .changeDocument(let change): try changeDocument(change)
        }
    }

    private func keepAnswer(_ submission: String, _ answer: String) throws(StoreError) {
        try run(.keepAnswer, "keepAnswer") {
            $0.bind(1, submission)
            $0.bind(2, answer)
        }
        try run(.forgetOldAnswers, "keepAnswer") { $0.bind(1, Int64(Self.keptAnswers)) }
    }

    private func deletePool(_ pool: PoolID, _ removal: String, _ time: Instant) throws(StoreError) {
        for sql in [
            SQL.deleteNodeJobsOfPool, .deleteRemovalsOfPool, .deleteNodes, .deleteUnwantedPoolSpec, .deletePool,
            .deleteUnneededPoolSpec,
        ] {
            try run(sql, "deletePool") { $0.bind(1, pool.text) }
        }
        try run(.addPoolRemoval, "deletePool") {
            $0.bind(1, pool.text)
            $0.bind(2, removal)
            $0.bind(3, time.milliseconds)
        }
        try run(.forgetPoolRemovals, "deletePool") { $0.bind(1, Int64(Self.keptPoolRemovals)) }
    }

    /// As many as the API looks through, some hundred bytes each.
    package static let keptPoolRemovals = 1000

    private func deleteJob(_ number: UInt32) throws(StoreError) {
        for sql in [SQL.deletePoolSpecOfJob, .deleteNodeJobs, .deletePlan, .deleteJob, .addDeletedJob] {
            try run(sql, "deleteJob") { $0.bind(1, Int64(number)) }
        }
        hasRowsToPurge = true
    }

    private func putTask(_ task: TaskProgress) throws(StoreError) {
        // The first attempt has none before it: nothing to look for in the case that counts.
        if task.attempt > 1 {
            try run(.keepPastAttempt, "putTask") {
                $0.bind(1, task.key.rawValue)
                $0.bind(2, Int64(task.attempt))
            }
        }
        try run(.putTask, "putTask") { $0.bind(task) }
        if let output = task.result?.output { try putOutput(output, of: task) }
    }
}

extension SQL {
    fileprivate static let putPool = SQL(
        "INSERT OR REPLACE INTO pools (\(poolColumns)) VALUES (\(marks(10)))")
    fileprivate static let deletePool = SQL("DELETE FROM pools WHERE id = ?")
    fileprivate static let addPoolRemoval = SQL(
        "INSERT INTO pool_removals (pool, removal, time) VALUES (?,?,?)")
    fileprivate static let forgetPoolRemovals = SQL(
        "DELETE FROM pool_removals WHERE number <= (SELECT max(number) FROM pool_removals) - ?")

    /// The agent's token stays as it is.
    fileprivate static let putNode = SQL(
        """
        INSERT INTO nodes (\(nodeColumns)) VALUES (\(marks(8 + resultColumnCount)))
        ON CONFLICT (pool, id) DO UPDATE SET (\(nodeColumns)) = (\(excluded(nodeColumns)))
        """)
    fileprivate static let putAgentToken = SQL(
        "UPDATE nodes SET agent_token = ?3 WHERE pool = ?1 AND id = ?2")

    private static func excluded(_ columns: String) -> String {
        columns.split(separator: ",").map { "excluded.\($0.filter { !$0.isWhitespace })" }.joined(
            separator: ", ")
    }
    fileprivate static let deleteNode = SQL("DELETE FROM nodes WHERE pool = ? AND id = ?")
    fileprivate static let deleteNodes = SQL("DELETE FROM nodes WHERE pool = ?")

    // Not OR REPLACE, which would silently delete another job of the same id.
    fileprivate static let putJob = SQL(
        """
        INSERT INTO jobs (\(jobColumns)) VALUES (\(marks(15))) ON CONFLICT (number) DO UPDATE SET
        id = excluded.id, pool = excluded.pool, state = excluded.state, priority = excluded.priority,
        task_count = excluded.task_count, auto_complete = excluded.auto_complete,
        creation_time = excluded.creation_time, state_transition_time = excluded.state_transition_time,
        end_time = excluded.end_time, terminate_reason = excluded.terminate_reason,
        creation_steady = excluded.creation_steady, end_steady = excluded.end_steady,
        reopened = excluded.reopened, had_succeeded = excluded.had_succeeded
        """)
    fileprivate static let deleteJob = SQL("DELETE FROM jobs WHERE number = ?")
    fileprivate static let addDeletedJob = SQL("INSERT OR IGNORE INTO deleted_jobs VALUES (?)")

    fileprivate static let openSubmission = SQL("INSERT OR IGNORE INTO open_submissions VALUES (?)")
    fileprivate static let closeSubmission = SQL("DELETE FROM open_submissions WHERE job = ?")
    fileprivate static let keepAnswer = SQL(
        "INSERT OR IGNORE INTO submission_answers (submission, answer) VALUES (?, ?)")
    fileprivate static let forgetOldAnswers = SQL(
        "DELETE FROM submission_answers WHERE number <= (SELECT max(number) FROM submission_answers) - ?")

    fileprivate static let addTask = SQL("INSERT INTO tasks (\(taskColumns)) VALUES (\(marks(6)))")
    fileprivate static let deleteTask = SQL("DELETE FROM tasks WHERE key = ?")

    // Without indexes or triggers, OR REPLACE overwrites the row in place: one search of the tree.
    fileprivate static let putTask = SQL(
        "INSERT OR REPLACE INTO progress (\(progressColumns)) VALUES (\(marks(11 + resultColumnCount)))")
    // The attempt's columns stay: it is the latest until the next one is put, and a past one then.
    fileprivate static let reactivateTask = SQL(
        """
        UPDATE progress SET state = 'active', retry_count = 0, requeue_count = 0, blame = 0, is_ending = 0
        WHERE key = ?
        """)
    fileprivate static let correctRun = SQL(
        """
        UPDATE runs SET state = ?3, reason = ?4, end_time = ?5
        WHERE schedule = ?1 AND number = ?2 AND state IN ('succeeded', 'failed')
        """)
    fileprivate static let keepPastAttempt = SQL(
        """
        INSERT OR REPLACE INTO past_attempts (\(progressColumns)) SELECT \(progressColumns) FROM progress
        WHERE key = ?1 AND attempt > 0 AND attempt <> ?2
        """)
    fileprivate static let deleteProgress = SQL("DELETE FROM progress WHERE key = ?")
    fileprivate static let deletePastAttempts = SQL("DELETE FROM past_attempts WHERE key = ?")

    fileprivate static let putNodeJob = SQL(
        "INSERT OR REPLACE INTO node_jobs (\(nodeJobColumns)) VALUES (\(marks(7 + resultColumnCount)))")
    fileprivate static let passPreparations = SQL(
        "UPDATE node_jobs SET is_past = 1 WHERE job = ? AND NOT is_release")
    fileprivate static let deleteNodeJobs = SQL("DELETE FROM node_jobs WHERE job = ?")
    fileprivate static let deleteNodeJobsOfNode = SQL("DELETE FROM node_jobs WHERE pool = ? AND node = ?")
    fileprivate static let deleteNodeJobsOfPool = SQL("DELETE FROM node_jobs WHERE pool = ?")
}
