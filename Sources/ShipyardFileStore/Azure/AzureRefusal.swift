import ShipyardHTTPClient
import ShipyardModel

/// What an answer that is no success means.
struct AzureRefusal {
    /// Of the service: a date that differs by more is refused.
    static let largestSkew: Int64 = 15 * 60

    let account: StorageAccount
    let credential: AzureCredential

    /// - Parameters:
    ///   - subject: container and file.
    ///   - now: seconds since 1970 by our clock.
    func error(_ response: HTTPResponse, subject: String, now: Int64) -> FileStoreError {
        let root = response.body.isEmpty ? nil : try? XMLElement.parse(response.body)
        let code = response.header("x-ms-error-code") ?? root?.text("Code") ?? ""
        let place = subject.isEmpty || subject == "/" ? account.place : "\(account.place), \(subject)"
        switch code {
        case "AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation":
            // Its detail repeats the signature and is never shown.
            return unauthenticated(
                response, detail: root?.text("AuthenticationErrorDetail") ?? "", place: place, now: now)
        default: break
        }
        let known = Self.known(code) ?? Self.known(response.status, isFile: subject.contains("/"))
        // Lines after the first have the request's number and time.
        let told = root?.text("Message")?.split(whereSeparator: \.isNewline).first.map { FileStoreError.masked(String($0)) }
        let reason = known.words ?? told ?? "it answers with status \(response.status)"
        let suffix = code.isEmpty || known.words == nil ? "" : " (\(code))"
        return FileStoreError(known.code, "\(place): \(reason)\(suffix)", help: known.help)
    }

    private func unauthenticated(
        _ response: HTTPResponse, detail: String, place: String, now: Int64
    ) -> FileStoreError {
        let theirs = response.header("Date").flatMap(httpDate)
        switch credential {
        case .none:
            return FileStoreError(
                .authenticationFailed,
                "\(place): neither an account_key nor a SAS is known, and the service wants one")
        case .sharedKey:
            if let theirs, abs(theirs - now) > Self.largestSkew || detail.contains("Request date header") {
                return skew(theirs - now, place)
            }
            return FileStoreError(
                .authenticationFailed, "\(place): the service does not accept the account_key",
                help: "check that it is the key of this account and was not regenerated")
        case .sas:
            return unauthenticatedSAS(detail, place: place, theirs: theirs ?? now, now: now)
        }
    }

    private func unauthenticatedSAS(_ detail: String, place: String, theirs: Int64, now: Int64)
        -> FileStoreError
    {
        let (start, end) = (credential.sasPart("st"), credential.sasPart("se"))
        if let end, let time = sasTime(end), time <= theirs {
            return FileStoreError(
                .authenticationFailed, "\(place): the SAS has expired at \(end)",
                help: "make a new one and put it into the credentials")
        }
        if let start, let time = sasTime(start), time > theirs {
            // It was made by a clock as wrong as ours, perhaps by ours.
            if abs(theirs - now) > 60, time <= now { return skew(theirs - now, place) }
            return FileStoreError(.authenticationFailed, "\(place): the SAS is not valid before \(start)")
        }
        if detail.contains("Signed expiry time") || detail.contains("not valid in the specified time frame") {
            return FileStoreError(
                .authenticationFailed, "\(place): the SAS has expired",
                help: "make a new one and put it into the credentials")
        }
        return FileStoreError(
            .authenticationFailed, "\(place): the service does not accept the SAS",
            help:
                "check that it is whole, that it is for this container, and that its key is still one of the account's"
        )
    }

    private func skew(_ seconds: Int64, _ place: String) -> FileStoreError {
        FileStoreError(
            .requestTimeTooSkewed,
            "\(place): this machine's clock is \(abs(seconds)) seconds \(seconds > 0 ? "behind" : "ahead of") the service's",
            help: "set it right")
    }

    /// What is said in place of the service's own words, and what to do.
    private struct Known {
        var code: FileStoreError.Code
        var words: String?
        var help: String?

        init(_ code: FileStoreError.Code, _ words: String? = nil, help: String? = nil) {
            self.code = code
            self.words = words
            self.help = help
        }
    }

