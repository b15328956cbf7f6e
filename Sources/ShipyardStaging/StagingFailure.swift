import Glibc

/// Why files could not be put in place before a command. The codes are those of Azure Batch.
package struct StagingFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, Codable {
        case blobNotFound = "BlobNotFound"
        case blobAccessDenied = "BlobAccessDenied"
        case blobDownloadMiscError = "BlobDownloadMiscError"
        case blobDownloadTimedOut = "BlobDownloadTimedOut"
        case resourceDirectoryCreateFailed = "ResourceDirectoryCreateFailed"
        case resourceFileCreateFailed = "ResourceFileCreateFailed"
        case resourceFileWriteFailed = "ResourceFileWriteFailed"
        /// Ours: Azure Batch checks no content.
        case resourceFileChecksumMismatch = "ResourceFileChecksumMismatch"
        case diskFull = "DiskFull"
        case applicationPackageError = "ApplicationPackageError"
    }

    package var code: Code
    /// One sentence without keys or queries of URLs.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// `code` unless `number` says that the disk is full, which needs other help than the rest.
    init(_ code: Code, _ what: String, errno number: Int32) {
        self.code = number == ENOSPC || number == EDQUOT ? .diskFull : code
        message = "\(what): \(String(cString: strerror(number)))"
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
