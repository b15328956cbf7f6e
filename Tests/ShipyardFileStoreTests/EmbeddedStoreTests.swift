import Foundation
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardFileStore

/// The store in the home.
final class EmbeddedStoreTests {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("shipyard-embedded-\(UUID())")
        .path

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func store() throws -> EmbeddedStore {
        try EmbeddedStore(
            StorageAccount(.embedded, alias: "a", name: "acct"), root: root, TransferGauge())
    }

    private func read(_ store: EmbeddedStore, _ name: String, _ range: Range<Int64>? = nil) throws -> String {
        var bytes: [UInt8] = []
        try store.read(
            StorePath("box", BytePath(name)), range: range, identity: nil,
            to: .receiver {
                bytes += $0; return true
            })
        return String(decoding: bytes, as: UTF8.self)
    }

    private func code(_ body: () throws -> Void) -> FileStoreError.Code? {
        do { try body() } catch { return (error as? FileStoreError)?.code }
        return nil
    }

    private func write(_ store: EmbeddedStore, _ name: String, _ text: String, new: Bool = false) throws {
        var attributes = FileAttributes()
        attributes.mustBeNew = new
        _ = try store.write(StorePath("box", BytePath(name)), from: .bytes(Array(text.utf8)), attributes)
    }

    private func files() -> [String] {
        (FileManager.default.enumerator(atPath: root)?.allObjects as? [String] ?? []).sorted()
    }

