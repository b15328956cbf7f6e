import Glibc
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

@Suite struct S3RefusalTests {
    private static func error(
        _ status: Int, _ code: String, extra: String = "", date: String? = nil, region: String? = nil
    ) -> FileStoreError? {
        var response = HTTPResponse(status: status)
        if !code.isEmpty {
            response.body = Array(
                "<Error><Code>\(code)</Code><Message>key SK is\nwrong</Message>\(extra)</Error>".utf8)
        }
        if let date { response.headers.append(HTTPHeader("Date", date)) }
        var account = S3Servers.account("http://minio")
        account.region = region
        return S3Refusal(response)?.error("PLACE", account, at: 1_764_169_671)
    }

    @Test(
        arguments: [
            (404, "NoSuchBucket", .containerNotFound), (404, "NoSuchKey", .blobNotFound),
            (404, "", .blobNotFound),
            (404, "NoSuchUpload", .blobNotFound), (403, "SignatureDoesNotMatch", .authenticationFailed),
            (403, "InvalidAccessKeyId", .authenticationFailed), (400, "ExpiredToken", .authenticationFailed),
            (400, "InvalidToken", .authenticationFailed), (401, "", .authenticationFailed),
            (403, "RequestTimeTooSkewed", .requestTimeTooSkewed),
            (403, "AccessDenied", .authorizationFailure),
            (403, "", .authorizationFailure), (403, "Unheard", .authorizationFailure),
            (403, "InvalidObjectState", .blobArchived), (412, "PreconditionFailed", .conditionNotMet),
            (412, "", .conditionNotMet), (400, "BadDigest", .md5Mismatch),
            (400, "XAmzContentSHA256Mismatch", .md5Mismatch),
            (400, "InvalidBucketName", .invalidResourceName), (400, "KeyTooLongError", .invalidResourceName),
            (400, "EntityTooLarge", .invalidInput), (400, "Unheard", .invalidInput),
            (301, "PermanentRedirect", .invalidInput),
            (301, "", .invalidInput), (501, "NotImplemented", .unsupported), (405, "", .unsupported),
            (507, "XMinioStorageFull", .insufficientSpace), (507, "", .insufficientSpace),
            (503, "SlowDown", .serverBusy),
            (503, "", .serverBusy), (429, "", .serverBusy), (409, "OperationAborted", .serverBusy),
            (409, "Unheard", .conditionNotMet), (400, "RequestTimeout", .operationTimedOut),
            (504, "", .operationTimedOut),
            (500, "InternalError", .internalError), (500, "", .internalError),
            (200, "InternalError", .internalError),
            (200, "SlowDown", .serverBusy), (200, "NoSuchKey", .blobNotFound),
        ] as [(Int, String, FileStoreError.Code)])
    func everyRefusalHasACodeAndNoKey(status: Int, code: String, expected: FileStoreError.Code) {
        let error = Self.error(status, code)
        #expect(error?.code == expected)
        let isAboutKeys = status == 401 || status == 403 || expected == .authenticationFailed
        if isAboutKeys { #expect(error?.description.contains("SK") == false) }
        #expect(error?.message.hasPrefix("PLACE: ") == true && error?.message.contains("\n") == false)
    }

    @Test func aSuccessIsNoRefusal() {
        #expect(S3Refusal(HTTPResponse(status: 200, body: Array("<CopyObjectResult/>".utf8))) == nil)
        #expect(S3Refusal(HTTPResponse(status: 204)) == nil)
    }

    @Test func messagesSayWhatIsWrongAndWhatToDo() {
        #expect(
            Self.error(403, "SignatureDoesNotMatch")
                == FileStoreError(
                    .authenticationFailed, "PLACE: the secret access key is wrong (SignatureDoesNotMatch)",
                    help: "check access_key_id and secret_access_key of warehouse in the credentials"))
        #expect(
            Self.error(400, "ExpiredToken")
                == FileStoreError(
                    .authenticationFailed, "PLACE: the session token has expired (ExpiredToken)",
                    help: "get a new session_token"))
        // The clock of these tests stands at 15:07:51.
        #expect(
            Self.error(403, "RequestTimeTooSkewed", date: "Wed, 26 Nov 2025 15:07:51 GMT")?.description
                == "PLACE: the clocks differ by more than the service allows; ours is 0 seconds ahead of the service's "
                + "(RequestTimeTooSkewed); set this machine's clock")
        #expect(
            Self.error(403, "RequestTimeTooSkewed", date: "Wed, 26 Nov 2025 16:08:00 GMT")?.message
                == "PLACE: the clocks differ by more than the service allows; ours is 60 minutes behind the service's "
                + "(RequestTimeTooSkewed)")
        #expect(
            Self.error(301, "PermanentRedirect", extra: "<Region>eu-west-1</Region>")
                == FileStoreError(
                    .invalidInput,
                    "PLACE: the container is in region eu-west-1, not us-east-1 (PermanentRedirect)",
                    help: "write that region and its endpoint in the credentials"))
        #expect(
            Self.error(400, "Unheard")?.description
                == "PLACE: the service refuses (Unheard: key SK is\\x0awrong)")
    }
}

