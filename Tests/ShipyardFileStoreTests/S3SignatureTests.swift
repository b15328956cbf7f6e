import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

@Suite struct S3SignatureTests {
    /// "Authenticating Requests", Amazon S3 API Reference: 24 May 2013, bucket `examplebucket`.
    private static let examples: [(subject: S3Signature.Subject, signature: String)] = [
        (
            S3Signature.Subject(
                .get, path: "/test.txt",
                headers: [
                    HTTPHeader("Host", "examplebucket.s3.amazonaws.com"), HTTPHeader("Range", "bytes=0-9"),
                ],
                payload: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
        (
            S3Signature.Subject(
                .put, path: "/test%24file.text",
                headers: [
                    HTTPHeader("Date", "Fri, 24 May 2013 00:00:00 GMT"),
                    HTTPHeader("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                    HTTPHeader("Host", "examplebucket.s3.amazonaws.com"),
                ],
                payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        ),
        (
            S3Signature.Subject(
                .get, path: "/", query: [S3Field("lifecycle")],
                headers: [HTTPHeader("Host", "examplebucket.s3.amazonaws.com")],
                payload: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        ),
        (
            S3Signature.Subject(
                .get, path: "/", query: [S3Field("prefix", "J"), S3Field("max-keys", "2")],
                headers: [HTTPHeader("Host", "examplebucket.s3.amazonaws.com")],
                payload: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        ),
    ]

    @Test func signaturesAreThoseThatAmazonHasPublished() throws {
        var signature = S3Signature(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE",
            secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1")
        for example in Self.examples {
            let headers = try signature.sign(example.subject, at: 1_369_353_600)
            let found = headers.first { $0.name == "Authorization" }?.value
            #expect(found?.hasSuffix("Signature=\(example.signature)") == true, "\(example.subject)")
        }
    }

    /// The key that is kept is a day's: another day has another.
    @Test func anotherDayHasAnotherKey() throws {
        func signer() -> S3Signature {
            S3Signature(accessKeyID: "AK", secretKey: Secret("SK"), region: "us-east-1")
        }
        let subject = S3Signature.Subject(
            .get, path: "/", headers: [HTTPHeader("Host", "h")], payload: "UNSIGNED-PAYLOAD")
        var kept = signer()
        _ = try kept.sign(subject, at: 1_369_353_600)
        var new = signer()
        #expect(try kept.sign(subject, at: 1_369_440_000) == new.sign(subject, at: 1_369_440_000))
    }

    @Test func whatIsSignedIsCanonical() {
        let subject = S3Signature.Subject(
            .put, path: "/b/a%20b",
            query: [
                S3Field("uploads"), S3Field("a-b", "x"), S3Field("a", "é+ /"), S3Field("a", "A"),
                S3Field("B", "~*"),
            ],
            headers: [
                HTTPHeader("x-amz-meta-a1", "1"), HTTPHeader("X-Amz-Meta-A", "  two   words "),
                HTTPHeader("Host", "h:1"),
                HTTPHeader("x-amz-meta-a_b", ""),
            ], payload: "P")
        let canonical = S3Signature.canonicalRequest(subject)
        #expect(canonical.signedHeaders == "host;x-amz-meta-a;x-amz-meta-a1;x-amz-meta-a_b")
        #expect(
            canonical.text == """
                PUT
                /b/a%20b
                B=~%2A&a=%C3%A9%2B%20%2F&a=A&a-b=x&uploads=
                host:h:1
                x-amz-meta-a:two words
                x-amz-meta-a1:1
                x-amz-meta-a_b:

                host;x-amz-meta-a;x-amz-meta-a1;x-amz-meta-a_b
                P
                """)
    }

    @Test(
        arguments: [
            (nil, "us-east-1", nil, "data", "https data.s3.us-east-1.amazonaws.com /a%2Bb"),
            (nil, "cn-north-1", nil, "data", "https data.s3.cn-north-1.amazonaws.com.cn /a%2Bb"),
            // No certificate covers the dot.
            (nil, "us-east-1", nil, "my.data", "https s3.us-east-1.amazonaws.com /my.data/a%2Bb"),
            (nil, "us-east-1", nil, "Old_data", "https s3.us-east-1.amazonaws.com /Old_data/a%2Bb"),
            (nil, "us-east-1", true, "data", "https s3.us-east-1.amazonaws.com /data/a%2Bb"),
            ("https://s3.amazonaws.com", "us-east-1", nil, "data", "https data.s3.amazonaws.com /a%2Bb"),
            ("https://notamazonaws.com", "us-east-1", nil, "data", "https notamazonaws.com /data/a%2Bb"),
            ("HTTP://Minio:9000/", "us-east-1", nil, "data", "http minio:9000 /data/a%2Bb"),
            ("http://minio:80/s3/", "us-east-1", nil, "data", "http minio /s3/data/a%2Bb"),
            ("https://minio:443", "us-east-1", false, "data", "https data.minio /a%2Bb"),
            ("https://[::1]:9000", "us-east-1", nil, "data", "https [::1]:9000 /data/a%2Bb"),
        ] as [(String?, String, Bool?, String, String)])
    func aContainerIsInTheHostOrInThePath(
        endpoint: String?, region: String, style: Bool?, container: String, expected: String
    ) throws {
        var account = S3Servers.account(endpoint)
        account.region = region
        account.usesPathStyle = style
        let address = try S3Address(account)
        let target = address.target(container, BytePath("a+b"))
        #expect("\(address.scheme) \(target.host) \(target.path)" == expected)
    }

    @Test(arguments: [
        "minio:9000", "ftp://minio", "http://", "http://user:secret@minio", "http://minio?key=secret",
        "http://mi nio",
    ])
    func anEndpointThatIsNoServicesIsRefused(endpoint: String) {
        let refusal = S3Servers.refusal { _ = try S3Address(S3Servers.account(endpoint)) }
        #expect(
            refusal
                == FileStoreError(
                    .invalidInput, "S3 account warehouse: the endpoint is no URL of a service",
                    help: "write it as https://host or http://host:port"))
    }

    @Test func whatWouldBecomeAnotherHeaderIsRefused() throws {
        func message(_ keys: StorageKeys, region: String? = nil) -> String? {
            var account = S3Servers.account("http://127.0.0.1:1")
            account.region = region
            return S3Servers.refusal { _ = try S3Store(account, keys, TransferGauge()) }?.description
        }
        let key = Secret("SK")
        #expect(
            message(StorageKeys(accessKeyID: "AK"))
                == "S3 account warehouse: of access_key_id and secret_access_key there must be both or none")
        #expect(
            message(StorageKeys(accessKeyID: "A\nK", key: key))
                == "S3 account warehouse: access_key_id is no name of a key")
        #expect(
            message(StorageKeys(accessKeyID: "AK", key: key, sessionToken: Secret("a\r\nb")))
                == "S3 account warehouse: session_token has characters that no token has")
        #expect(
            message(StorageKeys(accessKeyID: "AK", key: key), region: "evil.example/")
                == "S3 account warehouse: the region is no name of one")
    }
}

/// Signed requests as a server sees them, which verifies each as Amazon documents it.
@Suite(.blocking) struct S3SignedRequestTests {
    @Test func everyNameIsSignedAsItIsSent() throws {
        let server = try #require(S3Servers.failing())
        let store = try S3Servers.store(server)
        for name in S3Servers.oddNames {
            let written = try store.put(name, "content of \(name)")
            #expect(try store.bytes(name) == Array("content of \(name)".utf8), "\(name)")
            #expect(
                try store.stat(StorePath("bucket", BytePath(name)))?.identity == written.identity, "\(name)")
        }
        // Nothing was made one that is not.
        #expect(try store.bytes("a/./b") == Array("content of a/./b".utf8))
        #expect(try S3Servers.requests(server).contains("PUT /bucket/a/../b"))
    }

