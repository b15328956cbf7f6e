import ShipyardHTTPClient
import ShipyardModel
import Testing

@testable import ShipyardFileStore

/// What answers of the service mean to us.
@Suite struct AzureAnswerTests {
    static let now: Int64 = 1_795_705_674  // Thu, 26 Nov 2026 15:07:54 GMT

    private func error(
        _ status: Int, _ code: String? = nil, _ message: String = "Something.", detail: String? = nil,
        date: Int64 = now, sas: String? = nil, key: String? = "a2V5", inHeader: Bool = false,
        subject: String = "data/x"
    ) throws -> FileStoreError {
        let account = StorageAccount(.azureBlob, alias: "lake", name: "acct")
        let keys = StorageKeys(key: sas == nil ? key.map { Secret($0) } : nil, sas: sas.map { Secret($0) })
        var response = HTTPResponse(status: status, headers: [HTTPHeader("Date", httpDateText(date))])
        if let code, inHeader {
            response.headers.append(HTTPHeader("x-ms-error-code", code))
        } else if let code {
            let more = detail.map { "<AuthenticationErrorDetail>\($0)</AuthenticationErrorDetail>" } ?? ""
            response.body = Array(
                "\u{FEFF}<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>\(message)\nRequestId:1\nTime:2</Message>\(more)</Error>"
                    .utf8)
        }
        return try AzureRefusal(account: account, credential: AzureCredential(keys, of: account))
            .error(response, subject: subject, now: Self.now)
    }

    @Test func codesOfTheServiceAreThoseOfTheStore() throws {
        let table: [(Int, String, FileStoreError.Code)] = [
            (404, "ContainerNotFound", .containerNotFound), (404, "BlobNotFound", .blobNotFound),
            (409, "BlobAlreadyExists", .blobAlreadyExists), (412, "ConditionNotMet", .conditionNotMet),
            (403, "AuthorizationFailure", .authorizationFailure),
            (412, "LeaseIdMissing", .authorizationFailure),
            (403, "AuthorizationPermissionMismatch", .authorizationFailure),
            (400, "Md5Mismatch", .md5Mismatch),
            (400, "InvalidUri", .invalidResourceName), (400, "InvalidMetadata", .invalidInput),
            (409, "BlobArchived", .blobArchived), (409, "BlobBeingRehydrated", .blobArchived),
            (503, "ServerBusy", .serverBusy), (409, "ContainerBeingDeleted", .serverBusy),
            (500, "OperationTimedOut", .operationTimedOut), (500, "InternalError", .internalError),
            (400, "InvalidBlockList", .conditionNotMet), (405, "UnsupportedHttpVerb", .unsupported),
            (409, "InvalidBlobType", .invalidInput),
        ]
        for (status, code, expected) in table {
            #expect(try error(status, code).code == expected, "\(code)")
            #expect(try error(status, code, inHeader: true).code == expected, "\(code) of a HEAD request")
        }
        let unknown: [(Int, FileStoreError.Code)] = [
            (401, .authenticationFailed), (403, .authorizationFailure), (404, .blobNotFound),
            (412, .conditionNotMet),
            (429, .serverBusy), (503, .serverBusy), (502, .internalError), (507, .insufficientSpace),
            (400, .invalidInput),
        ]
        for (status, expected) in unknown {
            #expect(try error(status).code == expected, "\(status)")
            #expect(try error(status, "NewsToUs").code == expected, "\(status)")
        }
        #expect(try error(404, subject: "data").code == .containerNotFound)
    }

