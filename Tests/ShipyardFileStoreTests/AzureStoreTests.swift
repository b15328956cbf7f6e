import Glibc
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

@testable import ShipyardFileStore

/// The store against a server that verifies every request as the service documents it.
@Suite(.blocking, .enabled(if: AzureServer.isThere, "python3 is not installed")) struct AzureStoreTests {
    /// Names that are easily lost between a URL, a signature, a header and a listing.
    static let oddNames = [
        " lead", "#", "%", "%25", "%zz", "&=;", "+", "/abs", "a b", "a+b", "a//b", "a/.b/..c/d.e",
        "a?b=c&d#e", "z\u{301}ü/😀 ~",
        "é", String(repeating: "n", count: 1024),
    ]

    let server: AzureServer
    let store: AzureBlobStore

    init() throws {
        server = try AzureServer()
        store = try server.store()
        try store.makeContainer("data")
    }

    private func path(_ name: String, _ container: String = "data") -> StorePath {
        StorePath(container, BytePath(name))
    }

    @discardableResult
    private func put(_ name: String, _ text: String = "text", _ attributes: FileAttributes = FileAttributes())
        throws -> StoredFile
    {
        try store.write(path(name), from: .bytes(Array(text.utf8)), attributes)
    }

    @Test func containersAreMadeOnceAndListedInOrder() throws {
        try store.makeContainer("zz9")
        try store.makeContainer("data")
        try store.makeContainer("a-b")
        try server.control(#"{"page": 2}"#)
        #expect(try store.containers() == ["a-b", "data", "zz9"])
        try server.forget()
        #expect(failure { try store.makeContainer("No") }?.code == .invalidResourceName)
        #expect(try server.asked().isEmpty)
    }

    @Test func oddNamesComeBackAsTheyWere() throws {
        for name in Self.oddNames {
            let written = try put(name, "of " + name)
            #expect(try store.bytes(path(name)) == Array("of \(name)".utf8), "\(name)")
            #expect(try store.stat(path(name)) == written, "\(name)")
        }
        let listed = try store.list("data", prefix: BytePath(""), after: nil, limit: 100)
        #expect(listed.files.map(\.name) == Self.oddNames.map { BytePath($0) }.sorted())
        #expect(listed.next == nil)
        #expect(
            try store.list("data", prefix: BytePath("a?b"), after: nil, limit: 9).files.map(\.name.shown) == [
                "a?b=c&d#e"
            ])
        for name in Self.oddNames { try store.remove(path(name), identity: nil) }
        #expect(try store.list("data", prefix: BytePath(""), after: nil, limit: 100).files.isEmpty)
    }

    @Test func aNameThatTheServiceWouldChangeIsNeverSent() throws {
        try put("b")
        try server.forget()
        for name in ["a/../b", "b.", ".\\b"] {
            #expect(failure { try put(name) }?.code == .invalidResourceName)
            #expect(failure { try store.remove(path(name), identity: nil) }?.code == .invalidResourceName)
            #expect(failure { _ = try store.copy(path("b"), to: path(name)) }?.code == .invalidResourceName)
            #expect(
                failure { _ = try store.beginParts(path(name), FileAttributes()) }?.code
                    == .invalidResourceName)
        }
        let bytes = failure { _ = try store.stat(StorePath("data", BytePath(bytes: [0xFF]))) }
        #expect(
            bytes?.description
                == "Azure account devstoreaccount1, data/\\xff: Azure Blob cannot have this name: it is no UTF-8"
        )
        #expect(try server.asked().isEmpty)
    }

    @Test func aFileIsReadWholeOrInStretches() throws {
        let content = someBytes(300_000)
        let source = try ScratchFile(Array("before".utf8) + content + Array("behind".utf8))
        let written = try store.write(path("f"), from: source.stretch(6..<300_006), FileAttributes())
        #expect(written.md5 == hexadecimalText(try Digest.of(content, .md5)))
        #expect(try store.bytes(path("f")) == content)
        #expect(try store.bytes(path("f"), 10..<20, identity: written.identity) == Array(content[10..<20]))
        #expect(try store.bytes(path("f"), 299_990..<400_000) == Array(content[299_990...]))
        #expect(try store.bytes(path("f"), 300_000..<300_001).isEmpty)
        #expect(try store.bytes(path("f"), 5..<5).isEmpty)
        let target = try ScratchFile(Array("head".utf8))
        try store.read(path("f"), range: nil, identity: nil, to: .file(target.descriptor, at: 4))
        #expect(try target.bytes() == Array("head".utf8) + content)
        // The gauge has all of it, once each way.
        let gauge = TransferGauge()
        let other = try server.store(gauge)
        _ = try other.write(path("g"), from: source.stretch(6..<300_006), FileAttributes())
        _ = try other.write(path("h"), from: .bytes(content), FileAttributes())
        _ = try other.bytes(path("g"))
        #expect(gauge.movedBytes == 900_000)
        for empty in [ByteSource.bytes([]), source.stretch(3..<3)] {
            let stored = try store.write(path("empty"), from: empty, FileAttributes())
            #expect(stored.size == 0 && stored.md5 == "d41d8cd98f00b204e9800998ecf8427e")
            #expect(try store.bytes(path("empty")).isEmpty)
        }
    }

    @Test func aReaderMayEndAReadAndAFileMayBeFull() throws {
        try put("f", String(repeating: "x", count: 1_000_000))
        #expect(
            failure { try store.read(path("f"), range: nil, identity: nil, to: .receiver { _ in false }) }?
                .code
                == .operationCancelled)
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        let error = failure { try store.read(path("f"), range: nil, identity: nil, to: .file(full, at: 0)) }
        #expect(
            error?.description
                == "Azure account devstoreaccount1, data/f: what was received cannot be written: No space left on device"
        )
        #expect(error?.code == .localFile)
    }

    @Test func whatIsThereIsToldWithItsMetadata() throws {
        var attributes = FileAttributes()
        attributes.metadata = ["a_b": "1", "a1": "2 %", "ab": "", "a": "x  y"]
        attributes.contentType = "text/plain; charset=utf-8"
        attributes.md5 = "900150983cd24fb0d6963f7d28e17f72"
        attributes.sourceTime = 5
        let written = try put("f", "abc", attributes)
        var expected = written
        // The hash is the service's own to keep.
        expected.metadata = attributes.metadata.merging([FileAttributes.sourceTimeName: "5"]) { $1 }
        #expect(try store.stat(path("f")) == expected)
        #expect(try store.list("data", prefix: BytePath("f"), after: nil, limit: 1).files == [written])
        #expect(abs(written.modified.milliseconds - Int64(time(nil)) * 1000) < 60_000)
        try store.setMetadata(["b": "2"], of: path("f"))
        let changed = try #require(try store.stat(path("f")))
        #expect(changed.metadata == ["b": "2"] && changed.size == 3 && changed.md5 == attributes.md5)

        #expect(try store.stat(path("none")) == nil)
        #expect(failure { _ = try store.stat(path("f", "missing")) }?.code == .containerNotFound)
        #expect(failure { _ = try store.bytes(path("none")) }?.code == .blobNotFound)
        #expect(failure { _ = try store.bytes(path("f", "missing")) }?.code == .containerNotFound)
        #expect(failure { try store.setMetadata([:], of: path("none")) }?.code == .blobNotFound)
        // The hash that the caller knows is compared by the service.
        attributes.md5 = "00000000000000000000000000000000"
        #expect(failure { try put("g", "abc", attributes) }?.code == .md5Mismatch)
        #expect(try store.stat(path("g")) == nil)
    }

    @Test func oneFileIsNotTakenForAnother() throws {
        var new = FileAttributes()
        new.mustBeNew = true
        let first = try put("f", "first", new)
        let taken = failure { try put("f", "second", new) }
        #expect(taken?.code == .blobAlreadyExists)
        let second = try put("f", "second")
        #expect(first.identity != second.identity)
        #expect(
            failure { _ = try store.bytes(path("f"), identity: first.identity) }?.code == .conditionNotMet)
        #expect(failure { try store.remove(path("f"), identity: first.identity) }?.code == .conditionNotMet)
        let listed = try store.list("data", prefix: BytePath("f"), after: nil, limit: 1).files[0]
        #expect(listed.identity == second.identity)
        try store.remove(path("f"), identity: listed.identity)
        try store.remove(path("f"), identity: listed.identity)
        try store.remove(path("f"), identity: nil)
        #expect(failure { try store.remove(path("f", "missing"), identity: nil) }?.code == .containerNotFound)
    }

    @Test func pagesGoOnWhereTheyEndedWhoeverAsks() throws {
        let names = (0..<17).map { "p/" + padded($0, 3) }
        for name in names + ["o", "q"] { try put(name) }
        func walk(_ stores: [AzureBlobStore], _ limit: Int) throws -> [[String]] {
            var (pages, after): ([[String]], BytePath?) = ([], nil)
            repeat {
                let page = try stores[pages.count % stores.count].list(
                    "data", prefix: BytePath("p/"), after: after, limit: limit)
                pages.append(page.files.map(\.name.shown))
                after = page.next
            } while after != nil && pages.count < 100
            return pages
        }
        let inFives = [Array(names[..<5]), Array(names[5..<10]), Array(names[10..<15]), Array(names[15...])]
        #expect(try walk([store], 5) == inFives)
        let one = try server.asked("GET", "comp=list")
        #expect(one == 4)
        // Each page by somebody else, who knows no marker.
        #expect(
            try walk([try server.store(), try server.store(), try server.store(), try server.store()], 5)
                == inFives)
        // From a name that nobody has a marker for: what one page brought is enough for all the calls that follow.
        try server.forget()
        let late = try server.store()
        var (rest, after): ([String], BytePath?) = ([], BytePath("p/0035"))
        while let place = after {
            let page = try late.list("data", prefix: BytePath("p/"), after: place, limit: 2)
            rest += page.files.map(\.name.shown)
            after = page.next
        }
        #expect(rest == Array(names[4...]))
        #expect(try server.asked("GET") == 1)
        // A service whose pages are shorter than what is asked for.
        try server.control(#"{"page": 3}"#)
        #expect(try walk([store], 100).flatMap { $0 } == names)
        #expect(try walk([try server.store(), try server.store()], 4).flatMap { $0 } == names)
        // Any name may be gone on from, also one that is not there.
        let page = try store.list("data", prefix: BytePath("p/"), after: BytePath("p/0035"), limit: 2)
        #expect(page.files.map(\.name.shown) == ["p/004", "p/005"])
        #expect(page.next == BytePath("p/005"))
        #expect(
            failure { _ = try store.list("missing", prefix: BytePath(""), after: nil, limit: 1) }?.code
                == .containerNotFound)
    }

    @Test func stubsOfDirectoriesAreNoFiles() throws {
        var stub = FileAttributes()
        stub.metadata = ["hdi_isfolder": "true"]
        for name in ["a", "b", "c", "d"] { try put(name, "", stub) }
        try put("e")
        try server.control(#"{"page": 2}"#)
        let page = try store.list("data", prefix: BytePath(""), after: nil, limit: 10)
        #expect(page.files.map(\.name.shown) == ["e"])
        #expect(try store.stat(path("a")) == nil)
    }

    @Test func otherKindsOfBlobsAreReadAlike() throws {
        for kind in ["PageBlob", "AppendBlob"] {
            var request = AzureRequest(.put, path(kind))
            request.headers = [HTTPHeader("x-ms-blob-type", kind)]
            try store.send(request, .bytes(Array("content".utf8)), expecting: 201)
            #expect(try store.bytes(path(kind)) == Array("content".utf8))
            #expect(try store.stat(path(kind))?.size == 7)
        }
        let error = failure {
            let file = try store.beginParts(path("PageBlob"), FileAttributes())
            _ = try store.writePart(1, of: file, from: .bytes([1]))
        }
        #expect(error?.code == .invalidInput)
    }

    @Test func copiesAreTheServicesAndAreWaitedFor() throws {
        var attributes = FileAttributes()
        attributes.metadata = ["a": "1"]
        try store.makeContainer("other")
        try put("a b+%", "content", attributes)
        let copied = try store.copy(path("a b+%"), to: path("c/ü#", "other"))
        #expect(copied.size == 7 && copied.metadata == ["a": "1"] && copied.name == BytePath("c/ü#"))
        #expect(try store.bytes(path("c/ü#", "other")) == Array("content".utf8))
        try server.control(#"{"copy_polls": 2, "forget": true}"#)
        _ = try store.copy(path("a b+%"), to: path("slow"))
        #expect(try server.asked("HEAD", "slow") == 4)
        #expect(
            failure { _ = try store.copy(path("none"), to: path("x")) }?.description
                == "Azure account devstoreaccount1, data/none: there is no such file")
    }

    @Test func aFileInPartsIsSeenWhenItIsFinished() throws {
        let content = someBytes(2_500_000)
        let source = try ScratchFile(content)
        var attributes = FileAttributes()
        attributes.metadata = ["a": "1"]
        attributes.md5 = hexadecimalText(try Digest.of(content, .md5))
        let partial = try store.beginParts(path("big"), attributes)
        #expect(try store.unfinishedParts(path("big")) == nil)
        let stretches: [Range<Int64>] = [0..<1_000_000, 1_000_000..<2_000_000, 2_000_000..<2_500_000]
        // Out of order, and one of them twice.
        for number in [3, 1, 1] {
            let part = try store.writePart(number, of: partial, from: source.stretch(stretches[number - 1]))
            #expect(
                part.md5 == hexadecimalText(try Digest.of(Array(content[stretches[number - 1].asInts]), .md5))
            )
        }
        #expect(try store.stat(path("big")) == nil)
        #expect(try store.list("data", prefix: BytePath(""), after: nil, limit: 9).files.isEmpty)

        // Somebody else goes on with it.
        let other = try server.store()
        let found = try #require(try other.unfinishedParts(path("big")))
        #expect(found.parts.map(\.number) == [1, 3])
        #expect(found.parts.map(\.size) == [1_000_000, 500_000])
        #expect(found.parts[1].md5 == hexadecimalText(try Digest.of(Array(content[2_000_000...]), .md5)))
        let second = try other.writePart(2, of: found, from: source.stretch(stretches[1]))
        let stored = try other.finish(found, found.parts + [second], attributes)
        #expect(stored.size == 2_500_000 && stored.md5 == attributes.md5)
        var told = try #require(try store.stat(path("big")))
        #expect(told.metadata == ["a": "1"])
        told.metadata = [:]
        #expect(told == stored)
        #expect(try store.bytes(path("big")) == content)
        #expect(try store.unfinishedParts(path("big")) == nil)
        attributes.mustBeNew = true
        #expect(
            failure { _ = try other.finish(found, found.parts + [second], attributes) }?.code
                == .blobAlreadyExists)
    }

    @Test func whatAnotherProgramLeftIsNotTakenForOurs() throws {
        var request = AzureRequest(.put, path("f"))
        request.query = [("comp", "block"), ("blockid", "AAAA")]
        try store.send(request, .bytes([1]), expecting: 201)
        #expect(try store.unfinishedParts(path("f")) == nil)
        let partial = try store.beginParts(path("f"), FileAttributes())
        let error = failure { _ = try store.writePart(1, of: partial, from: .bytes([1])) }
        #expect(
            error?.description
                == "Azure account devstoreaccount1, data/f: another program has begun to write this file and left unfinished "
                + "blocks (InvalidBlobOrBlock); end that, or wait a week until the service has discarded them"
        )
        // A write of the whole file in between discards what had arrived of the parts.
        let lost = try store.beginParts(path("g"), FileAttributes())
        let part = try store.writePart(1, of: lost, from: .bytes([1]))
        try put("g", "whole")
        #expect(failure { _ = try store.finish(lost, [part], FileAttributes()) }?.code == .conditionNotMet)
        #expect(try store.bytes(path("g")) == Array("whole".utf8))
    }
}

extension Range<Int64> {
    fileprivate var asInts: Range<Int> { Int(lowerBound)..<Int(upperBound) }
}
