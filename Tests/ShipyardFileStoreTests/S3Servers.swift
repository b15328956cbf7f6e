import Foundation
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import TestSupport

/// The servers that S3's tests ask, and accounts there.
enum S3Servers {
    static let directory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("StorageServers").path

    /// A small S3 that checks signatures and fails as `faults` say, in JSON: see its file.
    static func failing(_ faults: String = "", plan: String = "") -> PythonServer? {
        PythonServer(words: ["python3", "\(directory)/s3_faults.py", "{\"faults\": [\(faults)]\(plan)}"])
    }

    static func account(_ endpoint: String?, alias: String = "warehouse") -> StorageAccount {
        var account = StorageAccount(.s3, alias: alias, name: alias)
        account.endpoint = endpoint
        return account
    }

    static func store(
        _ server: PythonServer, id: String? = "AK", key: String? = "SK", token: String? = nil,
        gauge: TransferGauge = TransferGauge(), region: String? = nil
    ) throws -> S3Store {
        var account = account(server.url(""))
        account.region = region
        return try S3Store(
            account,
            StorageKeys(accessKeyID: id, key: key.map { Secret($0) }, sessionToken: token.map { Secret($0) }),
            gauge)
    }

    /// Requests that the server has seen: `METHOD TARGET`, with what `field` picks of each.
    static func log(_ server: PythonServer) throws -> [[String: Any]] {
        let response = try HTTPClient().send(OutgoingRequest(.get, server.url("/_log")))
        return try JSONSerialization.jsonObject(with: Data(response.body)) as? [[String: Any]] ?? []
    }

    static func requests(_ server: PythonServer) throws -> [String] {
        try log(server).map { "\($0["method"] ?? "") \($0["target"] ?? "")" }
    }

    /// What a call throws.
    static func refusal(_ body: () throws -> Void) -> FileStoreError? {
        do {
            try body()
            return nil
        } catch { return error as? FileStoreError }
    }

    /// Names that somebody in between would like to change.
    static let oddNames = [
        "plain.txt", "with space", "a+b", "100%", "%41", "a#b", "a?b", "x&y=z", "ünï/日本/\u{1F600}",
        "e\u{301}", "a//b", "/lead",
        "trail/", "a/./b", "a/../b", "~tilde", "par(en)s!*'", "a,b;c:d@e$", "quote\"<>", "back\\slash",
        "tab\tcontrol\u{1}",
        String(repeating: "日", count: 341) + "x",
    ]
}

extension S3Store {
    /// The whole of a file.
    func bytes(_ name: String, range: Range<Int64>? = nil, identity: String? = nil) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try read(
            StorePath("bucket", BytePath(name)), range: range, identity: identity,
            to: .receiver {
                bytes += $0
                return true
            })
        return bytes
    }

    @discardableResult
    func put(_ name: String, _ text: String, _ attributes: FileAttributes = FileAttributes()) throws
        -> StoredFile
    {
        try write(StorePath("bucket", BytePath(name)), from: .bytes(Array(text.utf8)), attributes)
    }
}

/// A file that goes with this value.
final class S3Scratch {
    let descriptor: Int32

    init(_ bytes: [UInt8] = []) {
        var path = Array("/tmp/s3-test-XXXXXX".utf8CString)
        descriptor = mkstemp(&path)
        unlink(path)
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }

    deinit { close(descriptor) }

    var bytes: [UInt8] {
        var status = Glibc.stat()
        fstat(descriptor, &status)
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return Array(bytes.prefix(max(0, count)))
    }
}
