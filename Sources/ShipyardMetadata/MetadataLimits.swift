/// What a store of documents takes.
package enum MetadataLimits {
    /// Of one document as it is kept, without spaces, and of a request that brings one. Larger things are files, and a
    /// document names them.
    package static let documentBytes = 1 << 20
    /// A home has as many at most. Names are chosen by people; what tasks count up are documents.
    package static let collections = 1000
    /// The newest changes of a document, which are its history.
    package static let keptChanges = 100
    /// A change keeps a document of this size at most, so that a history is not a hundred times a megabyte.
    package static let keptBytes = 64 << 10
    /// Of so many deleted documents, the newest, the history is kept.
    package static let keptDeletions = 1000

    /// The most documents in one page, and how many bytes they may have together before a page ends.
    package static let pageDocuments = 1000
    package static let pageBytes = 8 << 20
    package static let historyPage = 100

    /// Of all conditions of a query, and of an order.
    package static let queryBytes = 4096
    package static let conditions = 16
    package static let pathSteps = 32
    /// Texts are put in order by so many characters; those that begin the same follow by id. A page ends with the text of
    /// its last document, and that is sent back and forth.
    package static let orderCharacters = 200
}
