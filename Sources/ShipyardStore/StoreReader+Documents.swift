import ShipyardModel

// Documents as they are stored. What they mean is up to whoever asks: the store never looks into one.

extension StoreReader {
    /// Without its templates. Nil where the job is gone, or its row is.
    package func plan(of job: UInt32) throws(StoreError) -> DocumentRecord? {
        try firstRow(.plan, bind: { $0.bind(1, Int64(job)) }) { $0.document(0) }
    }

    /// What dispatch reads once for each template.
    package func template(_ position: Int, of job: UInt32) throws(StoreError) -> DocumentRecord? {
        try firstRow(
            .template,
            bind: {
                $0.bind(1, Int64(job))
                $0.bind(2, Int64(position))
            }
        ) { $0.document(0) }
    }

    /// From the one at `first` on, in order. A document that is nil was lost.
    package func templates(
        of job: UInt32, from first: Int
    ) throws(StoreError) -> [(position: Int, document: DocumentRecord?)] {
        try rows(
            .templates,
            bind: {
                $0.bind(1, Int64(job))
                $0.bind(2, Int64(first))
            }
        ) { row in (row.int(2), row.isNull(0) ? nil : row.document(0)) }
    }

    /// As `templates`, by the number of the row that jobs share: a text that is known need not be read again.
    package func templateNumbers(
        of job: UInt32
    ) throws(StoreError) -> [(position: Int, number: Int64)] {
        try rows(.templateNumbers, bind: { $0.bind(1, Int64(job)) }) { row in (row.int(0), row.integer(1)) }
    }

    package func template(number: Int64) throws(StoreError) -> DocumentRecord? {
        try firstRow(.templateByNumber, bind: { $0.bind(1, number) }) { $0.document(0) }
    }

    package func poolSpec(of pool: PoolID) throws(StoreError) -> DocumentRecord? {
        try firstRow(.poolSpec, bind: { $0.bind(1, pool.text) }) { $0.document(0) }
    }

    package func poolSpecs() throws(StoreError) -> [PoolID: DocumentRecord] {
        let rows = try rows(.poolSpecs) { row in PoolID(row.text(2)).map { ($0, row.document(0)) } }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }

    /// Pools that jobs have made for themselves, there or gone, whose specifications are kept for these jobs.
    package func poolsOfJobs() throws(StoreError) -> [PoolID] {
        try rows(.poolsOfJobs) { PoolID($0.text(0)) }
    }
}

extension Statement {
    fileprivate func document(_ column: Int32) -> DocumentRecord {
        DocumentRecord(version: int(column), text: text(column + 1))
    }
}

extension SQL {
    fileprivate static let plan = SQL("SELECT version, document FROM plans WHERE job = ?")
    fileprivate static let template = SQL(
        """
        SELECT t.version, t.document FROM job_templates j JOIN templates t ON t.number = j.template
        WHERE j.job = ? AND j.position = ?
        """)
    fileprivate static let templates = SQL(
        """
        SELECT t.version, t.document, j.position FROM job_templates j LEFT JOIN templates t ON t.number = j.template
        WHERE j.job = ? AND j.position >= ? ORDER BY j.position
        """)
    fileprivate static let templateNumbers = SQL(
        "SELECT position, template FROM job_templates WHERE job = ? ORDER BY position")
    fileprivate static let templateByNumber = SQL("SELECT version, document FROM templates WHERE number = ?")
    fileprivate static let poolSpec = SQL("SELECT version, document FROM pool_specs WHERE pool = ?")
    fileprivate static let poolsOfJobs = SQL(
        "SELECT pool FROM pool_specs WHERE \(isPoolOfJob())")
    /// Whether the row of `pool_specs` is of a pool that a job, other than `job`, has made for itself.
    static func isPoolOfJob(without job: String = "-1") -> String {
        """
        EXISTS (
            SELECT 1 FROM jobs j JOIN plans p ON p.job = j.number
            WHERE j.pool = pool_specs.pool AND j.number <> \(job) AND json_valid(p.document)
                AND json_extract(p.document, '$.autoPool') IS NOT NULL)
        """
    }
    fileprivate static let poolSpecs = SQL("SELECT version, document, pool FROM pool_specs")
}
