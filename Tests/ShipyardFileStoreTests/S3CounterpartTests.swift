import Foundation
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

/// moto as the service, boto3 and awscli as other clients of it. Every signature is checked on the way, theirs and ours alike.
@Suite(.blocking, .needs(S3Counterparts.packages)) struct S3CounterpartTests {
    private let counterparts: S3Counterparts

    init() throws { counterparts = try S3Counterparts() }

    private func path(_ bucket: String, _ name: String) -> StorePath { StorePath(bucket, BytePath(name)) }

    private func bytes(_ store: S3Store, _ path: StorePath) throws -> String {
        var bytes: [UInt8] = []
        try store.read(
            path, range: nil, identity: nil,
            to: .receiver {
                bytes += $0
                return true
            })
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func whatOneClientWritesTheOtherReads() throws {
        let store = try counterparts.store()
        try store.makeContainer("of-boto")
        try store.makeContainer("of-ours")
        for name in S3Servers.oddNames {
            var attributes = FileAttributes()
            attributes.metadata = ["kind": "odd  one", "n1": "1"]
            attributes.contentType = "text/x-odd"
            _ = try store.write(path("of-ours", name), from: .bytes(Array("ours: \(name)".utf8)), attributes)
        }
        let found = try counterparts.boto(
            """
            for name in names:
                client.put_object(Bucket="of-boto", Key=name, Body=("boto: " + name).encode(), Metadata={"who": "boto"})
            answer = {}
            for page in client.get_paginator("list_objects_v2").paginate(Bucket="of-ours"):
                for entry in page["Contents"]:
                    got = client.get_object(Bucket="of-ours", Key=entry["Key"])
                    answer[entry["Key"]] = [got["Body"].read().decode(), got["ContentType"], str(sorted(got["Metadata"].items()))]
            """, ["names": S3Servers.oddNames])
        for name in S3Servers.oddNames {
            #expect(
                found[name] as? [String] == [
                    "ours: \(name)", "text/x-odd", "[('kind', 'odd  one'), ('n1', '1')]",
                ], "\(name)")
            #expect(try bytes(store, path("of-boto", name)) == "boto: \(name)")
            let known = try #require(try store.stat(path("of-boto", name)))
            #expect(
                known.metadata == ["who": "boto"] && known.size == Int64("boto: \(name)".utf8.count)
                    && known.md5 != nil)
        }
        #expect(found.count == S3Servers.oddNames.count)
        let listed = try store.list("of-boto", prefix: BytePath(""), after: nil, limit: 1000)
        #expect(listed.files.map(\.name) == S3Servers.oddNames.map { BytePath($0) }.sorted())
        #expect(try store.containers().filter { $0.hasPrefix("of-") }.contains("of-boto"))
    }

    @Test func aListingCanBeCutAnywhere() throws {
        let store = try counterparts.store()
        try store.makeContainer("pages")
        // moto repeats in its answer what was asked for, and does not encode that: a control character is no XML.
        let names = S3Servers.oddNames.map { BytePath($0) }.filter { !$0.bytes.contains(1) }.sorted()
        for name in names {
            _ = try store.write(StorePath("pages", name), from: .bytes([]), FileAttributes())
        }
        for limit in [1, 4, names.count, names.count + 1] {
            var found: [BytePath] = []
            var after: BytePath?
            repeat {
                let page = try store.list("pages", prefix: BytePath(""), after: after, limit: limit)
                #expect(page.files.count <= limit)
                found += page.files.map(\.name)
                after = page.next
            } while after != nil
            #expect(found == names)
        }
        // Also between names, and in the middle of a letter.
        let cuts = names.flatMap {
            [BytePath(bytes: $0.bytes.dropLast()), BytePath(bytes: $0.bytes + [0xFF])]
        }
        for cut in cuts where !cut.isEmpty {
            let after = try store.list("pages", prefix: BytePath(""), after: cut, limit: 100)
            #expect(after.files.map(\.name) == names.filter { cut < $0 }, "after \(cut)")
            let within = try store.list("pages", prefix: cut, after: nil, limit: 100)
            #expect(
                within.files.map(\.name) == names.filter { $0.bytes.starts(with: cut.bytes) }, "prefix \(cut)"
            )
        }
    }

    @Test func filesOfSeveralPartsGoBothWays() throws {
        let store = try counterparts.store()
        try store.makeContainer("parts")
        let content = Array((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        let scratch = S3Scratch(content)
        func stretch(_ number: Int) -> ByteSource {
            let start = (number - 1) * 100_000
            return .file(FileStretch(file: scratch.descriptor, offset: Int64(start), count: 100_000))
        }
        let md5 = hexadecimalText(try Digest.of(content, .md5))
        var attributes = FileAttributes()
        attributes.md5 = md5
        attributes.sourceTime = 1_795_705_671_250_000_001
        attributes.metadata = ["kind": "film"]
        let file = path("parts", "ours + 100%")
        #expect(try store.unfinishedParts(file) == nil)
        let begun = try store.beginParts(file, attributes)
        _ = try store.beginParts(path("parts", "ours + 100% more"), attributes)
        let two = try store.writePart(2, of: begun, from: stretch(2))
        let one = try store.writePart(1, of: begun, from: stretch(1))
        // Another run goes on.
        let again = try counterparts.store()
        let left = try #require(try again.unfinishedParts(file))
        #expect(left.path == file && left.upload == begun.upload && begun.hasSHA256)
        #expect(left.parts.map(\.tag) == [one.tag, two.tag] && left.parts.map(\.md5) == [one.md5, two.md5])
        #expect(try again.stat(file) == nil)
        let three = try again.writePart(3, of: left, from: stretch(3))
        let finished = try again.finish(left, left.parts + [three], attributes)
        let known = try #require(try again.stat(file))
        #expect(known.md5 == md5 && known.identity == finished.identity && known.size == 300_000)
        #expect(known.identity.hasSuffix("-3"))
        #expect(known.metadata == ["kind": "film", FileAttributes.sourceTimeName: "1795705671250000001"])
        #expect(try again.unfinishedParts(file) == nil)
        // The hash stays with other metadata, and a new one takes its place.
        var hashed = FileAttributes()
        hashed.partsHash = try PartsHash(partBytes: 1000, of: [[1]])
        _ = try store.write(path("parts", "hashed"), from: .bytes([1]), hashed)
        try store.setMetadata(["kind": "film"], of: path("parts", "hashed"))
        #expect(try store.stat(path("parts", "hashed"))?.partsHash == hashed.partsHash)
        hashed.partsHash = try PartsHash(partBytes: 1000, of: [[2]])
        try store.setMetadata(hashed.allMetadata, of: path("parts", "hashed"))
        #expect(try store.stat(path("parts", "hashed"))?.partsHash == hashed.partsHash)

        let found = try counterparts.boto(
            """
            import hashlib, io, boto3.s3.transfer
            answer["md5"] = hashlib.md5(client.get_object(Bucket="parts", Key="ours + 100%")["Body"].read()).hexdigest()
            data = bytes(range(256)) * 24576
            client.upload_fileobj(io.BytesIO(data), "parts", "boto + ü",
                Config=boto3.s3.transfer.TransferConfig(multipart_threshold=1 << 20, multipart_chunksize=5 << 20))
            answer["boto"] = hashlib.md5(data).hexdigest()
            upload = client.create_multipart_upload(Bucket="parts", Key="begun by boto")["UploadId"]
            client.upload_part(Bucket="parts", Key="begun by boto", UploadId=upload, PartNumber=1, Body=b"1" * 2000)
            answer["uploads"] = len(client.list_multipart_uploads(Bucket="parts")["Uploads"])
            """, [:])
        #expect(found["md5"] as? String == md5)
        let target = S3Scratch()
        try store.read(
            path("parts", "boto + ü"), range: nil, identity: nil, to: .file(target.descriptor, at: 0))
        #expect(hexadecimalText(try Digest.of(target.bytes, .md5)) == found["boto"] as? String)
        #expect(found["uploads"] as? Int == 2)

        let theirs = try #require(try store.unfinishedParts(path("parts", "begun by boto")))
        let last = try store.writePart(2, of: theirs, from: .bytes([0x32]))
        _ = try store.finish(theirs, theirs.parts + [last], FileAttributes())
        #expect(try bytes(store, path("parts", "begun by boto")) == String(repeating: "1", count: 2000) + "2")
        let more = try #require(try store.unfinishedParts(path("parts", "ours + 100% more")))
        try store.abandon(more)
        try store.abandon(more)
        #expect(try store.unfinishedParts(more.path) == nil)
    }

    @Test func copiesAreOfTheSameContentAndMetadata() throws {
        let store = try counterparts.store()
        try store.makeContainer("copies")
        try store.makeContainer("targets")
        var attributes = FileAttributes()
        attributes.metadata = ["kind": "film"]
        attributes.contentType = "text/x-film"
        let content = String(repeating: "0123456789", count: 500)
        let written = try store.write(path("copies", "a + ü%"), from: .bytes(Array(content.utf8)), attributes)
        for isByParts in [false, true] {
            if isByParts { (store.largestCopy, store.copiedPartBytes) = (4999, 2000) }
            let target = path("targets", "b + ü% \(isByParts)")
            let copied = try store.copy(path("copies", "a + ü%"), to: target)
            let known = try #require(try store.stat(target))
            #expect(known.identity == copied.identity && known.size == 5000 && copied.size == 5000)
            #expect(known.md5 == written.md5 && known.metadata == ["kind": "film"])
            #expect(known.identity.hasSuffix("-3") == isByParts)
            #expect(try bytes(store, target) == content)
            try store.setMetadata(["other": "x"], of: target)
            let changed = try #require(try store.stat(target))
            #expect(changed.metadata == ["other": "x"] && changed.md5 == written.md5)
            #expect(try bytes(store, target) == content)
            let type = try counterparts.boto(
                "answer['type'] = client.head_object(Bucket='targets', Key=names[0])['ContentType']",
                ["names": ["b + ü% \(isByParts)"]])
            #expect(type["type"] as? String == "text/x-film")
        }
        let same = try store.copy(path("copies", "a + ü%"), to: path("copies", "a + ü%"))
        #expect(same.identity == written.identity)
        #expect(
            S3Servers.refusal { _ = try store.copy(path("copies", "none"), to: path("targets", "x")) }?.code
                == .blobNotFound)
        #expect(
            S3Servers.refusal { _ = try store.copy(path("copies", "a + ü%"), to: path("nowhere", "x")) }?.code
                == .containerNotFound)
    }

    @Test func anotherFileIsNotRemovedAndNotReplaced() throws {
        let store = try counterparts.store()
        try store.makeContainer("removals")
        let file = path("removals", "a")
        let first = try store.write(file, from: .bytes([1]), FileAttributes())
        let second = try store.write(file, from: .bytes([2]), FileAttributes())
        let place = store.account.place
        #expect(
            S3Servers.refusal { try store.remove(file, identity: first.identity) }
                == FileStoreError(.conditionNotMet, "\(place): removals/a: the file is another one by now"))
        var attributes = FileAttributes()
        attributes.mustBeNew = true
        #expect(
            S3Servers.refusal { _ = try store.write(file, from: .bytes([3]), attributes) }
                == FileStoreError(.blobAlreadyExists, "\(place): removals/a: there is such a file already"))
        #expect(try bytes(store, file) == "\u{2}")
        try store.remove(file, identity: second.identity)
        try store.remove(file, identity: second.identity)
        #expect(try store.stat(file) == nil)
    }

    @Test func containersAreMadeInTheirRegion() throws {
        let store = try counterparts.store(region: "eu-west-1")
        try store.makeContainer("european")
        try store.makeContainer("european")
        let found = try counterparts.boto(
            "answer['region'] = client.get_bucket_location(Bucket='european')['LocationConstraint']", [:])
        #expect(found["region"] as? String == "eu-west-1")
        #expect(S3Servers.refusal { try store.makeContainer("x") }?.code == .invalidResourceName)
    }

    @Test func theContainerMayBeInTheHost() throws {
        let account = counterparts.account(
            "http://localhost:\(counterparts.server.port)", usesPathStyle: false)
        let store = try S3Store(account, counterparts.keys, TransferGauge())
        try store.makeContainer("inhost")
        _ = try store.write(path("inhost", "a/b + c"), from: .bytes([0x78]), FileAttributes())
        #expect(try bytes(store, path("inhost", "a/b + c")) == "x")
        #expect(
            try store.list("inhost", prefix: BytePath("a/"), after: nil, limit: 9).files.map(\.name) == [
                BytePath("a/b + c")
            ])
        #expect(try store.containers().contains("inhost"))
    }

    @Test func whatAwscliWritesWeReadAndTheOtherWayRound() throws {
        let store = try counterparts.store()
        try store.makeContainer("of-awscli")
        let directory = "/tmp/s3-awscli-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: "\(directory)/in", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let names = ["with space", "a+b", "100% %41", "ünï", "a#b&c=d"]
        for name in names {
            try Data("aws: \(name)".utf8).write(to: URL(fileURLWithPath: "\(directory)/in/\(name)"))
        }
        for name in names {
            _ = try store.write(
                path("of-awscli", "ours/\(name)"), from: .bytes(Array("ours: \(name)".utf8)), FileAttributes()
            )
        }
        try counterparts.aws(["s3", "cp", "--recursive", "--quiet", "\(directory)/in", "s3://of-awscli/aws"])
        try counterparts.aws(["s3", "sync", "--quiet", "s3://of-awscli/ours", "\(directory)/out"])
        for name in names {
            #expect(try bytes(store, path("of-awscli", "aws/\(name)")) == "aws: \(name)")
            #expect(
                FileManager.default.contents(atPath: "\(directory)/out/\(name)") == Data("ours: \(name)".utf8)
            )
        }
    }

    @Test func aTokenAndAWrongKeyAreSeenAsTheyAre() throws {
        var keys = counterparts.keys
        keys.accessKeyID = "TK"
        keys.sessionToken = Secret("to/k+en==")
        let store = try S3Store(counterparts.account(), keys, TransferGauge())
        try store.makeContainer("tokens")
        #expect(try store.list("tokens", prefix: BytePath(""), after: nil, limit: 9).files.isEmpty)
        keys.sessionToken = nil
        let without = try S3Store(counterparts.account(), keys, TransferGauge())
        #expect(S3Servers.refusal { _ = try without.containers() }?.code == .authenticationFailed)
    }
}

