import ShipyardHTTPClient
import ShipyardModel
import Testing

@testable import ShipyardFileStore

@Suite struct AzureSigningTests {
    private func account(_ endpoint: String?, name: String = "acct") -> StorageAccount {
        var account = StorageAccount(.azureBlob, alias: "lake", name: name)
        account.endpoint = endpoint
        return account
    }

    /// Each line as "Authorize with Shared Key" has it.
    @Test func whatIsSignedIsWhatTheServiceDocuments() throws {
        let endpoint = try AzureEndpoint(account("core.windows.net"))
        func signed(_ request: AzureRequest, _ length: Int64 = 0) -> String {
            AzureSharedKey.stringToSign(
                request, contentLength: length, account: "acct", path: endpoint.path(of: request))
        }
        var list = AzureRequest(.get, "data")
        list.query = [("restype", "container"), ("comp", "list"), ("prefix", "a b+c/ü&"), ("marker", "2!8=")]
        list.headers = [
            HTTPHeader("x-ms-version", "2021-12-02"),
            HTTPHeader("x-ms-date", "Thu, 26 Nov 2026 15:07:54 GMT"),
        ]
        #expect(
            signed(list) == """
                GET











                x-ms-date:Thu, 26 Nov 2026 15:07:54 GMT
                x-ms-version:2021-12-02
                /acct/data
                comp:list
                marker:2!8=
                prefix:a b+c/ü&
                restype:container
                """)
        var put = AzureRequest(.put, StorePath("data", BytePath("dir/a b+ü%.txt")))
        put.headers = [
            HTTPHeader("x-ms-meta-ab", "3"), HTTPHeader("x-ms-meta-a_b", "1"),
            HTTPHeader("x-ms-meta-a1", "2"),
            HTTPHeader("X-MS-Blob-Type", "BlockBlob"), HTTPHeader("Content-MD5", "CY9rzUYh03PK3k6DJie09g=="),
            HTTPHeader("Content-Type", "application/octet-stream"), HTTPHeader("If-None-Match", "*"),
            HTTPHeader("x-ms-meta-empty", ""),
        ]
        #expect(
            signed(put, 4) == """
                PUT


                4
                CY9rzUYh03PK3k6DJie09g==
                application/octet-stream



                *


                x-ms-blob-type:BlockBlob
                x-ms-meta-a_b:1
                x-ms-meta-a1:2
                x-ms-meta-ab:3
                x-ms-meta-empty:
                /acct/data/dir/a%20b%2B%C3%BC%25.txt
                """)
    }

    @Test func anEndpointIsAPartOfAHostOrAWholeURL() throws {
        let file = AzureRequest(.get, StorePath("data", BytePath("/a//b ~-._")))
        func both(_ endpoint: String?) throws -> [String] {
            let place = try AzureEndpoint(account(endpoint))
            return [place.url(of: file), place.path(of: file)]
        }
        let plain = "/data//a//b%20~-._"
        #expect(try both(nil) == ["https://acct.blob.core.windows.net" + plain, plain])
        #expect(
            try both("core.chinacloudapi.cn") == ["https://acct.blob.core.chinacloudapi.cn" + plain, plain])
        #expect(
            try both("http://127.0.0.1:10000/acct/") == [
                "http://127.0.0.1:10000/acct" + plain, "/acct" + plain,
            ])
        #expect(try both("https://blobs.example.com") == ["https://blobs.example.com" + plain, plain])
        for wrong in ["core.windows.net/x", "a@b", "https://", "https://h/x?y=z", "http://user@h/x"] {
            #expect(failure { _ = try both(wrong) }?.code == .invalidInput, "\(wrong)")
        }
        #expect(failure { _ = try AzureEndpoint(account(nil, name: "a/b")) }?.code == .invalidInput)
    }

    @Test func datesAreThoseOfTheirStandards() {
        #expect(httpDateText(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(httpDateText(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        for seconds: Int64 in [1_709_164_800, 1_735_689_599, 4_102_444_800] {
            #expect(httpDate(httpDateText(seconds)) == seconds)
        }
        #expect(sasTime("1994-11-06") == 784_080_000)
        #expect(sasTime("1994-11-06T08:49Z") == 784_111_740)
        #expect(sasTime("1994-11-06T08:49:37Z") == 784_111_777)
        #expect(sasTime("1994-11-06T08:49:37.5000000Z") == 784_111_777)
        #expect(sasTime("1994-13-06") == nil && sasTime("soon") == nil && sasTime("") == nil)
    }

    @Test func anIDOfABlockSaysWhatIsInIt() throws {
        let md5 = "900150983cd24fb0d6963f7d28e17f72"
        let blocks = [(1, 0), (7, 3), (50_000, 4_194_304_000)].map {
            AzureBlock(number: $0.0, size: Int64($0.1), md5: md5)
        }
        for block in blocks {
            #expect(AzureBlock(id: block.id) == block)
            // All have one length, and no more than 64 bytes before Base64, or the service takes none.
            #expect(block.id.utf8.count == blocks[0].id.utf8.count)
            #expect(try #require(base64Bytes(block.id.utf8)).count <= 64)
        }
        let others = [
            "", "AAAA", base64Text(Array("00000-0000000003-\(md5)".utf8)),
            base64Text(Array("00001-000000003-\(md5)0".utf8)),
            base64Text(Array("00001-00000000x3-\(md5)".utf8)),
            base64Text(Array("+0001-0000000003-\(md5)".utf8)),
        ]
        for other in others { #expect(AzureBlock(id: other) == nil, "\(other)") }
    }

    @Test func namesThatTheServiceWouldChangeAreRefused() {
        let good = [
            "a", "a b", "a+b%25", "ü/😀", "#?&=", "a//b", "/a", "a/", ".a/..b/a.b",
            String(repeating: "x", count: 1024),
            "'\"<>|*:", "~",
        ]
        for name in good { #expect(AzureNames.fault(in: Array(name.utf8)) == nil, "\(name)") }
        let bad = [
            "", ".", "..", "a/../b", "./a", "a/.", "a.", "a./b", "a\\b", "a\u{0}b", "a\nb", "a\u{7f}",
            String(repeating: "x", count: 1025), String(repeating: "a/", count: 254) + "a",
        ]
        for name in bad { #expect(AzureNames.fault(in: Array(name.utf8)) != nil, "\(name)") }
        #expect(AzureNames.fault(in: [0x61, 0xFF]) == "it is no UTF-8")
        for name in ["abc", "a-b-c", "$root", "0a1", String(repeating: "x", count: 63)] {
            #expect(AzureNames.isContainer(name), "\(name)")
        }
        for name in [
            "ab", "Abc", "a--b", "-ab", "ab-", "a_b", "a/b", "$x", String(repeating: "x", count: 64),
        ] {
            #expect(!AzureNames.isContainer(name), "\(name)")
        }
    }

    @Test func metadataThatIsNoHeaderIsRefused() throws {
        let headers = try AzureNames.headers(metadata: ["b_1": " x  y ", "_a": "", "C": " "], of: "here")
        #expect(headers.map { "\($0.0)=\($0.1)" } == ["x-ms-meta-C=", "x-ms-meta-_a=", "x-ms-meta-b_1=x  y"])
        for (name, value) in [
            ("1a", "x"), ("a-b", "x"), ("", "x"), ("ü", "x"), ("a", "x\r\nx-ms-y: z"), ("a", "ü"),
        ] {
            #expect(
                failure { _ = try AzureNames.headers(metadata: [name: value], of: "here") }?.code
                    == .invalidInput)
        }
    }

    @Test func aKeyThatIsNoBase64IsToldAndNotShown() {
        let error = failure {
            _ = try AzureCredential(StorageKeys(key: Secret("not/a?key")), of: account(nil))
        }
        #expect(
            error?.description
                == "the account_key of Azure account acct is no Base64; copy the whole key, to the equals signs at its end"
        )
    }

    @Test func aSignatureIsTakenWithoutQuestionMarkAndSpace() throws {
        let credential = try AzureCredential(
            StorageKeys(sas: Secret(" ?se=2026-11-26T16%3A15Z&sig=a%2Bb\n")), of: account(nil))
        guard case .sas(let sas) = credential else { return #expect(Bool(false)) }
        #expect(AzureBlobStore.text(sas) == "se=2026-11-26T16%3A15Z&sig=a%2Bb")
        #expect(credential.sasPart("se") == "2026-11-26T16:15Z")
        #expect(credential.sasPart("st") == nil)
    }
}
