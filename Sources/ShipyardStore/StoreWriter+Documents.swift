import CSQLite
import ShipyardModel

extension StoreWriter {
    func putPoolSpec(_ spec: DocumentRecord, of pool: PoolID) throws(StoreError) {
        try run(.putPoolSpec, "putPoolSpec") {
            $0.bind(1, pool.text)
            $0.bind(2, Int64(spec.version))
            $0.bind(3, spec.text)
        }
    }

    func putPlan(_ plan: DocumentRecord, of job: UInt32) throws(StoreError) {
        try run(.putPlan, "putPlan") {
            $0.bind(1, Int64(job))
            $0.bind(2, Int64(plan.version))
            $0.bind(3, plan.text)
        }
    }

    /// The hash only finds candidates; the text decides, so nothing depends on how good the hash is.
    func addTemplate(_ template: DocumentRecord, at position: Int, to job: UInt32) throws(StoreError) {
        try run(.addTemplateText, "addTemplate") {
            $0.bind(1, Int64(template.version))
            $0.bind(2, template.text)
        }
        try run(.addTemplate, "addTemplate") {
            $0.bind(1, Int64(template.version))
            $0.bind(2, template.text)
            $0.bind(3, Int64(job))
            $0.bind(4, Int64(position))
        }
    }

    /// Up to `limit` templates of a job that is gone, and the texts that no job names any more. Answers how many:
    /// none for a job that is there, of which only tasks may be purged.
    func purgeTemplates(of job: Int64, limit: Int) throws(StoreError) -> Int {
        let leaving = try rows(
            .leavingTemplates,
            bind: {
                $0.bind(1, job)
                $0.bind(2, Int64(limit))
            }
        ) { row in (position: row.integer(0), number: row.integer(1)) }
        guard let last = leaving.last else { return 0 }
        try run(.deleteTemplates, "purgeTemplates") {
            $0.bind(1, job)
            $0.bind(2, last.position)
        }
        for number in Set(leaving.map(\.number)) {
            try run(.deleteUnnamedTemplate, "purgeTemplates") { $0.bind(1, number) }
        }
        return leaving.count
    }
}

extension Database {
    /// `content_hash(text)` in statements of this connection: FNV-1a, in 64 bits. It is stored, and stays as it is.
    func addContentHash() throws(StoreError) {
        let flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY
        let code = sqlite3_create_function_v2(
            connection, "content_hash", 1, flags, nil,
            { context, _, arguments in
                let text = arguments?.pointee
                // The text first: asking for the length first could convert it and move it.
                let start = sqlite3_value_text(text)
                var hash: UInt64 = 0xcbf2_9ce4_8422_2325
                for byte in UnsafeBufferPointer(start: start, count: Int(sqlite3_value_bytes(text))) {
                    hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
                }
                sqlite3_result_int64(context, Int64(bitPattern: hash))
            }, nil, nil, nil)
        guard code == SQLITE_OK else { throw StoreError(connection, code: code, operation: "content_hash") }
    }
}

extension SQL {
    fileprivate static let putPoolSpec = SQL(
        "INSERT OR REPLACE INTO pool_specs (pool, version, document) VALUES (?,?,?)")
    /// What a pool was made of that jobs have made for themselves stays until the last of them is deleted: it can be
    /// made anew for tasks that are to run again.
    static let deleteUnneededPoolSpec = SQL("DELETE FROM pool_specs WHERE pool = ?1 AND NOT \(isPoolOfJob())")
    static let deleteUnwantedPoolSpec = SQL(
        "DELETE FROM pool_specs WHERE pool = ?1 AND EXISTS (SELECT 1 FROM pools WHERE id = ?1 AND is_unwanted)")
    static let deletePoolSpecOfJob = SQL(
        """
        DELETE FROM pool_specs WHERE pool = (SELECT pool FROM jobs WHERE number = ?1)
            AND NOT EXISTS (SELECT 1 FROM pools WHERE id = pool_specs.pool) AND NOT \(isPoolOfJob(without: "?1"))
        """)
    fileprivate static let putPlan = SQL(
        "INSERT OR REPLACE INTO plans (job, version, document) VALUES (?,?,?)")
    static let deletePlan = SQL("DELETE FROM plans WHERE job = ?")

    private static let isSameTemplate = "hash = content_hash(?2) AND version = ?1 AND document = ?2"
    fileprivate static let addTemplateText = SQL(
        """
        INSERT INTO templates (hash, version, document) SELECT content_hash(?2), ?1, ?2
        WHERE NOT EXISTS (SELECT 1 FROM templates WHERE \(isSameTemplate))
        """)
    fileprivate static let addTemplate = SQL(
        """
        INSERT INTO job_templates (job, position, template) VALUES
        (?3, ?4, (SELECT number FROM templates WHERE \(isSameTemplate)))
        """)
    fileprivate static let leavingTemplates = SQL(
        """
        SELECT position, template FROM job_templates
        WHERE job = ?1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE number = ?1) ORDER BY position LIMIT ?2
        """)
    fileprivate static let deleteTemplates = SQL(
        "DELETE FROM job_templates WHERE job = ? AND position <= ?")
    fileprivate static let deleteUnnamedTemplate = SQL(
        """
        DELETE FROM templates WHERE number = ?1
            AND NOT EXISTS (SELECT 1 FROM job_templates WHERE template = ?1)
        """)
}