/// One moto for all of these tests: its start takes as long as most of them.
struct S3Counterparts {
    static let packages = [
        "moto==5.2.5", "flask==3.1.3", "flask-cors==6.0.5", "py-partiql-parser==0.6.3", "PyYAML==6.0.4",
        "boto3==1.44.8", "awscli==1.46.3",
    ]
    private static let shared: PythonServer? = (try? PythonEnvironment.with(packages)).flatMap {
        PythonServer(words: [$0.python, "\(S3Servers.directory)/s3_moto.py", "AK:SK", "TK:SK:to/k+en=="])
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    let environment: PythonEnvironment
    let server: PythonServer
    let keys = StorageKeys(accessKeyID: "AK", key: Secret("SK"))

    init() throws {
        environment = try PythonEnvironment.with(Self.packages)
        guard let server = Self.shared else { throw Failure(description: "moto does not start") }
        self.server = server
    }

    func account(_ endpoint: String? = nil, usesPathStyle: Bool? = nil) -> StorageAccount {
        var account = S3Servers.account(endpoint ?? server.url(""))
        account.usesPathStyle = usesPathStyle
        return account
    }

    func store(region: String? = nil) throws -> S3Store { try S3Servers.store(server, region: region) }

    private var variables: [String: String] {
        [
            "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_ENDPOINT_URL": server.url(""),
            "PYTHONUTF8": "1",
        ]
    }

    /// Runs Python that has `client`, what `input` gives it, and fills `answer`.
    func boto(_ script: String, _ input: [String: [String]]) throws -> [String: Any] {
        let text = String(decoding: try JSONSerialization.data(withJSONObject: input), as: UTF8.self)
        let frame = """
            import boto3, json, sys
            client = boto3.client("s3")
            globals().update(json.load(sys.stdin))
            answer = {}
            \(script)
            print(json.dumps(answer))
            """
        let result = try Command.run([environment.python, "-c", frame], environment: variables, input: text)
        guard result.status == 0 else { throw Failure(description: result.errors) }
        return try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any] ?? [:]
    }

    func aws(_ words: [String]) throws {
        let result = try Command.run([environment.program("aws")] + words, environment: variables)
        guard result.status == 0 else { throw Failure(description: result.errors + result.output) }
    }
}
