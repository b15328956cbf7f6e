import ShipyardHTTPClient
import ShipyardModel
import Testing

@testable import ShipyardFileStore

/// What an answer tells of what has arrived.
@Suite struct S3ContentTests {
    private static let other = String(repeating: "0", count: 32)

    @Test(arguments: [
        // The names of hashes that the answer has, whether they are those of what was sent, and whether that is all right.
        ([], true, true), (["ETag"], true, true), (["ETag"], false, false), (["x-amz-checksum-sha256"], true, true),
        (["x-amz-checksum-sha256"], false, false), (["ETag", "x-amz-checksum-sha256"], true, true),
    ])
    func whatArrivesIsWhatWasSent(_ names: [String], _ isSame: Bool, _ isRight: Bool) throws {
        let store = try S3Store(
            S3Servers.account("http://127.0.0.1:1"), StorageKeys(accessKeyID: "AK", key: Secret("SK")), TransferGauge())
        let hashes = try ContentHashes(of: .bytes(Array("part".utf8)), withMD5: true, withSHA256: true)
        let values = [
            "ETag": isSame ? hashes.md5.map(hexadecimalText) : Self.other,
            "x-amz-checksum-sha256": isSame ? hashes.sha256.map(base64Text) : "AAAA",
        ]
        let response = HTTPResponse(
            status: 200, headers: names.map { HTTPHeader($0, (values[$0] ?? nil) ?? "") })
        let difference = store.difference(response, hashes, StorePath("bucket", BytePath("a")))
        #expect((difference == nil) == isRight)
        #expect(isRight || difference?.code == .md5Mismatch)
        // A part with one hash is judged by that one.
        let alone = try ContentHashes(of: .bytes(Array("part".utf8)), withMD5: false, withSHA256: true)
        #expect(alone.md5 == nil && alone.sha256 == hashes.sha256)
    }
}