    @Test func metadataIsSignedWhateverItsNamesAndValues() throws {
        let server = try #require(S3Servers.failing())
        let store = try S3Servers.store(server)
        var attributes = FileAttributes()
        attributes.metadata = [
            "a": "two  words", "a1": "", "a_b": "~!\"#$%&'()*+,-./:;<=>?@[]^_`{|}", "b": "1",
        ]
        attributes.contentType = "text/plain; charset=utf-8"
        try store.put("file", "x", attributes)
        let known = try #require(try store.stat(StorePath("bucket", BytePath("file"))))
        #expect(known.metadata == attributes.metadata)
        let put = try #require(try S3Servers.log(server).first { $0["method"] as? String == "PUT" })
        let headers = try #require(put["headers"] as? [String: String])
        #expect(headers["content-type"] == "text/plain; charset=utf-8")
        // No underscore: some servers leave out headers that have one.
        #expect(headers["x-amz-meta-a-b"] == attributes.metadata["a_b"] && headers["x-amz-meta-a1"] == "")
    }

    @Test(arguments: [
        ["A": "x"], ["1a": "x"], ["a-b": "x"], ["": "x"], ["a": "é"], ["a": "x\r\nEvil: 1"], ["a": " x"],
        ["a": "x "],
    ])
    func metadataThatCannotBeKeptIsRefused(metadata: [String: String]) throws {
        let server = try #require(S3Servers.failing())
        let store = try S3Servers.store(server)
        var attributes = FileAttributes()
        attributes.metadata = metadata
        #expect(S3Servers.refusal { try store.put("file", "x", attributes) }?.code == .invalidInput)
        #expect(try S3Servers.requests(server).isEmpty)
    }

    @Test func namesThatTheStoreCannotHaveAreRefusedBeforeAnythingIsSent() throws {
        let server = try #require(S3Servers.failing())
        let store = try S3Servers.store(server)
        for bytes in [[], [0xFF], [0x61, 0], [UInt8](repeating: 0x61, count: 1025)] {
            let file = StorePath("bucket", BytePath(bytes: bytes))
            let refusal = S3Servers.refusal { _ = try store.stat(file) }
            #expect(
                refusal
                    == FileStoreError(
                        .invalidResourceName,
                        "\(store.account.place): \(file): a name is UTF-8 of 1 to 1024 bytes in this store"))
        }
        for container in ["", "..", "a/b", "a?b", "é", "a b"] {
            #expect(
                S3Servers.refusal {
                    _ = try store.list(container, prefix: BytePath(""), after: nil, limit: 1)
                }?.code
                    == .invalidResourceName)
        }
        #expect(try S3Servers.requests(server).isEmpty)
    }

    @Test func aTokenIsSignedAndNothingIsWithoutAKey() throws {
        let server = try #require(S3Servers.failing(plan: ", \"token\": \"to/k+en==\""))
        try S3Servers.store(server, token: "to/k+en==").put("file", "x")
        #expect(
            S3Servers.refusal { try S3Servers.store(server, token: "other").put("file", "x") }?.code
                == .authenticationFailed)
        #expect(
            S3Servers.refusal { try S3Servers.store(server, id: nil, key: nil).put("file", "x") }?.code
                == .authorizationFailure)
        let last = try #require(try S3Servers.log(server).last?["headers"] as? [String: String])
        #expect(!last.keys.contains { $0 == "authorization" || $0.hasPrefix("x-amz-") })
    }
}
