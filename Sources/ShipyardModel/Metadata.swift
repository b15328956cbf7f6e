// Documents that tasks and users share (docs/adr/0044). What is in one is text here: `ShipyardMetadata` looks into it.

/// Names one document: its collection, and its id there.
package struct MetadataKey: Hashable, Sendable, CustomStringConvertible {
    package let collection: String
    package let id: String

    /// Nil unless both are names that may be: `isCollection`, `isDocument`.
    package init?(collection: String, id: String) {
        guard Self.isCollection(collection), Self.isDocument(id) else { return nil }
        self.collection = collection
        self.id = id
    }

    /// As other ids: 1 to 64 ASCII letters, digits, hyphens and underscores.
    package static func isCollection(_ text: String) -> Bool { isID(text) }

    /// 1 to 128 bytes, among them what stands in names of files and in times; never what a path of a URL is shortened by.
    package static func isDocument(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { isIDByte($0) || ".:@+~".utf8.contains($0) }
    }

    package var description: String { "\(collection)/\(id)" }
}

/// Who has written. Texts and not numbers: a history is read when job and schedule are long gone.
package enum MetadataWriter: Hashable, Sendable {
    case user
    case work(Work)

    package struct Work: Hashable, Sendable {
        package var job: String
        package var jobNumber: UInt32
        /// Nil for job preparation and release.
        package var task: String?
        package var kind: WorkKind
        package var attempt: Int32
        /// Of a job that a schedule has started.
        package var schedule: String?
        package var run: UInt32?

        package init(job: String, jobNumber: UInt32, task: String?, kind: WorkKind, attempt: Int32) {
            self.job = job
            self.jobNumber = jobNumber
            self.task = task
            self.kind = kind
            self.attempt = attempt
        }
    }
}

/// A document as it is now.
package struct MetadataDocument: Hashable, Sendable {
    package var key: MetadataKey
    /// The number of the change that made it so. Numbers are given once in a home, so this is its ETag: also a document
    /// that was deleted and made anew never has an old one again.
    package var version: Int64
    /// JSON on one line.
    package var text: String
    package var updated: Instant
    package var writer: MetadataWriter

    package init(
        key: MetadataKey, version: Int64, text: String, updated: Instant, writer: MetadataWriter
    ) {
        self.key = key
        self.version = version
        self.text = text
        self.updated = updated
        self.writer = writer
    }
}

/// One change of a document, as its history has it.
package struct MetadataChange: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case put, patch, delete
    }

    package var number: Int64
    package var key: MetadataKey
    package var kind: Kind
    /// What it became. Nil of a deletion, and in a history also of a document that was too large to be kept there.
    package var text: String?
    /// Of the document, whether it is kept or not.
    package var bytes: Int
    package var time: Instant
    package var writer: MetadataWriter

    package init(
        number: Int64, key: MetadataKey, kind: Kind, text: String?, bytes: Int? = nil, time: Instant,
        writer: MetadataWriter
    ) {
        self.number = number
        self.key = key
        self.kind = kind
        self.text = text
        self.bytes = bytes ?? text?.utf8.count ?? 0
        self.time = time
        self.writer = writer
    }
}

/// What is known of a collection without looking at its documents.
package struct MetadataCollection: Hashable, Sendable {
    package var name: String
    package var documents: Int
    package var updated: Instant

    package init(name: String, documents: Int, updated: Instant) {
        self.name = name
        self.documents = documents
        self.updated = updated
    }
}
