/// The steps from an empty file to the schema of this version. A step that was ever released never changes.
enum Migrations {
    static let all = [version1, version2]
    static var newest: Int64 { Int64(all.count) }

    /// `shsw`, in the file's header: tells a state file of ours from any other SQLite database.
    static let applicationID: Int64 = 0x7368_7377

    /// Brings the file to `newest`, one transaction for each step.
    static func run(on database: borrowing Database, path: String) throws(StoreError) {
        let version = try checkedVersion(of: database, path: path)
        for (position, script) in all.enumerated().dropFirst(Int(version)) {
            try database.transaction(.beginImmediate) { () throws(StoreError) in
                try database.execute(script: script)
                try database.execute(
                    script: """
                        PRAGMA user_version = \(position + 1);
                        PRAGMA application_id = \(applicationID);
                        """)
            }
        }
    }

    /// The version of the file, 0 for an empty one. Refuses what this program must not touch.
    static func checkedVersion(of database: borrowing Database, path: String) throws(StoreError) -> Int64 {
        let version = try database.number("PRAGMA user_version")
        let application = try database.number("PRAGMA application_id")
        let tables = try database.number("SELECT count(*) FROM sqlite_schema")
        if application != applicationID, tables > 0 || version > 0 {
            throw StoreError(
                kind: .corrupt, operation: "open \(path)",
                message: "this SQLite database is not a state file of shipyard-swift")
        }
        if version > newest {
            throw StoreError(
                kind: .newerVersion, operation: "open \(path)",
                message: "the state file has version \(version), but this program knows versions up to "
                    + "\(newest); use the newer shipyard-swift that wrote it")
        }
        return version
    }

