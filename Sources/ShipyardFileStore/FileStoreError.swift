import ShipyardModel

/// Why a store did not do what was asked.
package struct FileStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Azure Storage's words, where it has one.
    package enum Code: String, Sendable {
        case containerNotFound = "ContainerNotFound"
        case blobNotFound = "BlobNotFound"
        case blobAlreadyExists = "BlobAlreadyExists"
        /// The key or signature is wrong, or has expired. Never sent again.
        case authenticationFailed = "AuthenticationFailed"
        /// It is known who asks, and that they may not.
        case authorizationFailure = "AuthorizationFailure"
        case conditionNotMet = "ConditionNotMet"
        case invalidResourceName = "InvalidResourceName"
        case invalidInput = "InvalidInput"
        /// Another content has arrived than was sent.
        case md5Mismatch = "Md5Mismatch"
        case insufficientSpace = "InsufficientAccountSpace"
        case serverBusy = "ServerBusy"
        case operationTimedOut = "OperationTimedOut"
        case internalError = "InternalError"
        /// In the archive tier: it must be rehydrated before it is read.
        case blobArchived = "BlobArchived"
        case operationCancelled = "OperationCancelled"
        /// Nobody answers, or the answer ended early.
        case unreachable = "Unreachable"
        /// Ours and the service's clock differ by more than it allows.
        case requestTimeTooSkewed = "RequestTimeTooSkewed"
        /// The other end of the transfer: a file of this machine that cannot be read or written.
        case localFile = "LocalFile"
        case libraryMissing = "LibraryMissing"
        /// The store cannot do this at all.
        case unsupported = "FeatureNotSupported"
    }

    package var code: Code
    /// A fact in lower case without a full stop; names the account and the file, and never a key.
    package var message: String
    /// What to do about it.
    package var help: String?

    package init(_ code: Code, _ message: String, help: String? = nil) {
        self.code = code
        self.message = message
        self.help = help
    }

    static func sourceHasChanged(_ name: String) -> FileStoreError {
        FileStoreError(
            .localFile, "what goes to \(name) was written to while it was sent, so it may be of two contents",
            help: "send it when it is complete")
    }

    /// What a service said, fit for messages that are kept and shown: signatures in URLs are masked, and there is an end to it.
    static func masked(_ told: String) -> String {
        var text = String(told.prefix(500))
        for mark in ["sig=", "sig%3D", "sig%3d", "Signature=", "signature=", "token=", "Token="] {
            var rest = text.startIndex
            while let found = text[rest...].firstRange(of: mark) {
                let end = text[found.upperBound...].firstIndex { "& \t\"'<>,;".contains($0) } ?? text.endIndex
                text.replaceSubrange(found.upperBound..<end, with: Secret.mask)
                rest = text.index(found.upperBound, offsetBy: Secret.mask.count)
            }
        }
        return text
    }

    package var description: String { help.map { "\(message); \($0)" } ?? message }

    /// Whether the same may succeed later, with nothing changed by anybody.
    package var isPassing: Bool {
        switch code {
        case .serverBusy, .operationTimedOut, .internalError, .unreachable, .md5Mismatch: true
        case .containerNotFound, .blobNotFound, .blobAlreadyExists, .authenticationFailed,
            .authorizationFailure, .conditionNotMet, .invalidResourceName, .invalidInput, .insufficientSpace,
            .blobArchived, .operationCancelled, .requestTimeTooSkewed, .localFile, .libraryMissing,
            .unsupported:
            false
        }
    }
}