/// What is wrong with who asks, or with their clock, is told apart and asked once.
@Suite(.blocking) struct S3CredentialTests {
    private static func calls(_ store: S3Store) -> [(requests: Int, call: () throws -> Void)] {
        let file = StorePath("bucket", BytePath("file"))
        return [
            (1, { try store.put("file", "x") }), (1, { _ = try store.bytes("file") }),
            (1, { _ = try store.list("bucket", prefix: BytePath(""), after: nil, limit: 1) }),
            // The answer to HEAD has no body: GET tells why.
            (2, { _ = try store.stat(file) }), (1, { _ = try store.beginParts(file, FileAttributes()) }),
            (1, { try store.remove(file, identity: nil) }),
        ]
    }

    private static func expect(
        _ code: FileStoreError.Code, _ fact: String, from server: PythonServer, _ store: S3Store
    ) throws {
        var requests = 0
        for (count, call) in calls(store) {
            let refusal = S3Servers.refusal(call)
            #expect(refusal?.code == code)
            #expect(refusal?.message.hasSuffix(": \(fact)") == true, "\(refusal?.message ?? "")")
            for word in ["SK", "Signature=", "Credential=", "to/ken"] {
                #expect(refusal?.description.contains(word) == false)
            }
            requests += count
        }
        #expect(try S3Servers.requests(server).count == requests)
    }

    @Test func aWrongKeyIsSaidAndNotTriedAgain() throws {
        let server = try #require(S3Servers.failing())
        try Self.expect(
            .authenticationFailed, "the secret access key is wrong (SignatureDoesNotMatch)", from: server,
            S3Servers.store(server, key: "SKx"))
    }

    @Test func anUnknownKeyIsSaidAndNotTriedAgain() throws {
        let server = try #require(S3Servers.failing())
        try Self.expect(
            .authenticationFailed, "the access key id is not known there (InvalidAccessKeyId)", from: server,
            S3Servers.store(server, id: "OTHER"))
    }

    @Test func anExpiredTokenIsSaidAndNotTriedAgain() throws {
        let server = try #require(S3Servers.failing(#"{"status": 400, "code": "ExpiredToken", "times": 99}"#))
        try Self.expect(
            .authenticationFailed, "the session token has expired (ExpiredToken)", from: server,
            S3Servers.store(server, token: "to/ken"))
    }

    @Test func clocksThatDifferAreSaidAndNotTriedAgain() throws {
        let server = try #require(S3Servers.failing(plan: ", \"clock\": 7290"))
        try Self.expect(
            .requestTimeTooSkewed,
            "the clocks differ by more than the service allows; ours is 2 hours behind the service's (RequestTimeTooSkewed)",
            from: server, S3Servers.store(server))
    }
}
