import ShipyardModel

/// Who has written, as answers have it. Without a job it was the user.
package struct MetadataWriterResponse: Codable, Sendable {
    package var jobId: String?
    /// Tells jobs apart that had one id after the other.
    package var jobNumber: Int?
    package var taskId: String?
    /// `task`, `jobPreparation` or `jobRelease`.
    package var kind: String?
    package var attempt: Int?
    package var scheduleId: String?
    package var run: Int?

    package init(_ writer: MetadataWriter) {
        guard case .work(let work) = writer else { return }
        jobId = work.job
        jobNumber = Int(work.jobNumber)
        taskId = work.task
        kind = "\(work.kind)"
        attempt = Int(work.attempt)
        scheduleId = work.schedule
        run = work.run.map(Int.init)
    }
}

/// A document without what is in it.
package struct MetadataEntryResponse: Codable, Sendable {
    package var collection: String
    package var id: String
    /// Without the quotes that it has in headers.
    package var eTag: String
    package var lastModified: String
    package var writer: MetadataWriterResponse

    init(_ document: MetadataDocument) {
        collection = document.key.collection
        id = document.key.id
        eTag = String(document.version)
        lastModified = document.updated.iso8601
        writer = MetadataWriterResponse(document.writer)
    }
}

/// A change of a document's history, without what it became.
package struct MetadataChangeResponse: Codable, Sendable {
    /// The ETag that the document had from then on.
    package var eTag: String
    /// `put`, `patch` or `delete`.
    package var change: String
    package var time: String
    /// Of the document.
    package var bytes: Int
    package var writer: MetadataWriterResponse

    init(_ change: MetadataChange) {
        eTag = String(change.number)
        self.change = change.kind.rawValue
        time = change.time.iso8601
        bytes = change.bytes
        writer = MetadataWriterResponse(change.writer)
    }
}

package struct MetadataCollectionResponse: Codable, Sendable {
    package var name: String
    package var documents: Int
    package var lastModified: String

    init(_ collection: MetadataCollection) {
        name = collection.name
        documents = collection.documents
        lastModified = collection.updated.iso8601
    }
}