    /// Not released yet.
    ///
    /// The state's identity (`StateID`), and removals of files that a node still owes an answer for or that failed:
    /// `task` is NULL for a whole job, `failure` until one is told.
    private static let version2 = """
        CREATE TABLE identity (state TEXT NOT NULL);
        INSERT INTO identity VALUES (lower(hex(randomblob(16))));
        -- A row for each start of a service: `StoreWriter.beginLife`.
        CREATE TABLE lives (number INTEGER PRIMARY KEY, life TEXT NOT NULL);

        CREATE TABLE directory_removals (
            pool TEXT NOT NULL, node TEXT NOT NULL, id INTEGER NOT NULL, job TEXT NOT NULL, task TEXT,
            time INTEGER NOT NULL, failed_path TEXT, failure TEXT, PRIMARY KEY (pool, node, id)) WITHOUT ROWID;
        CREATE INDEX directory_removals_by_job ON directory_removals (job);

        -- Durations are measured on a line that no setting of the clock moves; NULL in rows older than it.
        CREATE TABLE clock (
            boot TEXT NOT NULL, life TEXT NOT NULL, boot_time INTEGER NOT NULL, wall INTEGER NOT NULL,
            steady INTEGER NOT NULL);
        -- NULL of agents that an older program has started.
        ALTER TABLE nodes ADD COLUMN agent_token TEXT;
        -- A user has removed it: it is not made again for tasks that are to run again.
        ALTER TABLE pools ADD COLUMN is_unwanted INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE jobs ADD COLUMN creation_steady INTEGER;
        ALTER TABLE jobs ADD COLUMN end_steady INTEGER;
        ALTER TABLE progress ADD COLUMN blame INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE progress ADD COLUMN ended INTEGER;
        ALTER TABLE past_attempts ADD COLUMN blame INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE past_attempts ADD COLUMN ended INTEGER;

        -- Jobs that tasks are being added to: rows past their `task_count` belong to nobody yet.
        CREATE TABLE open_submissions (job INTEGER PRIMARY KEY);
        -- Version 1 did not say where such rows are, so every job is looked at once.
        INSERT OR IGNORE INTO deleted_jobs SELECT number FROM jobs;
        INSERT OR IGNORE INTO deleted_jobs SELECT DISTINCT key >> 32 FROM tasks;

        CREATE TABLE submission_answers (
            number INTEGER PRIMARY KEY, submission TEXT NOT NULL UNIQUE, answer TEXT NOT NULL);

        -- Documents, each with the version of its form: rows of their own, as they change with nothing else.
        CREATE TABLE pool_specs (
            pool TEXT PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL) WITHOUT ROWID;
        INSERT INTO pool_specs SELECT id, 1, specification FROM pools;
        ALTER TABLE pools DROP COLUMN specification;
        CREATE TABLE plans (job INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL);
        -- One row for each content, found by a hash of it: an index of the texts would be as large as they are.
        CREATE TABLE templates (
            number INTEGER PRIMARY KEY, hash INTEGER NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL);
        CREATE INDEX templates_by_hash ON templates (hash);
        -- Positions of a job begin at 0 and have no gap.
        CREATE TABLE job_templates (
            job INTEGER NOT NULL, position INTEGER NOT NULL, template INTEGER NOT NULL,
            PRIMARY KEY (job, position)) WITHOUT ROWID;
        CREATE INDEX job_templates_by_template ON job_templates (template);

        INSERT INTO counters VALUES ('next_schedule', 1);
        CREATE TABLE schedules (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, is_recurrence INTEGER NOT NULL,
            state TEXT NOT NULL, version INTEGER NOT NULL, cursor INTEGER NOT NULL, last_run INTEGER NOT NULL,
            failed_starts INTEGER NOT NULL, creation_time INTEGER NOT NULL,
            state_transition_time INTEGER NOT NULL, backfill_parallel INTEGER NOT NULL, pool TEXT);
        CREATE TABLE schedule_versions (
            schedule INTEGER NOT NULL, version INTEGER NOT NULL, definition TEXT NOT NULL, bundle TEXT NOT NULL,
            time INTEGER NOT NULL, PRIMARY KEY (schedule, version)) WITHOUT ROWID;
        CREATE INDEX schedule_versions_by_bundle ON schedule_versions (bundle);
        -- What versions run, by its SHA-256.
        CREATE TABLE bundles (digest TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE runs (
            schedule INTEGER NOT NULL, number INTEGER NOT NULL, cause TEXT NOT NULL, cause_number INTEGER,
            due INTEGER NOT NULL, due_until INTEGER, state TEXT NOT NULL, begin_time INTEGER NOT NULL,
            attempt INTEGER NOT NULL, version INTEGER NOT NULL, record_time INTEGER NOT NULL,
            start_time INTEGER, end_time INTEGER, skip TEXT, reason TEXT, parameters TEXT, request TEXT,
            PRIMARY KEY (schedule, number)) WITHOUT ROWID;
        CREATE INDEX runs_by_due ON runs (schedule, due);
        CREATE INDEX runs_under_way ON runs (schedule, number)
            WHERE state IN ('scheduled', 'queued', 'starting', 'active');
        CREATE UNIQUE INDEX runs_by_request ON runs (schedule, request) WHERE request IS NOT NULL;
        CREATE TABLE run_jobs (
            job INTEGER PRIMARY KEY, schedule INTEGER NOT NULL, run INTEGER NOT NULL, attempt INTEGER NOT NULL,
            id TEXT NOT NULL);
        CREATE INDEX run_jobs_by_run ON run_jobs (schedule, run);

        -- Version 1 had all of it in the plan. One that is no JSON stays as it is: its job will say so.
        CREATE TEMP TABLE old_templates AS SELECT number AS job, t.key AS position,
            CASE t.type WHEN 'object' THEN t.value ELSE json_quote(t.value) END AS document
            FROM jobs, json_each(
                CASE WHEN json_valid(CAST(plan AS TEXT)) THEN CAST(plan AS TEXT) ELSE '{}' END, '$.templates') t
            WHERE typeof(t.key) = 'integer';
        INSERT INTO templates (hash, version, document)
            SELECT content_hash(document), 1, document FROM (SELECT DISTINCT document FROM old_templates);
        INSERT INTO job_templates SELECT job, position, (SELECT number FROM templates t
            WHERE t.hash = content_hash(o.document) AND t.document = o.document) FROM old_templates o;
        DROP TABLE old_templates;
        INSERT INTO plans SELECT number, 1, CASE WHEN json_valid(CAST(plan AS TEXT))
            THEN json_remove(CAST(plan AS TEXT), '$.templates', '$.taskCount') ELSE plan END FROM jobs;
        ALTER TABLE jobs DROP COLUMN plan;

        -- The ledger of files: a row for each event and schedule. Its numbers are given on from `counters`. `path` is
        -- as `BytePath.shown`, times of files are nanoseconds. `gone`: since when there is no such file any more.
        CREATE TABLE trigger_events (
            number INTEGER PRIMARY KEY, schedule INTEGER NOT NULL, account TEXT NOT NULL, container TEXT NOT NULL,
            path TEXT NOT NULL, inode INTEGER NOT NULL, birth INTEGER NOT NULL, size INTEGER NOT NULL,
            modified INTEGER NOT NULL, found INTEGER NOT NULL, state TEXT NOT NULL, run INTEGER, reason TEXT,
            gone INTEGER);
        CREATE INDEX trigger_events_by_file ON trigger_events (schedule, inode, modified);
        INSERT INTO counters VALUES ('last_trigger_event', 0);
        CREATE TABLE trigger_baselines (schedule INTEGER PRIMARY KEY, since INTEGER NOT NULL);

        -- What the latest successful attempt of a task has left for others: JSON as it was written.
        CREATE TABLE task_outputs (key INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, document TEXT NOT NULL);
        -- Documents of tasks and users. `version` is the number of the change that made it so; numbers are given on from
        -- `counters`. Of who wrote, all is NULL where a user did.
        CREATE TABLE documents (
            collection TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL,
            updated INTEGER NOT NULL, job TEXT, job_number INTEGER, task TEXT, kind INTEGER, attempt INTEGER,
            schedule TEXT, run INTEGER);
        CREATE UNIQUE INDEX documents_by_id ON documents (collection, id);
        CREATE TABLE document_changes (
            number INTEGER PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL, change TEXT NOT NULL,
            document TEXT, bytes INTEGER NOT NULL, time INTEGER NOT NULL, job TEXT, job_number INTEGER, task TEXT,
            kind INTEGER, attempt INTEGER, schedule TEXT, run INTEGER);
        CREATE INDEX document_changes_by_id ON document_changes (collection, id, number);
        -- What is gone and has a history.
        CREATE TABLE document_deletions (
            number INTEGER PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL, UNIQUE (collection, id));
        INSERT INTO counters VALUES ('last_document_change', 0);
        -- Jobs that had ended and went on: since when, and whether they had succeeded before.
        ALTER TABLE jobs ADD COLUMN reopened INTEGER;
        ALTER TABLE jobs ADD COLUMN had_succeeded INTEGER;
        ALTER TABLE node_jobs ADD COLUMN is_past INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX jobs_by_pool ON jobs (pool);
        """