    @Test func aFileThatMustBeNewAndIsNotIsToldInOneWord() throws {
        for code in ["ConditionNotMet", "TargetConditionNotMet", "BlobAlreadyExists"] {
            let told = AzureBlobStore.newness(try error(412, code), "here")
            #expect(told.code == .blobAlreadyExists, "\(code)")
        }
        #expect(
            AzureBlobStore.newness(try error(403, "AuthorizationFailure"), "here").code
                == .authorizationFailure)
    }

    @Test func messagesNameAccountAndFileAndWhatToDo() throws {
        #expect(
            try error(404, "BlobNotFound").description
                == "Azure account acct, data/x: there is no such file (BlobNotFound)")
        #expect(
            try error(403, "AuthorizationPermissionMismatch", sas: "sp=r&sig=x").description
                == "Azure account acct, data/x: the SAS lacks the permission for this (AuthorizationPermissionMismatch); "
                + "make a SAS that may do it, or use an account_key")
        // The service's own words where we have none, without number and time.
        #expect(
            try error(409, "SnapshotsPresent", "It has snapshots.").description
                == "Azure account acct, data/x: It has snapshots.")
        #expect(try error(502).description == "Azure account acct, data/x: it answers with status 502")
    }

    @Test func wrongKeysExpiredSignaturesAndWrongClocksAreToldApart() throws {
        func text(
            _ detail: String?, date: Int64 = Self.now, sas: String? = nil, key: String? = "a2V5",
            inHeader: Bool = false
        )
            throws -> String
        {
            let error = try error(
                403, "AuthenticationFailed", detail: detail, date: date, sas: sas, key: key,
                inHeader: inHeader)
            #expect(!error.isPassing)
            return "\(error.code.rawValue): \(error.description)"
        }
        let place = "Azure account acct, data/x:"
        let wrongKey = "The MAC signature found in the HTTP request 'c2VjcmV0' is not the same"
        for inHeader in [false, true] {
            #expect(
                try text(wrongKey, inHeader: inHeader)
                    == "AuthenticationFailed: \(place) the service does not accept the account_key; "
                    + "check that it is the key of this account and was not regenerated")
            #expect(
                try text("Request date header too old: 'x'", date: Self.now + 3600, inHeader: inHeader)
                    == "RequestTimeTooSkewed: \(place) this machine's clock is 3600 seconds behind the service's; set it right"
            )
            #expect(
                try text("x", date: Self.now - 901, inHeader: inHeader)
                    == "RequestTimeTooSkewed: \(place) this machine's clock is 901 seconds ahead of the service's; set it right"
            )
            #expect(
                try text(
                    "Signed expiry time [x] ...", sas: "se=2026-11-26T15%3A07Z&sig=x", inHeader: inHeader)
                    == "AuthenticationFailed: \(place) the SAS has expired at 2026-11-26T15:07Z; "
                    + "make a new one and put it into the credentials")
        }
        #expect(
            try text("Signed expiry time [x] must be after ...", sas: "sig=x&si=policy")
                == "AuthenticationFailed: \(place) the SAS has expired; make a new one and put it into the credentials"
        )
        #expect(
            try text(
                "Signature not valid in the specified time frame", sas: "st=2026-11-27&se=2026-11-28&sig=x")
                == "AuthenticationFailed: \(place) the SAS is not valid before 2026-11-27")
        // Made a moment ago by a clock that is ten minutes fast, as ours is.
        #expect(
            try text("x", date: Self.now - 600, sas: "st=2026-11-26T15%3A07%3A00Z&se=2026-11-28&sig=x")
                == "RequestTimeTooSkewed: \(place) this machine's clock is 600 seconds ahead of the service's; set it right"
        )
        #expect(
            try text("Signature did not match. String to sign used was r", sas: "se=2026-11-28&sig=x")
                == "AuthenticationFailed: \(place) the service does not accept the SAS; check that it is whole, "
                + "that it is for this container, and that its key is still one of the account's")
        #expect(
            try text(nil, key: nil)
                == "AuthenticationFailed: \(place) neither an account_key nor a SAS is known, and the service wants one"
        )
    }

    @Test func aListingHasFilesAndNothingElse() throws {
        func blob(_ name: String, _ more: String = "", _ properties: String = "") -> String {
            "<Blob>\(name)<Properties><Last-Modified>Sun, 06 Nov 1994 08:49:37 GMT</Last-Modified><Etag>0x8D1</Etag>"
                + "<Content-Length>3</Content-Length><Content-MD5>kAFQmDzST7DWlj99KOF/cg==</Content-MD5>\(properties)</Properties>\(more)</Blob>"
        }
        let text = """
            \u{FEFF}<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="data"><Blobs>
            \(blob("<Name> a&amp;b ü </Name>", "<Metadata><Key>v</Key></Metadata>"))
            \(blob(#"<Name Encoded="true">a%01%EF%BF%BF%25</Name>"#))
            \(blob("<Name>a%20b</Name>", "", "<BlobType>PageBlob</BlobType><ResourceType>file</ResourceType>"))
            \(blob("<Name>s</Name>", "<Snapshot>2026-01-01T00:00:00.0Z</Snapshot>"))
            \(blob("<Name>v</Name>", "<VersionId>1</VersionId><IsCurrentVersion>false</IsCurrentVersion>"))
            \(blob("<Name>gone</Name>", "<Deleted>true</Deleted>"))
            \(blob("<Name>dir</Name>", "<Metadata><Hdi_isfolder>true</Hdi_isfolder></Metadata>"))
            \(blob("<Name>dir2</Name>", "", "<ResourceType>directory</ResourceType>"))
            <BlobPrefix><Name>p/</Name></BlobPrefix>
            </Blobs><NextMarker>2!8</NextMarker></EnumerationResults>
            """
        let page = AzurePage(try XMLElement.parse(Array(text.utf8)))
        #expect(
            page.files.map(\.name.bytes) == [
                Array(" a&b ü ".utf8), Array("a\u{1}\u{FFFF}%".utf8), Array("a%20b".utf8),
            ])
        #expect(
            page.files.first
                == StoredFile(
                    name: BytePath(" a&b ü "), size: 3, modified: Instant(milliseconds: 784_111_777_000),
                    identity: "0x8D1",
                    md5: "900150983cd24fb0d6963f7d28e17f72"))
        // A page of stubs alone must not look like the end, nor begin again.
        #expect(page.last == BytePath("dir2"))
        #expect(page.marker == "2!8")
        let end = AzurePage(
            try XMLElement.parse(
                Array("<EnumerationResults><Blobs/><NextMarker /></EnumerationResults>".utf8)))
        #expect(end.files.isEmpty && end.marker == nil && end.last == nil)
    }
}
