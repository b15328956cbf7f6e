import Foundation
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

/// What a service answers, as text.
@Suite(.blocking) struct S3ListingTests {
    private static func plan(_ answers: [String]) -> String {
        answers.map { answer in
            let text = answer.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(
                of: "\"", with: "\\\"")
            return "{\"do\": \"body\", \"text\": \"\(text)\"}"
        }.joined(separator: ",")
    }

    private static func file(_ key: String, _ size: Int = 1, tag: String = "0cc175b9c0f1b6a831c399e269772661")
        -> String
    {
        """
        <Contents><Key>\(key)</Key><LastModified>2026-11-26T15:07:51.250Z</LastModified><ETag>&quot;\(tag)&quot;</ETag>\
        <Size>\(size)</Size></Contents>
        """
    }

    @Test func pagesAreFollowedToTheLimit() throws {
        func page(_ files: String, _ next: String?) -> String {
            """
            <ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><EncodingType>url</EncodingType>\
            <IsTruncated>\(next == nil ? "false" : "true")</IsTruncated>\(files)\
            \(next.map { "<NextContinuationToken>\($0)</NextContinuationToken>" } ?? "")</ListBucketResult>
            """
        }
        let server = try #require(
            S3Servers.failing(
                Self.plan([
                    page(Self.file("p+b") + Self.file("p%25c"), "t/1"), page("", "t/2"),
                    page(Self.file("p%2Ba"), "t/3"),
                    page(Self.file("pd", 7, tag: "0cc175b9c0f1b6a831c399e269772661-2"), "t/4"),
                ])))
        let store = try S3Servers.store(server)
        // That `p b` does not come after it is seen here.
        let first = try store.list("bucket", prefix: BytePath("p"), after: BytePath("p!"), limit: 3)
        #expect(first.files.map(\.name) == ["p%c", "p+a", "pd"].map { BytePath($0) })
        #expect(first.next == BytePath("pd"))
        #expect(first.files.last?.md5 == nil && first.files.last?.size == 7)
        #expect(first.files.first?.md5 == "0cc175b9c0f1b6a831c399e269772661")
        #expect(first.files.first?.modified == Instant(milliseconds: 1_795_705_671_250))
        let requests = try S3Servers.requests(server)
        let common = "encoding-type=url&list-type=2&max-keys="
        #expect(
            requests == [
                "GET /bucket?\(common)3&prefix=p&start-after=p%21",
                "GET /bucket?continuation-token=t%2F1&\(common)2&prefix=p",
                "GET /bucket?continuation-token=t%2F2&\(common)2&prefix=p",
                "GET /bucket?continuation-token=t%2F3&\(common)1&prefix=p",
            ])
    }

    @Test func namesThatAreNotEncodedAreTakenAsTheyAre() throws {
        let server = try #require(
            S3Servers.failing(
                Self.plan([
                    "<ListBucketResult><IsTruncated>false</IsTruncated>\(Self.file("a+%41&amp;é"))</ListBucketResult>"
                ])))
        let page = try S3Servers.store(server).list("bucket", prefix: BytePath(""), after: nil, limit: 5)
        #expect(page.files.map(\.name) == [BytePath("a+%41&é")] && page.next == nil)
    }

    @Test func anAnswerThatCannotBeReadIsAskedForAgain() throws {
        let server = try #require(
            S3Servers.failing(
                Self.plan([
                    "<ListBucketResult><IsTruncated>false</Is", "",
                    "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>", "<html></html>",
                    "<html/>", "text",
                ])))
        let store = try S3Servers.store(server)
        #expect(try store.list("bucket", prefix: BytePath(""), after: nil, limit: 5).files.isEmpty)
        #expect(try S3Servers.requests(server).count == 3)
        // No listing of no files.
        #expect(
            S3Servers.refusal { _ = try store.list("bucket", prefix: BytePath(""), after: nil, limit: 5) }
                == FileStoreError(
                    .internalError, "\(store.account.place): bucket: the service's answer cannot be read"))
        #expect(try S3Servers.requests(server).count == 6)
    }

    @Test func theNewestUploadOfTheVeryNameIsGoneOnWith() throws {
        func upload(_ key: String, _ id: String, _ time: String) -> String {
            "<Upload><Key>\(key)</Key><UploadId>\(id)</UploadId><Initiated>\(time)</Initiated></Upload>"
        }
        func page(_ uploads: String, _ marker: (String, String)?) -> String {
            let next = marker.map {
                """
                <IsTruncated>true</IsTruncated><NextKeyMarker>\($0.0)</NextKeyMarker>\
                <NextUploadIdMarker>\($0.1)</NextUploadIdMarker>
                """
            }
            // That there is no more is not said by every service.
            return """
                <ListMultipartUploadsResult><Bucket>bucket</Bucket><EncodingType>url</EncodingType>\
                \(next ?? "")\(uploads)</ListMultipartUploadsResult>
                """
        }
        func parts(_ numbers: [Int], _ next: Int?) -> String {
            let parts = numbers.map {
                "<Part><PartNumber>\($0)</PartNumber><ETag>&quot;tag\($0)&quot;</ETag><Size>5</Size></Part>"
            }
            return """
                <ListPartsResult><UploadId>new</UploadId><IsTruncated>\(next != nil)</IsTruncated>\
                \(next.map { "<NextPartNumberMarker>\($0)</NextPartNumberMarker>" } ?? "")\(parts.joined())</ListPartsResult>
                """
        }
        let server = try #require(
            S3Servers.failing(
                Self.plan([
                    page(
                        upload("a+b", "old", "2026-11-26T15:07:51.000Z")
                            + upload("a+b", "new", "2026-11-26T15:07:51.002Z"),
                        ("a+b", "new")),
                    page(
                        upload("a+b", "older", "2026-11-25T15:07:51.000Z")
                            + upload("a+b2", "wrong", "2027-11-26T15:07:51.000Z"),
                        ("a+b2", "wrong")),
                    parts([3, 1], 3), parts([4], nil),
                ])))
        let partial = try #require(
            try S3Servers.store(server).unfinishedParts(StorePath("bucket", BytePath("a b"))))
        #expect(partial.upload == "new")
        #expect(partial.parts.map(\.number) == [1, 3, 4])
        #expect(partial.parts.first == FilePart(number: 1, size: 5, md5: nil, tag: "tag1"))
        #expect(
            try S3Servers.requests(server) == [
                "GET /bucket?encoding-type=url&prefix=a%20b&uploads=",
                "GET /bucket?encoding-type=url&key-marker=a%20b&prefix=a%20b&upload-id-marker=new&uploads=",
                "GET /bucket/a%20b?uploadId=new", "GET /bucket/a%20b?part-number-marker=3&uploadId=new",
            ])
    }

    /// Who may write need not be allowed to look.
    @Test func whatMayNotBeSeenIsNotGoneOnWith() throws {
        let server = try #require(
            S3Servers.failing(
                #"""
                {"method": "GET", "status": 403, "code": "AccessDenied"}, {"method": "GET", "status": 501},
                {"method": "GET", "status": 404, "code": "NoSuchUpload"},
                {"method": "GET", "status": 403, "code": "SignatureDoesNotMatch"}
                """#))
        let store = try S3Servers.store(server)
        let file = StorePath("bucket", BytePath("a b"))
        #expect(try store.unfinishedParts(file) == nil)
        // Nor is there anything where no upload was ever begun, whatever it is called.
        #expect(try store.unfinishedParts(file) == nil)
        #expect(try store.unfinishedParts(file) == nil)
        #expect(S3Servers.refusal { _ = try store.unfinishedParts(file) }?.code == .authenticationFailed)
    }

    @Test func containersComeInPagesAndInOrder() throws {
        let server = try #require(
            S3Servers.failing(
                Self.plan([
                    """
                    <ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name></Bucket></Buckets>\
                    <ContinuationToken>t</ContinuationToken></ListAllMyBucketsResult>
                    """,
                    "<ListAllMyBucketsResult><Buckets><Bucket><Name>a</Name></Bucket></Buckets></ListAllMyBucketsResult>",
                ])))
        #expect(try S3Servers.store(server).containers() == ["a", "b"])
        #expect(try S3Servers.requests(server) == ["GET /", "GET /?continuation-token=t"])
    }

    @Test func aContainerThatIsThereIsNoErrorUnlessItIsSomebodyElses() throws {
        let server = try #require(
            S3Servers.failing(
                """
                {"method": "PUT", "status": 409, "code": "BucketAlreadyOwnedByYou"},
                {"method": "PUT", "status": 409, "code": "BucketAlreadyExists", "times": 2},
                {"method": "HEAD", "in": "other", "status": 403}
                """))
        let store = try S3Servers.store(server)
        try store.makeContainer("bucket")
        try store.makeContainer("bucket")
        #expect(
            S3Servers.refusal { try store.makeContainer("other") }
                == FileStoreError(
                    .authorizationFailure,
                    "\(store.account.place): other: the container's name is somebody else's (BucketAlreadyExists)"
                ))
    }
}