    @Test func aFileIsWrittenReadAndRemoved() throws {
        let store = try store()
        #expect(try store.containers() == [])
        #expect(code { try self.write(store, "a", "x") } == .containerNotFound)
        try store.makeContainer("box")
        try store.makeContainer("box")
        #expect(try store.containers() == ["box"])
        try write(store, "a b/ü%+\n.txt", "hello")
        #expect(try read(store, "a b/ü%+\n.txt") == "hello")
        #expect(try read(store, "a b/ü%+\n.txt", 1..<3) == "el")
        #expect(try read(store, "a b/ü%+\n.txt", 3..<100) == "lo")
        let first = try #require(try store.stat(StorePath("box", BytePath("a b/ü%+\n.txt"))))
        #expect(first.size == 5)
        try write(store, "a b/ü%+\n.txt", "other")
        let path = StorePath("box", BytePath("a b/ü%+\n.txt"))
        let second = try #require(try store.stat(path))
        #expect(first.identity != second.identity)
        #expect(
            code { try store.read(path, range: nil, identity: first.identity, to: .receiver { _ in true }) }
                == .conditionNotMet)
        #expect(code { try self.write(store, "a b/ü%+\n.txt", "third", new: true) } == .blobAlreadyExists)
        #expect(try read(store, "a b/ü%+\n.txt") == "other")
        #expect(code { try store.remove(path, identity: first.identity) } == .conditionNotMet)
        try store.remove(path, identity: second.identity)
        try store.remove(path, identity: second.identity)
        #expect(try store.stat(path) == nil)
        #expect(code { _ = try self.read(store, "nothing") } == .blobNotFound)
        try store.settle()
        #expect(files() == ["acct", "acct/box", "acct/box/a b"])
    }

    @Test(arguments: [
        "", "/a", "a/", "a//b", ".", "a/../b", "..", ".shipyard-partial-x", "a\u{0}b",
        String(repeating: "n", count: 256),
    ])
    func whatNoPathCanBeIsNoName(_ name: String) throws {
        let store = try store()
        try store.makeContainer("box")
        #expect(code { try self.write(store, name, "x") } == .invalidResourceName)
        #expect(try store.stat(StorePath("box", BytePath(name))) == nil)
        #expect(code { _ = try self.read(store, name) } == .blobNotFound)
        #expect(code { try store.makeContainer("..") } == .invalidResourceName)
    }

    @Test func aFileAndADirectoryCannotShareAName() throws {
        let store = try store()
        try store.makeContainer("box")
        try write(store, "a/b", "x")
        #expect(code { try self.write(store, "a", "y") } == .invalidResourceName)
        #expect(code { try self.write(store, "a/b/c", "y") } == .invalidResourceName)
        #expect(try read(store, "a/b") == "x")
        #expect(!files().contains { $0.contains("shipyard-partial") })
    }

    /// Tasks may put links into a container.
    @Test func nothingIsReachedThroughALink() throws {
        let store = try store()
        try store.makeContainer("box")
        let outside = root + "/outside"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try Data("secret".utf8).write(to: URL(fileURLWithPath: outside + "/f"))
        try FileManager.default.createSymbolicLink(
            atPath: root + "/acct/box/link", withDestinationPath: outside)
        try FileManager.default.createSymbolicLink(
            atPath: root + "/acct/box/file", withDestinationPath: outside + "/f")
        #expect(code { _ = try self.read(store, "link/f") } == .blobNotFound)
        #expect(code { _ = try self.read(store, "file") } == .blobNotFound)
        #expect(code { try self.write(store, "link/g", "x") } == .invalidResourceName)
        try store.remove(StorePath("box", BytePath("link/f")), identity: nil)
        try write(store, "file", "mine")
        #expect(try String(contentsOfFile: outside + "/f", encoding: .utf8) == "secret")
        #expect(
            try store.list("box", prefix: BytePath(""), after: nil, limit: 10).files.map(\.name.description)
                == ["file"])
    }

    @Test func listingsAreInByteOrderAndGoOnAnywhere() throws {
        let store = try store()
        try store.makeContainer("box")
        let names = ["a.txt", "a/b", "a/c/d", "a/c.x", "a0", "ab/x", "b", "\u{ff}", "é/é"]
        for name in names { try write(store, name, "") }
        try Data().write(to: URL(fileURLWithPath: root + "/acct/box/.shipyard-partial-1"))
        let sorted = names.map { BytePath($0) }.sorted()
        for prefix in ["", "a", "a/", "a/c", "a/c/", "b", "é", "x"] {
            let expected = sorted.filter { $0.bytes.starts(with: prefix.utf8) }
            for limit in 1...10 {
                for start in [nil] + expected.map({ Optional($0) }) {
                    var found: [BytePath] = []
                    var after = start
                    while true {
                        let page = try store.list("box", prefix: BytePath(prefix), after: after, limit: limit)
                        found += page.files.map(\.name)
                        guard let next = page.next else { break }
                        after = next
                    }
                    #expect(found == expected.filter { start == nil || $0 > start! })
                }
            }
        }
    }

    @Test func attributesHoldForTheirContentAlone() throws {
        let store = try store()
        try store.makeContainer("box")
        var attributes = FileAttributes()
        attributes.metadata = ["kind": "raw"]
        attributes.md5 = String(repeating: "0", count: 32)
        attributes.sourceTime = 5
        let path = StorePath("box", BytePath("f"))
        _ = try store.write(path, from: .bytes([1]), attributes)
        let known = try #require(try store.stat(path))
        #expect(known.metadata == ["kind": "raw", "shipyard_mtime": "5"] && known.md5 == attributes.md5)
        _ = try store.copy(path, to: StorePath("box", BytePath("g")))
        #expect(try store.stat(StorePath("box", BytePath("g")))?.metadata == known.metadata)
        try store.setMetadata(["a": "b"], of: path)
        #expect(try store.stat(path)?.metadata == ["a": "b"])
        #expect(try store.stat(path)?.md5 == attributes.md5)
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: root + "/acct/box/f"))
        try handle.write(contentsOf: Data([2, 3]))
        try handle.close()
        #expect(try store.stat(path)?.metadata == [:])
        #expect(try store.stat(path)?.md5 == nil)
        #expect(
            code { try store.setMetadata(["a": String(repeating: "x", count: 4000)], of: path) }
                == .invalidInput)
        // Another content of the same length.
        let other = StorePath("box", BytePath("g"))
        let again = try FileHandle(forWritingTo: URL(fileURLWithPath: root + "/acct/box/g"))
        usleep(20_000)
        try again.write(contentsOf: Data([9]))
        try again.close()
        #expect(try store.stat(other)?.metadata == [:])
    }

    @Test func aContainerThatIsReplacedIsOpenedAnew() throws {
        let store = try store()
        try store.makeContainer("box")
        try write(store, "a", "1")
        try FileManager.default.moveItem(atPath: root + "/acct/box", toPath: root + "/acct/old")
        #expect(code { try self.write(store, "b", "2") } == .containerNotFound)
        try store.makeContainer("box")
        try write(store, "b", "2")
        #expect(files() == ["acct", "acct/box", "acct/box/b", "acct/old", "acct/old/a"])
    }

    /// A writer that lives holds a lock; what nobody holds was a dead one's.
    @Test func onlyWhatDeadWritersLeftIsRemoved() throws {
        for name in ["dead", "alive", "of-large"] {
            try Data([1]).write(to: URL(fileURLWithPath: root + "/.shipyard-part-" + name))
        }
        try Data([1]).write(to: URL(fileURLWithPath: root + "/file"))
        try FileManager.default.createSymbolicLink(
            atPath: root + "/.shipyard-part-link", withDestinationPath: "file")
        let alive = open(root + "/.shipyard-part-alive", O_RDONLY)
        flock(alive, LOCK_EX)
        let directory = open(root, O_RDONLY | O_DIRECTORY)
        defer {
            close(alive)
            close(directory)
        }
        PartialFiles.remove(".shipyard-part-", in: directory)
        #expect(files().count == 5)
        PartialFiles.remove(".shipyard-part-", in: directory, youngest: -1)
        #expect(files() == [".shipyard-part-alive", ".shipyard-part-link", ".shipyard-part-of-large", "file"])
    }
}