    /// Times are milliseconds since 1970, states the words of Azure Batch. Columns from `exit` to
    /// `peak_memory` are one `AttemptResult`; `end_time` is NULL exactly where there is none. `exit`, `exit_code` and
    /// `failure_message` are the parts of its `Outcome`. Rows of the first version have an `exit` of 0 where there
    /// was none, and then the words that were to be shown in the `failure` columns.
    private static let version1 = """
        CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO counters VALUES ('next_job', 1);

        CREATE TABLE pools (
            id TEXT PRIMARY KEY, state TEXT NOT NULL, allocation_state TEXT NOT NULL,
            target_dedicated INTEGER NOT NULL, target_low_priority INTEGER NOT NULL,
            slots_per_node INTEGER NOT NULL, specification TEXT NOT NULL, creation_time INTEGER NOT NULL,
            auto_pool_job INTEGER, last_node_number INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE pool_removals (
            number INTEGER PRIMARY KEY, pool TEXT NOT NULL, removal TEXT NOT NULL, time INTEGER NOT NULL);

        CREATE TABLE nodes (
            pool TEXT NOT NULL, id TEXT NOT NULL, is_dedicated INTEGER NOT NULL, state TEXT NOT NULL,
            boot INTEGER NOT NULL, start_task_attempt INTEGER NOT NULL, allocation_time INTEGER NOT NULL,
            state_transition_time INTEGER NOT NULL,
            exit INTEGER, exit_code INTEGER, failure_category TEXT, failure_code TEXT, failure_message TEXT,
            start_time INTEGER, end_time INTEGER, wall INTEGER, user INTEGER, system INTEGER,
            peak_memory INTEGER, PRIMARY KEY (pool, id)) WITHOUT ROWID;

        CREATE TABLE jobs (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, pool TEXT NOT NULL, state TEXT NOT NULL,
            priority INTEGER NOT NULL, plan TEXT NOT NULL, task_count INTEGER NOT NULL,
            auto_complete INTEGER NOT NULL, creation_time INTEGER NOT NULL,
            state_transition_time INTEGER NOT NULL, end_time INTEGER, terminate_reason TEXT);
        -- Jobs whose tasks' rows past their `task_count` are still to be deleted, in small steps; of a job
        -- without a row that is all of them.
        CREATE TABLE deleted_jobs (number INTEGER PRIMARY KEY);

        -- The key is the job's number << 32 | the task's ordinal; so one job's rows lie together.
        CREATE TABLE tasks (
            key INTEGER PRIMARY KEY, id TEXT NOT NULL, template INTEGER NOT NULL, dependencies TEXT,
            command TEXT, extra TEXT);
        CREATE UNIQUE INDEX tasks_by_id ON tasks (key >> 32, id);

        -- No row: active, never attempted. No index: it is written twice for every task that runs.
        CREATE TABLE progress (
            key INTEGER PRIMARY KEY, state TEXT NOT NULL, attempt INTEGER NOT NULL,
            retry_count INTEGER NOT NULL, requeue_count INTEGER NOT NULL, node TEXT, boot INTEGER NOT NULL,
            assigned_time INTEGER, is_ending INTEGER NOT NULL,
            exit INTEGER, exit_code INTEGER, failure_category TEXT, failure_code TEXT, failure_message TEXT,
            start_time INTEGER, end_time INTEGER, wall INTEGER, user INTEGER, system INTEGER,
            peak_memory INTEGER);
        CREATE TABLE past_attempts (
            key INTEGER NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL,
            retry_count INTEGER NOT NULL, requeue_count INTEGER NOT NULL, node TEXT, boot INTEGER NOT NULL,
            assigned_time INTEGER, is_ending INTEGER NOT NULL,
            exit INTEGER, exit_code INTEGER, failure_category TEXT, failure_code TEXT, failure_message TEXT,
            start_time INTEGER, end_time INTEGER, wall INTEGER, user INTEGER, system INTEGER,
            peak_memory INTEGER, PRIMARY KEY (key, attempt)) WITHOUT ROWID;

        CREATE TABLE node_jobs (
            job INTEGER NOT NULL, pool TEXT NOT NULL, node TEXT NOT NULL, is_release INTEGER NOT NULL,
            boot INTEGER NOT NULL, attempt INTEGER NOT NULL,
            exit INTEGER, exit_code INTEGER, failure_category TEXT, failure_code TEXT, failure_message TEXT,
            start_time INTEGER, end_time INTEGER, wall INTEGER, user INTEGER, system INTEGER,
            peak_memory INTEGER, PRIMARY KEY (job, pool, node, is_release)) WITHOUT ROWID;
        """
}
