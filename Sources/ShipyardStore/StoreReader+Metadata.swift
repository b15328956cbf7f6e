import ShipyardMetadata
import ShipyardModel

/// Some documents that a query has found.
package struct MetadataPage: Sendable {
    package var documents: [MetadataDocument] = []
    /// Ids of documents whose row is no JSON any more. They meet every condition: whoever looks for one shall hear of it.
    package var unreadable: [String] = []
    /// Where the next page begins; nil on the last one.
    package var next: MetadataCursor?
}

extension StoreReader {
    package func document(_ key: MetadataKey) throws(StoreError) -> MetadataDocument? {
        try firstRow(.metadataDocument, bind: { $0.bind(key) }) { $0.metadataDocument(key) }
    }

    /// Zero before the first.
    package func lastDocumentChange() throws(StoreError) -> Int64 {
        try firstRow(.lastDocumentChange, bind: { _ in }) { $0.integer(0) } ?? 0
    }

    package func hasDocuments(in collection: String) throws(StoreError) -> Bool {
        try firstRow(.anyDocument, bind: { $0.bind(1, collection) }) { _ in true } ?? false
    }

    package func metadataCollectionCount() throws(StoreError) -> Int {
        try firstRow(.metadataCollectionCount, bind: { _ in }) { $0.int(0) } ?? 0
    }

    package func metadataCollections() throws(StoreError) -> [MetadataCollection] {
        try rows(.metadataCollections) { row in
            MetadataCollection(name: row.text(0), documents: row.int(1), updated: row.instant(2))
        }
    }

    /// The run of a schedule that has started the job.
    package func run(ofJob job: UInt32) throws(StoreError) -> RunKey? {
        try firstRow(.runOfJob, bind: { $0.bind(1, Int64(job)) }) { row in
            RunKey(
                schedule: UInt32(truncatingIfNeeded: row.integer(0)),
                number: UInt32(truncatingIfNeeded: row.integer(1)))
        }
    }

    /// The newest first.
    ///
    /// - Parameter before: the last number of the page before; nil for the first page.
    package func documentChanges(
        of key: MetadataKey, before: Int64? = nil, limit: Int
    ) throws(StoreError) -> [MetadataChange] {
        try rows(
            .documentChanges,
            bind: { statement in
                statement.bind(key)
                statement.bind(3, before ?? .max)
                statement.bind(4, Int64(limit))
            }
        ) { row in
            MetadataChange(
                number: row.integer(0), key: key,
                kind: row.known(MetadataChange.Kind(rawValue: row.text(1)), 1, else: .put),
                text: row.optionalText(2), bytes: row.int(3), time: row.instant(4),
                writer: row.metadataWriter(5))
        }
    }

    /// Documents behind `cursor`, at most `limit`, and fewer where they are large.
    package func documents(
        _ query: MetadataQuery, after cursor: MetadataCursor? = nil, limit: Int
    ) throws(StoreError) -> MetadataPage {
        let selection = MetadataSelection(query, after: cursor)
        let statement = try Statement(SQL(selection.sql), on: database.connection)
        selection.bind(to: statement, limit: limit + 1)
        var page = MetadataPage()
        var last: MetadataCursor?
        var (count, bytes) = (0, 0)
        while try statement.step() {
            if count == limit || bytes >= MetadataLimits.pageBytes {
                page.next = last
                return page
            }
            count += 1
            last = statement.metadataCursor()
            guard let key = MetadataKey(collection: query.collection, id: statement.text(0)) else { continue }
            if statement.int(1) == 0 {
                page.unreadable.append(key.id)
            } else {
                let document = statement.metadataDocument(key, from: 4)
                bytes += document.text.utf8.count
                page.documents.append(document)
            }
        }
        return page
    }
}

extension Statement {
    fileprivate func metadataDocument(_ key: MetadataKey, from first: Int32 = 0) -> MetadataDocument {
        MetadataDocument(
            key: key, version: integer(first), text: text(first + 1), updated: instant(first + 2),
            writer: metadataWriter(first + 3))
    }

    fileprivate func metadataWriter(_ first: Int32) -> MetadataWriter {
        guard let job = optionalText(first) else { return .user }
        var work = MetadataWriter.Work(
            job: job, jobNumber: UInt32(truncatingIfNeeded: integer(first + 1)),
            task: optionalText(first + 2),
            kind: known(UInt8(exactly: integer(first + 3)).flatMap(WorkKind.init), first + 3, else: .task),
            attempt: int32(first + 4))
        work.schedule = optionalText(first + 5)
        work.run = optionalInteger(first + 6).map { UInt32(truncatingIfNeeded: $0) }
        return .work(work)
    }

    /// Columns as `MetadataSelection` has them.
    fileprivate func metadataCursor() -> MetadataCursor {
        let value: MetadataValue =
            isReal(3) ? .real(real(3)) : isText(3) ? .text(text(3)) : .integer(integer(3))
        return MetadataCursor(rank: integer(2), value: value, id: text(0))
    }
}

extension SQL {
    static let metadataColumns = "version, document, updated, \(metadataWriterColumns)"

    fileprivate static let metadataDocument = SQL(
        "SELECT \(metadataColumns) FROM documents WHERE collection = ? AND id = ?")
    fileprivate static let lastDocumentChange = SQL(
        "SELECT value FROM counters WHERE name = 'last_document_change'")
    fileprivate static let anyDocument = SQL("SELECT 1 FROM documents WHERE collection = ? LIMIT 1")
    // A step of the index for each collection, and not one for each document.
    fileprivate static let metadataCollectionCount = SQL(
        """
        WITH RECURSIVE names (name) AS (SELECT min(collection) FROM documents UNION ALL
        SELECT (SELECT min(collection) FROM documents WHERE collection > name) FROM names WHERE name IS NOT NULL)
        SELECT count(name) FROM names
        """)
    fileprivate static let metadataCollections = SQL(
        "SELECT collection, count(*), max(updated) FROM documents GROUP BY collection ORDER BY collection")
    fileprivate static let runOfJob = SQL("SELECT schedule, run FROM run_jobs WHERE job = ?")
    fileprivate static let documentChanges = SQL(
        """
        SELECT number, change, document, bytes, time, \(metadataWriterColumns) FROM document_changes
        WHERE collection = ? AND id = ? AND number < ? ORDER BY number DESC LIMIT ?
        """)
}