    private static func known(_ code: String) -> Known? {
        let permission = "make a SAS that may do it, or use an account_key"
        return switch code {
        case "ContainerNotFound": Known(.containerNotFound, "there is no such container")
        case "BlobNotFound", "CannotVerifyCopySource": Known(.blobNotFound, "there is no such file")
        case "BlobAlreadyExists": Known(.blobAlreadyExists, "there is a file of this name already")
        case "AuthorizationPermissionMismatch":
            Known(.authorizationFailure, "the SAS lacks the permission for this", help: permission)
        case "AuthorizationResourceTypeMismatch":
            Known(
                .authorizationFailure, "the SAS is not for resources of this type",
                help: "an account SAS needs the types service, container and object")
        case "AuthorizationServiceMismatch":
            Known(.authorizationFailure, "the SAS is not for the Blob service")
        case "AuthorizationProtocolMismatch": Known(.authorizationFailure, "the SAS is for https alone")
        case "AuthorizationSourceIPMismatch":
            Known(.authorizationFailure, "the SAS is not for this machine's address")
        case "UnauthorizedBlobOverwrite":
            Known(.authorizationFailure, "the SAS may not write over a file that is there", help: permission)
        case "AuthorizationFailure":
            Known(
                .authorizationFailure, "the service does not allow this",
                help: "check what the SAS is for, and the account's firewall")
        case "KeyBasedAuthenticationNotPermitted":
            Known(.authorizationFailure, "the account does not allow account keys")
        case "InsufficientAccountPermissions", "AccountIsDisabled", "PublicAccessNotPermitted",
            "LeaseIdMissing",
            "LeaseIdMismatchWithBlobOperation", "BlobImmutableDueToPolicy":
            Known(.authorizationFailure)
        case "ConditionNotMet", "TargetConditionNotMet", "SourceConditionNotMet":
            Known(.conditionNotMet, "the file is another one by now")
        case "InvalidBlockList":
            Known(
                .conditionNotMet,
                "parts that had arrived are gone: another write of this file was finished meanwhile")
        case "InvalidBlobOrBlock":
            Known(
                .conditionNotMet, "another program has begun to write this file and left unfinished blocks",
                help: "end that, or wait a week until the service has discarded them")
        case "InvalidResourceName", "InvalidUri", "ContainerNameTooLong":
            Known(.invalidResourceName, "the service cannot have this name")
        case "Md5Mismatch": Known(.md5Mismatch, "another content has arrived than was sent")
        case "InsufficientAccountSpace": Known(.insufficientSpace)
        case "ServerBusy", "ContainerBeingDeleted":
            Known(.serverBusy)
        case "OperationTimedOut": Known(.operationTimedOut)
        case "InternalError": Known(.internalError)
        case "BlobArchived", "BlobBeingRehydrated":
            Known(.blobArchived, "the file is in the archive tier and must be rehydrated first")
        case "InvalidMetadata", "EmptyMetadataKey", "MetadataTooLarge", "InvalidHeaderValue", "InvalidInput",
            "OutOfRangeInput", "InvalidQueryParameterValue", "RequestBodyTooLarge", "InvalidBlobType",
            "SnapshotsPresent", "InvalidMd5", "InvalidRange":
            Known(.invalidInput)
        case "FeatureNotSupported", "FeatureVersionMismatch", "UnsupportedHeader", "UnsupportedHttpVerb",
            "UnsupportedQueryParameter":
            Known(.unsupported)
        default: nil
        }
    }

    /// Where there is no code that we know: a proxy, a gateway, a service that only resembles Azure's.
    private static func known(_ status: Int, isFile: Bool) -> Known {
        switch status {
        case 401: Known(.authenticationFailed)
        case 403: Known(.authorizationFailure)
        case 404: isFile ? Known(.blobNotFound) : Known(.containerNotFound)
        case 408: Known(.operationTimedOut)
        case 409, 412: Known(.conditionNotMet)
        case 400, 411, 413, 414, 416, 431: Known(.invalidInput)
        case 429, 503: Known(.serverBusy)
        case 501, 505: Known(.unsupported)
        case 507: Known(.insufficientSpace)
        default: Known(.internalError)
        }
    }
}
