import Foundation
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

@testable import ShipyardFileStore

private let requirements = ["azure-storage-blob==12.31.1"]

/// Microsoft's own client beside ours: the same signatures, and the same files by the same names.
@Suite(
    .blocking, .enabled(if: AzureServer.isThere, "python3 is not installed"), .needs(requirements))
struct AzureClientTests {
    private func client(_ url: String, _ steps: [[Any]]) throws -> [Any] {
        let wish = try JSONSerialization.data(withJSONObject: [
            "url": url, "key": AzureServer.key, "do": steps,
        ])
        let result = try Command.run(
            [try PythonEnvironment.with(requirements).python, AzureServer.beside("azure_client.py")],
            input: String(decoding: wish, as: UTF8.self))
        if result.status != 0 { Issue.record("azure_client.py: \(result.errors)") }
        return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [Any])
    }

    @Test func signaturesAreThoseOfMicrosoftsClient() throws {
        var requests: [AzureRequest] = []
        for name in AzureStoreTests.oddNames {
            requests.append(AzureRequest(.head, StorePath("data", BytePath(name))))
            var list = AzureRequest(.get, "data")
            list.query = [
                ("restype", "container"), ("comp", "list"), ("include", "metadata"), ("maxresults", "7"),
                ("prefix", name),
                ("marker", "2!88!MDAw+/=="),
            ]
            requests.append(list)
        }
        for (index, method) in [HTTPMethod.put, .get, .delete].enumerated() {
            var request = AzureRequest(method, StorePath("data", BytePath("dir/a b+ü%.txt")))
            request.query = [
                ("comp", "block"), ("blockid", AzureBlock(number: index + 1, size: 9, md5: "0").id),
            ]
            request.headers = [
                HTTPHeader("x-ms-meta-ab", "3"), HTTPHeader("x-ms-meta-a_b", "1  2"),
                HTTPHeader("x-ms-meta-a1", "2"),
                HTTPHeader("x-ms-meta-a__", "5"), HTTPHeader("x-ms-meta-abc", "6"),
                HTTPHeader("x-ms-meta-_", "7"),
                HTTPHeader("x-ms-blob-type", "BlockBlob"),
                HTTPHeader("x-ms-blob-content-md5", "CY9rzUYh03PK3k6DJie09g=="),
                HTTPHeader("x-ms-blob-content-type", "text/plain"),
                HTTPHeader("x-ms-copy-source", "http://h/a?b=c"),
                HTTPHeader("x-ms-range", "bytes=5-9"), HTTPHeader("Content-MD5", "CY9rzUYh03PK3k6DJie09g=="),
                HTTPHeader("Content-Type", "application/octet-stream"), HTTPHeader("If-Match", "\"0x8D1\""),
                HTTPHeader("If-None-Match", "*"),
            ]
            requests.append(request)
        }
        let key = Secret(copying: try #require(base64Bytes(AzureServer.key.utf8)))
        for url in ["http://127.0.0.1:10000/devstoreaccount1", "core.windows.net"] {
            var account = StorageAccount(.azureBlob, alias: "lake", name: "devstoreaccount1")
            account.endpoint = url
            let endpoint = try AzureEndpoint(account)
            var (ours, steps): ([String], [[Any]]) = ([], [])
            for (index, request) in requests.enumerated() {
                var request = request
                request.headers += [
                    HTTPHeader("x-ms-date", httpDateText(1_795_705_674)),
                    HTTPHeader("x-ms-version", AzureBlobStore.version),
                ]
                let length: Int64 = request.method == .put ? Int64(index) : 0
                let text = AzureSharedKey.stringToSign(
                    request, contentLength: length, account: account.name, path: endpoint.path(of: request))
                ours.append(try AzureSharedKey.authorization(text, account: account.name, key: key))
                let headers = Dictionary(uniqueKeysWithValues: request.headers.map { ($0.name, $0.value) })
                steps.append(["sign", request.method.rawValue, endpoint.url(of: request), headers, length])
            }
            let theirs = try client("http://127.0.0.1/devstoreaccount1", steps).compactMap { $0 as? String }
            #expect(theirs.count == requests.count)
            for (index, pair) in zip(ours, theirs).enumerated() {
                #expect(pair.0 == pair.1, "\(requests[index])")
            }
        }
    }

    @Test func whatOneWritesTheOtherReads() throws {
        let server = try AzureServer()
        let store = try server.store()
        try store.makeContainer("ours")
        try store.makeContainer("theirs")
        var contents: [(name: String, bytes: [UInt8])] = AzureStoreTests.oddNames.enumerated().map {
            ($0.element, someBytes(1000 + $0.offset, seed: UInt64($0.offset)))
        }
        contents += [("empty", []), ("in blocks", someBytes(700_000))]
        var attributes = FileAttributes()
        attributes.metadata = ["a_b": "1", "a1": "2 %", "ab": "3"]
        for (name, bytes) in contents {
            let path = StorePath("ours", BytePath(name))
            guard bytes.count > 500_000 else {
                _ = try store.write(path, from: .bytes(bytes), attributes)
                continue
            }
            attributes.md5 = hexadecimalText(try Digest.of(bytes, .md5))
            let partial = try store.beginParts(path, attributes)
            let parts = try [0..<400_000, 400_000..<700_000].enumerated().map {
                try store.writePart($0.offset + 1, of: partial, from: .bytes(Array(bytes[$0.element])))
            }
            _ = try store.finish(partial, parts, attributes)
        }

        var steps: [[Any]] = contents.map {
            ["write", "theirs", $0.name, base64Text($0.bytes), ["a_b": "1", "a1": "2 %", "ab": "3"]]
        }
        steps += contents.map { ["read", "ours", $0.name] }
        steps.append(["list", "ours", ""])
        let answers = try client(server.url, steps)
        for (index, (name, bytes)) in contents.enumerated() {
            let read = try #require(answers[contents.count + index] as? [String: Any])
            #expect(read["content"] as? String == base64Text(bytes), "\(name)")
            #expect(read["metadata"] as? [String: String] == attributes.metadata, "\(name)")
            // It does not tell that of an empty file.
            let md5 = bytes.isEmpty ? "" : hexadecimalText(try Digest.of(bytes, .md5))
            #expect(read["md5"] as? String == md5, "\(name)")

            let path = StorePath("theirs", BytePath(name))
            #expect(try store.bytes(path) == bytes, "\(name)")
            let stored = try #require(try store.stat(path))
            #expect(stored.metadata == attributes.metadata, "\(name)")
            #expect("\"\(stored.identity)\"" == answers[index] as? String, "\(name)")
        }
        let names = contents.map { BytePath($0.name) }.sorted()
        #expect(answers.last as? [String] == names.map(\.shown))
        #expect(
            try store.list("theirs", prefix: BytePath(""), after: nil, limit: 100).files.map(\.name) == names)
    }

    @Test func signaturesForAWhileOpenWhatTheyAreFor() throws {
        let server = try AzureServer()
        let store = try server.store()
        try store.makeContainer("data")
        let path = StorePath("data", BytePath("a b+%/ü"))
        _ = try store.write(path, from: .bytes([1, 2, 3]), FileAttributes())
        let made = try client(
            server.url,
            [
                ["sas", "account", "", "rwdlac"], ["sas", "container", "data", "racwdl"],
                ["sas", "a b+%/ü", "data", "r"],
                ["sas", "account", "", "r"],
            ]
        ).compactMap { $0 as? String }
        try #require(made.count == 4)
        for sas in made[..<2] {
            let other = try server.store(sas: sas)
            #expect(try other.bytes(path) == [1, 2, 3])
            let list = try other.list("data", prefix: BytePath("a b+"), after: nil, limit: 10)
            #expect(list.files.map(\.name) == [path.name])
            let copied = try other.copy(path, to: StorePath("data", BytePath("copy?")))
            try other.remove(StorePath("data", copied.name), identity: copied.identity)
            try other.makeContainer("data")
        }
        let one = try server.store(sas: "?" + made[2])
        #expect(try one.bytes(path) == [1, 2, 3])
        #expect(
            failure { _ = try one.bytes(StorePath("data", BytePath("other"))) }?.code == .authenticationFailed
        )
        let reader = try server.store(sas: made[3])
        let refused = failure { _ = try reader.write(path, from: .bytes([]), FileAttributes()) }
        #expect(refused?.code == .authorizationFailure)
        #expect(try server.store(sas: made[0]).containers() == ["data"])
    }
}
