import ShipyardMetadata
import ShipyardModel

extension StoreWriter {
    func changeDocument(_ change: MetadataChange) throws(StoreError) {
        switch change.kind {
        case .put, .patch:
            try run(.putDocument, "changeDocument") { statement in
                statement.bind(change.key)
                statement.bind(3, change.number)
                statement.bind(4, change.text ?? "")
                statement.bind(5, change.time.milliseconds)
                statement.bind(change.writer, from: 6)
            }
            // Its history goes on.
            try run(.forgetDeletion, "changeDocument") { $0.bind(change.key) }
        case .delete:
            try run(.deleteDocument, "changeDocument") { $0.bind(change.key) }
        }
        try run(.addDocumentChange, "changeDocument") { statement in
            statement.bind(change.key)
            statement.bind(3, change.number)
            statement.bind(4, change.kind.rawValue)
            statement.bind(5, change.bytes <= MetadataLimits.keptBytes ? change.text : nil)
            statement.bind(6, Int64(change.bytes))
            statement.bind(7, change.time.milliseconds)
            statement.bind(change.writer, from: 8)
        }
        try run(.putLastDocumentChange, "changeDocument") { $0.bind(1, change.number) }
        try run(.forgetOldChanges, "changeDocument") { statement in
            statement.bind(change.key)
            statement.bind(3, Int64(MetadataLimits.keptChanges))
        }
        if change.kind == .delete { try keepDeletion(change) }
    }

    /// Histories of documents that are gone must not be more and more.
    private func keepDeletion(_ change: MetadataChange) throws(StoreError) {
        try run(.addDeletion, "changeDocument") { statement in
            statement.bind(change.key)
            statement.bind(3, change.number)
        }
        let kept = Int64(MetadataLimits.keptDeletions)
        for sql in [SQL.forgetChangesOfOldDeletions, .forgetOldDeletions] {
            try run(sql, "changeDocument") { $0.bind(1, kept) }
        }
    }
}

extension Statement {
    func bind(_ key: MetadataKey) {
        bind(1, key.collection)
        bind(2, key.id)
    }

    fileprivate func bind(_ writer: MetadataWriter, from first: Int32) {
        let work: MetadataWriter.Work? = if case .work(let work) = writer { work } else { nil }
        bind(first, work?.job)
        bind(first + 1, work.map { Int64($0.jobNumber) })
        bind(first + 2, work?.task)
        bind(first + 3, work.map { Int64($0.kind.rawValue) })
        bind(first + 4, work.map { Int64($0.attempt) })
        bind(first + 5, work?.schedule)
        bind(first + 6, work?.run.map(Int64.init))
    }
}

extension SQL {
    static let metadataWriterColumns = "job, job_number, task, kind, attempt, schedule, run"

    fileprivate static let putDocument = SQL(
        """
        INSERT INTO documents (collection, id, version, document, updated, \(metadataWriterColumns))
        VALUES (\(marks(12))) ON CONFLICT (collection, id) DO UPDATE SET version = excluded.version,
        document = excluded.document, updated = excluded.updated, job = excluded.job,
        job_number = excluded.job_number, task = excluded.task, kind = excluded.kind, attempt = excluded.attempt,
        schedule = excluded.schedule, run = excluded.run
        """)
    fileprivate static let deleteDocument = SQL("DELETE FROM documents WHERE collection = ? AND id = ?")
    fileprivate static let addDocumentChange = SQL(
        """
        INSERT INTO document_changes (collection, id, number, change, document, bytes, time, \(metadataWriterColumns))
        VALUES (\(marks(14)))
        """)
    fileprivate static let putLastDocumentChange = SQL(
        "UPDATE counters SET value = max(value, ?) WHERE name = 'last_document_change'")
    fileprivate static let forgetOldChanges = SQL(
        """
        DELETE FROM document_changes WHERE collection = ?1 AND id = ?2 AND number <= (SELECT number
        FROM document_changes WHERE collection = ?1 AND id = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3)
        """)
    fileprivate static let addDeletion = SQL(
        "INSERT OR REPLACE INTO document_deletions (collection, id, number) VALUES (?, ?, ?)")
    fileprivate static let forgetDeletion = SQL(
        "DELETE FROM document_deletions WHERE collection = ? AND id = ?")
    private static let oldDeletions =
        "number <= (SELECT number FROM document_deletions ORDER BY number DESC LIMIT 1 OFFSET ?1)"
    fileprivate static let forgetChangesOfOldDeletions = SQL(
        """
        DELETE FROM document_changes WHERE number IN (SELECT c.number FROM document_deletions d
        JOIN document_changes c ON c.collection = d.collection AND c.id = d.id WHERE d.\(oldDeletions))
        """)
    fileprivate static let forgetOldDeletions = SQL("DELETE FROM document_deletions WHERE \(oldDeletions)")
}
