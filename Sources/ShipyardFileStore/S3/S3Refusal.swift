import Glibc
import ShipyardHTTPClient
import ShipyardModel

/// What a service of S3 says where it does not do what was asked.
package struct S3Refusal: Sendable {
    package var status: Int
    /// The service's word, as `NoSuchKey`; empty where it says none.
    package var code = ""
    private var message = ""
    /// Of the bucket, where the request went to another region's service.
    private var region: String?
    /// The answer's `Date`.
    private var date: Int64?

    /// Nil for a success.
    package init?(_ response: HTTPResponse, _ body: XMLElement? = nil) {
        let root = body ?? (response.body.isEmpty ? nil : try? XMLElement.parse(response.body))
        let error = root?.name == "Error" ? root : nil
        guard !response.isSuccess || error != nil else { return nil }
        status = response.status
        code = error?.text("Code") ?? ""
        message = FileStoreError.masked(error?.text("Message") ?? "")
        region = response.header("x-amz-bucket-region") ?? error?.text("Region")
        date = response.header("Date").flatMap(httpDate)
    }

    /// - Parameters:
    ///   - place: account and file, for the message.
    ///   - seconds: our clock.
    package func error(_ place: String, _ account: StorageAccount, at seconds: Int64) -> FileStoreError {
        let meaning = self.meaning
        var fact = meaning.fact ?? "the service refuses"
        var help: String?
        switch meaning.code {
        case .authenticationFailed:
            help = "check access_key_id and secret_access_key of \(account.alias) in the credentials"
            if code == "ExpiredToken" || code == "TokenRefreshRequired" { help = "get a new session_token" }
        case .requestTimeTooSkewed:
            if let date { fact += "; ours is \(Self.difference(seconds - date)) the service's" }
            help = "set this machine's clock"
        case .invalidInput:
            if let region, region != account.region ?? "us-east-1" {
                fact = "the container is in region \(Self.word(region)), not \(account.region ?? "us-east-1")"
                help = "write that region and its endpoint in the credentials"
            }
        default: break
        }
        // What refuses a key may well repeat it.
        let isAboutKeys = status == 401 || status == 403 || meaning.code == .authenticationFailed
        let words = code.isEmpty ? "status \(status)" : Self.word(code)
        let detail = meaning.fact == nil && !isAboutKeys && !message.isEmpty ? ": \(Self.line(message))" : ""
        return FileStoreError(meaning.code, "\(place): \(fact) (\(words)\(detail))", help: help)
    }

    /// The request has what this service does not know.
    var mayBeOfAHeader: Bool {
        status == 501 || status == 400 && ["", "InvalidArgument", "InvalidRequest"].contains(code)
    }

    private var meaning: (code: FileStoreError.Code, fact: String?) {
        Self.meanings[code] ?? Self.meaning(ofStatus: status)
    }

    /// "Error responses", Amazon S3 API Reference; those with an X are MinIO's.
    private static let meanings: [String: (code: FileStoreError.Code, fact: String?)] = [
        "NoSuchBucket": (.containerNotFound, "there is no such container"),
        "NoSuchKey": (.blobNotFound, "there is no such file"),
        "NoSuchVersion": (.blobNotFound, "there is no such file"),
        "NoSuchUpload": (.blobNotFound, "the unfinished file is not there any more"),
        "SignatureDoesNotMatch": (.authenticationFailed, "the secret access key is wrong"),
        "InvalidAccessKeyId": (.authenticationFailed, "the access key id is not known there"),
        "ExpiredToken": (.authenticationFailed, "the session token has expired"),
        "TokenRefreshRequired": (.authenticationFailed, "the session token has expired"),
        "InvalidToken": (.authenticationFailed, "the session token is not valid"),
        "InvalidSecurity": (.authenticationFailed, "the credentials are not valid"),
        "NotSignedUp": (.authenticationFailed, "the account is not signed up for the service"),
        "RequestTimeTooSkewed": (.requestTimeTooSkewed, "the clocks differ by more than the service allows"),
        "RequestExpired": (.requestTimeTooSkewed, "the clocks differ by more than the service allows"),
        "AccessDenied": (.authorizationFailure, "that is not allowed with these credentials"),
        "AllAccessDisabled": (.authorizationFailure, "the service lets nobody in there"),
        "AccountProblem": (.authorizationFailure, "there is a problem with the account"),
        "BucketAlreadyExists": (.authorizationFailure, "the container's name is somebody else's"),
        "InvalidObjectState": (.blobArchived, "the file is in the archive and must be restored first"),
        "PreconditionFailed": (.conditionNotMet, "the file is another one by now"),
        "BadDigest": (.md5Mismatch, "another content has arrived than was sent"),
        "XAmzContentSHA256Mismatch": (.md5Mismatch, "another content has arrived than was sent"),
        "IncompleteBody": (.md5Mismatch, "less has arrived than was sent"),
        "InvalidBucketName": (.invalidResourceName, "the service does not allow such a name of a container"),
        "KeyTooLongError": (.invalidResourceName, "the name is too long"),
        "InvalidURI": (.invalidResourceName, "the service does not allow such a name"),
        "XMinioInvalidObjectName": (.invalidResourceName, "the service does not allow such a name"),
        "EntityTooLarge": (.invalidInput, "the file is too large for the service"),
        "EntityTooSmall": (.invalidInput, "a part is smaller than the service allows"),
        "InvalidPart": (.invalidInput, "a part is not there, or another one"),
        "InvalidPartOrder": (.invalidInput, "the parts are not in their order"),
        "MetadataTooLarge": (.invalidInput, "there is more metadata than the service allows"),
        "PermanentRedirect": (.invalidInput, "the container is in another region"),
        "TemporaryRedirect": (.invalidInput, "the container is in another region"),
        "AuthorizationHeaderMalformed": (.invalidInput, "the region is wrong"),
        "IllegalLocationConstraintException": (.invalidInput, "the region is wrong"),
        "InvalidLocationConstraint": (.invalidInput, "the region is wrong"),
        "NotImplemented": (.unsupported, "the service cannot do this"),
        "MethodNotAllowed": (.unsupported, "the service cannot do this"),
        "QuotaExceeded": (.insufficientSpace, "the account is full"),
        "XMinioAdminBucketQuotaExceeded": (.insufficientSpace, "the container is full"),
        "XMinioStorageFull": (.insufficientSpace, "the service has no space left"),
        "SlowDown": (.serverBusy, "the service is busy"),
        "SlowDownRead": (.serverBusy, "the service is busy"),
        "SlowDownWrite": (.serverBusy, "the service is busy"),
        "ServiceUnavailable": (.serverBusy, "the service is busy"),
        "Busy": (.serverBusy, "the service is busy"),
        "TooManyRequests": (.serverBusy, "the service is busy"),
        "OperationAborted": (.serverBusy, "something else is done to the same name"),
        "ConditionalRequestConflict": (.serverBusy, "something else is done to the same name"),
        "RequestTimeout": (.operationTimedOut, "the service did not get the request in time"),
        "InternalError": (.internalError, "the service has failed"),
    ]

    private static func meaning(ofStatus status: Int) -> (code: FileStoreError.Code, fact: String?) {
        switch status {
        case 300..<400: (.invalidInput, "the service sends us elsewhere")
        case 401: (.authenticationFailed, "the service does not know who asks")
        case 403: (.authorizationFailure, "that is not allowed with these credentials")
        case 404: (.blobNotFound, "there is no such file")
        case 405, 501: (.unsupported, "the service cannot do this")
        case 408, 504: (.operationTimedOut, "the service did not answer in time")
        case 409: (.conditionNotMet, nil)
        case 412: (.conditionNotMet, "the file is another one by now")
        case 429, 503: (.serverBusy, "the service is busy")
        case 507: (.insufficientSpace, "the service has no space left")
        case 500..<600: (.internalError, "the service has failed")
        case 200..<300: (.internalError, "the service has failed in the middle")
        default: (.invalidInput, nil)
        }
    }

    /// `12 minutes behind`.
    private static func difference(_ seconds: Int64) -> String {
        let count = abs(seconds)
        let amount =
            count < 120
            ? "\(count) seconds"
            : count < 7200
                ? "\(count / 60) minutes"
                : count < 172_800
                    ? "\(count / 3600) hours" : "\(count / 86_400) days"
        return "\(amount) \(seconds < 0 ? "behind" : "ahead of")"
    }

    /// A word of a foreign answer.
    private static func word(_ text: String) -> String {
        String(
            text.unicodeScalars.filter { $0.isASCII && $0.value > 0x20 && $0.value < 0x7F }.prefix(64).map(
                Character.init))
    }

    /// A sentence of a foreign answer, on one line and not endless.
    private static func line(_ text: String) -> String {
        BytePath(String(text.prefix(200))).description
    }
}
