import Foundation
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

/// S3 that fails: the right thing arrives, or a clear error.
@Suite(.blocking) final class S3FaultTests {
    private var servers: [PythonServer] = []
    private let text = "the quick brown fox"
    private let file = StorePath("bucket", BytePath("a b"))
    private func store(_ faults: String, plan: String = "", gauge: TransferGauge = TransferGauge()) throws
        -> (
            S3Store, PythonServer
        )
    {
        let server = try #require(S3Servers.failing(faults, plan: plan))
        servers.append(server)
        return (try S3Servers.store(server, gauge: gauge), server)
    }

    @Test func aStormOfRefusalsIsWaitedOut() throws {
        let (store, server) = try store(
            """
            {"status": 503, "code": "SlowDown", "headers": {"Retry-After": "1"}}, {"status": 429},
            {"status": 400, "code": "RequestTimeout"}, {"do": "hangup"}
            """)
        let start = time(nil)
        let written = try store.put("a b", text)
        #expect(time(nil) - start >= 1)
        #expect(written.md5 == "30f3c93e46436deb58ba70816a8ec124")
        #expect(try store.bytes("a b") == Array(text.utf8))
        // What the service compares the content with; over http the signature is of it, too.
        let headers = try #require(try S3Servers.log(server).first?["headers"] as? [String: String])
        #expect(headers["content-md5"] == base64Text(try Digest.of(Array(text.utf8), .md5)))
        #expect(headers["x-amz-content-sha256"] == hexadecimalText(try Digest.of(Array(text.utf8), .sha256)))
        #expect(
            try S3Servers.requests(server).prefix(6) == Array(repeating: "PUT /bucket/a%20b", count: 5) + [
                "GET /bucket/a%20b"
            ])
    }

    @Test func anAnswerThatEndsEarlyIsReadOnFromThere() throws {
        let gauge = TransferGauge()
        let (store, server) = try store(
            """
            {"method": "GET", "do": "truncate", "after": 4}, {"method": "GET", "do": "truncate", "after": 5},
            {"method": "GET", "status": 503}
            """, gauge: gauge)
        let written = try store.put("a b", text)
        let before = gauge.movedBytes
        #expect(try store.bytes("a b") == Array(text.utf8))
        #expect(gauge.movedBytes - before == 19)
        let reads = try S3Servers.log(server).dropFirst().map { $0["headers"] as? [String: String] ?? [:] }
        #expect(reads.map { $0["range"] } == [nil, "bytes=4-", "bytes=9-", "bytes=9-"])
        // Two versions are never mixed.
        #expect(reads.map { $0["if-match"] } == [nil] + Array(repeating: "\"\(written.identity)\"", count: 3))
    }

    @Test func aStretchThatEndsEarlyIsReadOnFromThere() throws {
        let (store, server) = try store(#"{"method": "GET", "do": "truncate", "after": 3}"#)
        try store.put("a b", text)
        let scratch = S3Scratch(Array("0123456789".utf8))
        try store.read(file, range: 4..<9, identity: nil, to: .file(scratch.descriptor, at: 2))
        #expect(scratch.bytes == Array("01quick789".utf8))
        let ranges = try S3Servers.log(server).dropFirst().map {
            ($0["headers"] as? [String: String])?["range"]
        }
        #expect(ranges == ["bytes=4-8", "bytes=7-8"])
    }

    @Test func partsOfTwoFilesAreNeverPutTogether() throws {
        let (store, _) = try store(#"{"method": "GET", "do": "replace", "after": 3}"#)
        try store.put("a b", text)
        let refusal = S3Servers.refusal { _ = try store.bytes("a b") }
        #expect(
            refusal
                == FileStoreError(
                    .conditionNotMet,
                    "\(store.account.place): bucket/a b: the file is another one by now (PreconditionFailed)")
        )
    }

    /// A service that does not know `If-Match` tells another tag.
    @Test func aFileThatIsAnotherOneIsNoticedByItsTag() throws {
        let (store, _) = try store(#"{"method": "GET", "do": "tag"}"#)
        let written = try store.put("a b", text)
        #expect(
            S3Servers.refusal { _ = try store.bytes("a b", identity: written.identity) }
                == FileStoreError(
                    .conditionNotMet, "\(store.account.place): bucket/a b: the file is another one by now"))
    }

    @Test func whatWasReceivedIsComparedWithTheHash() throws {
        let gauge = TransferGauge()
        let (store, server) = try store(#"{"method": "GET", "do": "corrupt", "times": 3}"#, gauge: gauge)
        try store.put("a b", text)
        let before = gauge.movedBytes
        let wrong = FileStoreError(
            .md5Mismatch,
            "\(store.account.place): bucket/a b: another content has arrived than the service's hash says")
        // Of what a receiver has got nothing can be taken back.
        #expect(S3Servers.refusal { _ = try store.bytes("a b") } == wrong)
        let moved = gauge.movedBytes
        let scratch = S3Scratch()
        try store.read(file, range: nil, identity: nil, to: .file(scratch.descriptor, at: 0))
        #expect(scratch.bytes == Array(text.utf8))
        #expect(moved - before == 19 && gauge.movedBytes - moved == 19)
        #expect(try S3Servers.requests(server).count == 5)
    }

    @Test func aFileThatStaysCorruptedIsAnError() throws {
        let (store, server) = try store(#"{"method": "GET", "do": "corrupt", "times": 9}"#)
        try store.put("a b", text)
        let scratch = S3Scratch()
        let refusal = S3Servers.refusal {
            try store.read(file, range: nil, identity: nil, to: .file(scratch.descriptor, at: 0))
        }
        #expect(refusal?.code == .md5Mismatch)
        #expect(try S3Servers.requests(server).count == 4)
    }

    @Test func whatWasSentIsComparedWithTheTag() throws {
        let (store, server) = try store(#"{"method": "PUT", "do": "tag", "times": 4}"#)
        #expect(
            S3Servers.refusal { try store.put("a b", text) }
                == FileStoreError(
                    .md5Mismatch,
                    "\(store.account.place): bucket/a b: another content has arrived than was sent, by the service's hash"
                ))
        #expect(try S3Servers.requests(server).count == 3)
        // Once is no reason to give up.
        try store.put("a b", text)
        #expect(try S3Servers.requests(server).count == 5)
    }

    @Test func aTagThatIsNoHashIsNotComparedWithOne() throws {
        let (store, _) = try store(#"{"do": "kms", "times": 3}"#)
        let written = try store.put("a b", text)
        let known = try #require(try store.stat(file))
        #expect(try store.bytes("a b") == Array(text.utf8))
        #expect(
            written.identity == String(repeating: "1", count: 32) && known.md5 == nil && written.md5 != nil)
    }

    @Test func contentThatIsNotWhatItsHashSaysIsNotSent() throws {
        let (store, server) = try store("")
        var attributes = FileAttributes()
        attributes.md5 = String(repeating: "0", count: 32)
        #expect(
            S3Servers.refusal { try store.put("a b", text, attributes) }
                == FileStoreError(
                    .md5Mismatch,
                    "\(store.account.place): bucket/a b: the content is not what its hash says; nothing was sent"
                ))
        #expect(try S3Servers.requests(server).isEmpty)
    }

    @Test func anAnswerThatIsLostIsNoRefusal() throws {
        let (store, _) = try store(
            #"{"method": "PUT", "do": "lost"}, {"method": "POST", "in": "uploadId", "do": "lost"}"#)
        var attributes = FileAttributes()
        attributes.mustBeNew = true
        let written = try store.put("a b", text, attributes)
        #expect(written.size == 19)
        #expect(
            S3Servers.refusal { try store.put("a b", "other", attributes) }
                == FileStoreError(
                    .blobAlreadyExists, "\(store.account.place): bucket/a b: there is such a file already"))

        let partial = try store.beginParts(StorePath("bucket", BytePath("parts")), FileAttributes())
        let one = try store.writePart(1, of: partial, from: .bytes(Array("one".utf8)))
        let two = try store.writePart(2, of: partial, from: .bytes(Array("two".utf8)))
        let finished = try store.finish(partial, [two, one], FileAttributes())
        #expect(finished.size == 6 && finished.identity.hasSuffix("-2"))
        #expect(try store.bytes("parts") == Array("onetwo".utf8))
        // Other parts are not what is there.
        #expect(try store.finish(partial, [one, two], FileAttributes()).identity == finished.identity)
        #expect(
            S3Servers.refusal { _ = try store.finish(partial, [one], FileAttributes()) }
                == FileStoreError(
                    .blobNotFound,
                    "\(store.account.place): bucket/parts: the unfinished file is not there any more (NoSuchUpload)"
                ))
    }

    @Test func anErrorInsideOfASuccessIsOne() throws {
        let (store, server) = try store(
            """
            {"method": "POST", "in": "uploadId", "do": "inside", "code": "InternalError"},
            {"method": "PUT", "in": "copy", "do": "inside", "code": "AccessDenied"}
            """)
        let partial = try store.beginParts(file, FileAttributes())
        let part = try store.writePart(1, of: partial, from: .bytes([1, 2]))
        #expect(try store.finish(partial, [part], FileAttributes()).size == 2)
        #expect(try S3Servers.requests(server).filter { $0.hasPrefix("POST") }.count == 3)
        #expect(
            S3Servers.refusal { _ = try store.copy(file, to: StorePath("bucket", BytePath("copy"))) }
                == FileStoreError(
                    .authorizationFailure,
                    "\(store.account.place): bucket/copy: that is not allowed with these credentials (AccessDenied)"
                ))
    }

    /// Services that do not know checksums have refused files for them.
    @Test(arguments: ["agreed", "ignored", "refused"])
    func partsHaveTheChecksumThatTheServiceAgreesTo(_ habit: String) throws {
        let (store, server) = try store("", plan: ", \"checksums\": \"\(habit)\"")
        let partial = try store.beginParts(file, FileAttributes())
        #expect(partial.hasSHA256 == (habit == "agreed"))
        let one = try store.writePart(1, of: partial, from: .bytes(Array("one".utf8)))
        let two = try store.writePart(2, of: partial, from: .bytes(Array("two".utf8)))
        _ = try store.finish(partial, [one, two], FileAttributes())
        #expect(try store.bytes("a b") == Array("onetwo".utf8))
        let sent = try S3Servers.log(server).compactMap {
            ($0["headers"] as? [String: String])?["x-amz-checksum-sha256"]
        }
        let hashes = try ["one", "two"].map { base64Text(try Digest.of(Array($0.utf8), .sha256)) }
        #expect(sent == (habit == "agreed" ? hashes : []))
        #expect(try S3Servers.requests(server).filter { $0.hasSuffix("?uploads=") }.count == (habit == "refused" ? 2 : 1))
    }

    /// The hash of its parts is in the metadata of a file that we have written, and what is read of all of it must have that.
    @Test(arguments: [1, 3]) func aFileInPartsIsComparedWithItsHash(corrupted: Int) throws {
        let (store, server) = try store(#"{"method": "GET", "do": "corrupt", "times": \#(corrupted)}"#)
        let pieces = ["one", "two", "3"].map { Array($0.utf8) }
        var attributes = FileAttributes()
        attributes.partsHash = try PartsHash(partBytes: 3, of: pieces.map { try Digest.of($0, .sha256) })
        let partial = try store.beginParts(file, attributes)
        let parts = try pieces.enumerated().map { try store.writePart($0.offset + 1, of: partial, from: .bytes($0.element)) }
        _ = try store.finish(partial, parts, attributes)
        let known = try #require(try store.stat(file))
        #expect(known.partsHash == attributes.partsHash && known.md5 == nil && known.metadata.isEmpty)
        let scratch = S3Scratch()
        if corrupted == 1 {
            try store.read(file, range: nil, identity: nil, to: .file(scratch.descriptor, at: 0))
            #expect(scratch.bytes == Array("onetwo3".utf8))
        } else {
            let refusal = S3Servers.refusal {
                try store.read(file, range: nil, identity: nil, to: .file(scratch.descriptor, at: 0))
            }
            #expect(refusal?.code == .md5Mismatch)
        }
        #expect(try S3Servers.requests(server).filter { $0.hasPrefix("GET") }.count == (corrupted == 1 ? 2 : 3))
        // What reads itself has it already.
        #expect(try store.bytes("a b") == Array("onetwo3".utf8))
    }

    /// A service that agrees to no checksum is not asked to compute the MD5 once more than it does for the tag.
    @Test func aPartThatIsSignedWithItsHashIsComparedWithItsTag() throws {
        let (store, server) = try store(
            #"{"method": "PUT", "in": "partNumber=1", "do": "tag", "times": 3}"#, plan: ", \"checksums\": \"ignored\"")
        let partial = try store.beginParts(file, FileAttributes())
        #expect(S3Servers.refusal { _ = try store.writePart(1, of: partial, from: .bytes([1])) }?.code == .md5Mismatch)
        _ = try store.writePart(1, of: partial, from: .bytes([1]))
        let puts = try S3Servers.log(server).filter { $0["method"] as? String == "PUT" }
        #expect(puts.count == 4 && puts.allSatisfy { ($0["headers"] as? [String: String])?["content-md5"] == nil })
    }

    /// They are sent as they were computed, so what has changed since is refused by a service that compares.
    @Test func hashesOfPartsThatAreKnownAreNotComputedAgain() throws {
        let (store, server) = try store("")
        var partial = try store.beginParts(file, FileAttributes())
        partial.sha256 = [try Digest.of([1], .sha256)]
        _ = try store.writePart(1, of: partial, from: .bytes([1]))
        #expect(S3Servers.refusal { _ = try store.writePart(1, of: partial, from: .bytes([2])) }?.code == .md5Mismatch)
        _ = try store.writePart(2, of: partial, from: .bytes([2]))
        let sent = try S3Servers.log(server).compactMap { ($0["headers"] as? [String: String])?["x-amz-checksum-sha256"] }
        let hashes = try [[1], [2]].map { base64Text(try Digest.of($0, .sha256)) }
        #expect(sent == [hashes[0], hashes[0], hashes[0], hashes[0], hashes[1]])
    }

    /// Only a service that does not know the header is asked without it: else a part could go unchecked for any reason.
    @Test(arguments: [(403, "AccessDenied"), (400, "EntityTooLarge"), (404, "NoSuchBucket"), (400, "InvalidBucketName")])
    func aRefusalForAnotherReasonIsNoReasonToLeaveTheChecksumOut(_ status: Int, _ code: String) throws {
        let (store, server) = try store(#"{"method": "POST", "status": \#(status), "code": "\#(code)"}"#)
        #expect(throws: FileStoreError.self) { try store.beginParts(file, FileAttributes()) }
        #expect(try S3Servers.requests(server).filter { $0.hasSuffix("?uploads=") }.count == 1)
    }

    @Test func aRangeThatIsNotHeededIsNotTaken() throws {
        let (store, _) = try store(#"{"method": "GET", "do": "whole", "times": 2}"#)
        try store.put("a b", text)
        var received = 0
        for range in [0..<4, 4..<9] as [Range<Int64>] {
            let refusal = S3Servers.refusal {
                try store.read(
                    file, range: range, identity: nil,
                    to: .receiver {
                        received += $0.count
                        return true
                    })
            }
            #expect(
                refusal
                    == FileStoreError(
                        .unsupported,
                        "\(store.account.place): bucket/a b: the service does not answer the range that it was asked for"
                    ))
        }
        #expect(received == 0)
    }

    @Test func ofARangeThatIsAnsweredInPartTheRestIsAskedFor() throws {
        let (store, server) = try store(
            """
            {"in": "a%20b", "method": "GET", "do": "short", "after": 2, "times": 2},
            {"in": "/c", "method": "GET", "do": "truncate", "after": 4}, {"in": "/c", "method": "GET", "do": "short", "after": 3}
            """)
        try store.put("a b", text)
        #expect(try store.bytes("a b", range: 4..<9) == Array("quick".utf8))
        // Neither is the end of what is answered the end of a file.
        try store.put("c", text)
        #expect(try store.bytes("c") == Array(text.utf8))
        let ranges = try S3Servers.log(server).map { ($0["headers"] as? [String: String])?["range"] }
        #expect(ranges == [nil, "bytes=4-8", "bytes=6-8", "bytes=8-8", nil, nil, "bytes=4-", "bytes=7-"])
    }

    @Test func rangesEndWithTheFile() throws {
        let (store, _) = try store("")
        let written = try store.put("a b", text)
        try store.put("empty", "")
        #expect(try store.bytes("a b", range: 16..<100) == Array("fox".utf8))
        #expect(try store.bytes("a b", range: 19..<100).isEmpty)
        #expect(try store.bytes("a b", range: 3..<3).isEmpty)
        #expect(try store.bytes("empty").isEmpty)
        #expect(try store.bytes("empty", range: 0..<5).isEmpty)
        #expect(try store.bytes("a b", range: 0..<3, identity: written.identity) == Array("the".utf8))
        for range in [nil, 0..<3, 3..<3, 30..<40] as [Range<Int64>?] {
            #expect(
                S3Servers.refusal { _ = try store.bytes("a b", range: range, identity: "other") }?.code
                    == .conditionNotMet)
            #expect(S3Servers.refusal { _ = try store.bytes("none", range: range) }?.code == .blobNotFound)
        }
    }

    @Test func whatIsMissingIsSaid() throws {
        let (store, _) = try store("")
        let place = store.account.place
        #expect(try store.stat(StorePath("bucket", BytePath("none"))) == nil)
        #expect(
            S3Servers.refusal { _ = try store.stat(StorePath("other", BytePath("none"))) }
                == FileStoreError(
                    .containerNotFound, "\(place): other/none: there is no such container (NoSuchBucket)"))
        #expect(
            S3Servers.refusal { _ = try store.list("other", prefix: BytePath(""), after: nil, limit: 1) }
                == FileStoreError(
                    .containerNotFound, "\(place): other: there is no such container (NoSuchBucket)"))
        #expect(
            S3Servers.refusal { _ = try store.bytes("none\n") }
                == FileStoreError(
                    .blobNotFound, "\(place): bucket/none\\x0a: there is no such file (NoSuchKey)"))
        try store.remove(StorePath("bucket", BytePath("none")), identity: nil)
    }

    @Test func aFileOfThisMachineThatCannotBeWrittenOrReadIsNotTheServices() throws {
        let (store, server) = try store("")
        try store.put("a b", text)
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        #expect(
            S3Servers.refusal { try store.read(file, range: nil, identity: nil, to: .file(full, at: 0)) }
                == FileStoreError(
                    .localFile,
                    "\(store.account.place): bucket/a b: what was received could not be written: No space left on device"
                ))
        let short = S3Scratch([1, 2, 3])
        #expect(
            S3Servers.refusal {
                _ = try store.write(
                    file, from: .file(FileStretch(file: short.descriptor, offset: 0, count: 4)),
                    FileAttributes())
            }
                == FileStoreError(
                    .localFile,
                    "\(store.account.place): bucket/a b: the file has become shorter while it was sent"))
        #expect(try S3Servers.requests(server).count == 2)
    }

    @Test func aTransferEndsWhenItIsToldTo() throws {
        let gauge = TransferGauge()
        let (store, server) = try store(
            #"{"method": "GET", "in": "slow", "status": 503, "headers": {"Retry-After": "60"}}"#, gauge: gauge
        )
        try store.put("a b", text)
        let ended = FileStoreError(.operationCancelled, "the transfer was ended")
        #expect(
            S3Servers.refusal {
                try store.read(file, range: nil, identity: nil, to: .receiver { _ in false })
            } == ended)
        // While it waits to try again.
        let start = time(nil)
        Thread.detachNewThread {
            usleep(300_000)
            gauge.cancel()
        }
        #expect(S3Servers.refusal { _ = try store.bytes("slow") } == ended)
        #expect(time(nil) - start < 30)
        #expect(S3Servers.refusal { try store.put("a b", text) } == ended)
        #expect(try S3Servers.requests(server).count == 3)
    }

    @Test func nobodyThereIsSaidWithPlaceAndName() throws {
        let gauge = TransferGauge()
        let store = try S3Store(
            S3Servers.account("https://nobody.invalid"), StorageKeys(accessKeyID: "AK", key: Secret("SK")),
            gauge)
        #expect(
            S3Servers.refusal { _ = try store.bytes("a b") }
                == FileStoreError(
                    .unreachable,
                    "S3 account warehouse at https://nobody.invalid: bucket/a b: https://nobody.invalid/bucket/a%20b: "
                        + "the host is not known; check its name and the network"))
    }
}
