import Foundation
import ShipyardModel
import Testing

@testable import ShipyardFileStore

/// Files that are kept compressed.
final class TierTests {
    let service = MemoryService(partBytes: 5000)
    let store: TieredStore

    init() throws {
        store = TieredStore(MemoryStore(service, TransferGauge()), TransferGauge())
        try store.makeContainer("box")
    }

    private func path(_ name: String) -> StorePath { StorePath("box", BytePath(name)) }

    private func read(_ name: String, _ range: Range<Int64>? = nil) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try store.read(
            path(name), range: range, identity: nil,
            to: .receiver {
                bytes += $0; return true
            })
        return bytes
    }

    private func code(_ body: () throws -> Void) -> FileStoreError.Code? {
        do { try body() } catch { return (error as? FileStoreError)?.code }
        return nil
    }

    private let text = Array(String(repeating: "a line of a recording\n", count: 2000).utf8)

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        _ = try store.write(path(name), from: .bytes(bytes), FileAttributes())
    }

    @Test func aCoolFileIsReadAsIfItWereHot() throws {
        var attributes = FileAttributes()
        attributes.metadata = ["kind": "raw"]
        _ = try store.write(path("d/rec"), from: .bytes(text), attributes)
        let hot = try #require(try store.stat(path("d/rec")))
        let taken = try store.changeTier(of: path("d/rec"), to: .cool, identity: hot.identity)
        #expect(taken < 500)
        let cool = try #require(try store.stat(path("d/rec")))
        #expect(
            cool.size == hot.size && cool.modified == hot.modified && cool.tier == .cool
                && cool.keptBytes == taken)
        #expect(cool.metadata["kind"] == "raw")
        #expect(try read("d/rec") == text)
        #expect(try read("d/rec", 10..<20) == Array(text[10..<20]))
        #expect(try read("d/rec", 43_000..<99_000) == Array(text[43_000...]))
        #expect(
            try store.list("box", prefix: BytePath(""), after: nil, limit: 9).files.map(\.name) == [
                BytePath("d/rec")
            ])
        #expect(
            try store.list("box", prefix: BytePath("d/"), after: nil, limit: 9).files.map(\.size) == [
                hot.size
            ])
        _ = try store.copy(path("d/rec"), to: path("e"))
        #expect(try store.tier(of: path("e")) == .cool && read("e") == text)
        #expect(try store.changeTier(of: path("d/rec"), to: .hot, identity: nil) == hot.size)
        #expect(try store.tier(of: path("d/rec")) == .hot && read("d/rec") == text)
        #expect(
            service.contents.withLock { $0.files["box"]?.keys.filter { $0.contains("d/rec") }.count } == 1)
    }

    @Test func anArchivedFileIsReadWhenItIsBack() throws {
        try write("a", text)
        _ = try store.changeTier(of: path("a"), to: .archive, identity: nil)
        #expect(code { _ = try self.read("a") } == .blobArchived)
        #expect(try store.stat(path("a"))?.tier == .archive)
        _ = try store.changeTier(of: path("a"), to: .cool, identity: nil)
        #expect(try read("a") == text)
        // What is written anew is hot, and the old one is nowhere.
        try write("a", [1])
        #expect(try read("a") == [1] && store.tier(of: path("a")) == .hot)
        #expect(service.contents.withLock { $0.files["box"]?.count } == 1)
        _ = try store.changeTier(of: path("a"), to: .cool, identity: nil)
        try store.remove(path("a"), identity: nil)
        #expect(try store.stat(path("a")) == nil)
        #expect(service.contents.withLock { $0.files["box"]?.count } == 0)
        #expect(code { try self.write(".shipyard-tiers/x", [1]) } == .invalidResourceName)
    }

    @Test func namesOfAllTiersComeInOneOrder() throws {
        let names = [
            "a", "a b", "a!", "a\"b", "a#", "a.txt", "a/b", "a/b c", "a0", "ab", "b", " ", "!", "\"", "é",
            "z",
        ]
        for (index, name) in names.enumerated() {
            try write(name, Array(name.utf8))
            if index % 3 > 0 {
                _ = try store.changeTier(of: path(name), to: index % 3 == 1 ? .cool : .archive, identity: nil)
            }
        }
        let sorted = names.map { BytePath($0) }.sorted()
        for prefix in ["", "a", "a ", "a/", "\"", "z", "x"] {
            let expected = sorted.filter { $0.bytes.starts(with: prefix.utf8) }
            for limit in [1, 2, 3, 20] {
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
        for name in names {
            let file = try #require(try store.stat(path(name)))
            if file.tier != .archive { #expect(try read(name) == Array(name.utf8)) }
        }
    }

    /// Before every call to the store the change of tier dies: the file is there afterwards, and the next change succeeds.
    @Test(arguments: [StorageTier.cool, .archive, .hot]) func anInterruptedChangeLosesNothing(
        _ tier: StorageTier
    ) throws {
        var fault = 1
        while true {
            let name = "f\(fault)"
            try write(name, text)
            if tier == .hot { _ = try store.changeTier(of: path(name), to: .cool, identity: nil) }
            let wanted = fault
            let before = service.contents.withLock { $0.calls.count }
            let service = service
            service.fail { _, _ throws(FileStoreError) in
                if service.contents.withLock({ $0.calls.count }) - before == wanted {
                    throw FileStoreError(.internalError, "dead")
                }
            }
            let isDone = (try? store.changeTier(of: path(name), to: tier, identity: nil)) != nil
            service.fail { _, _ in }
            let present = try #require(try store.stat(path(name)))
            #expect(present.size == Int64(text.count))
            _ = try store.changeTier(of: path(name), to: tier, identity: nil)
            #expect(try store.tier(of: path(name)) == tier)
            #expect(
                service.contents.withLock { $0.files["box"]?.keys.filter { $0.contains(name) }.count } == 1)
            if tier != .archive { #expect(try read(name) == text) }
            if isDone { break }
            fault += 1
        }
        #expect(fault > 4)
    }

    @Test func aDamagedCoolFileIsNoFile() throws {
        try write("a", text)
        _ = try store.changeTier(of: path("a"), to: .cool, identity: nil)
        let place = try #require(service.contents.withLock { $0.files["box"]?.keys.first })
        let whole = try #require(service.bytes("box", place))
        for count in [0, 5, whole.count - 1] {
            service.put("box", place, Array(whole[..<count]))
            #expect(code { _ = try self.read("a") } == .md5Mismatch)
        }
        var other = whole
        other[whole.count / 2] ^= 1
        service.put("box", place, other)
        #expect(code { _ = try self.read("a") } == .md5Mismatch)
        #expect(
            code { _ = try self.store.changeTier(of: self.path("a"), to: .hot, identity: nil) }
                == .md5Mismatch)
    }

    /// A store that keeps other bytes than it was given, or gives other ones than it has: the file stays where it is.
    @Test func nothingLeavesItsPlaceUnproved() throws {
        try write("a", text)
        let service = service
        // A whole frame, of another content of the same length.
        let spare = TieredStore(MemoryStore(service, TransferGauge()), TransferGauge())
        service.put("spare", "x", Array(text.reversed()))
        _ = try spare.changeTier(of: StorePath("spare", BytePath("x")), to: .cool, identity: nil)
        let frame = try #require(
            service.contents.withLock { $0.files["spare"]?.first { $0.key != "x" }?.value.bytes })
        service.put("spare", "frame", frame)
        service.fail { name, count in
            guard name == "read" else { return }
            service.contents.withLock { contents in
                for key in contents.files["box"]?.keys.filter({ $0.hasPrefix(".shipyard-tiers") }) ?? [] {
                    contents.files["box"]?[key]?.bytes = frame
                }
            }
        }
        #expect(
            code { _ = try self.store.changeTier(of: self.path("a"), to: .cool, identity: nil) }
                == .md5Mismatch)
        service.fail { _, _ in }
        #expect(try read("a") == text && store.tier(of: path("a")) == .hot)
        // What is read is not what the store says it has.
        let small = Array(text[..<100])
        try write("b", small)
        let known = try #require(try store.stat(path("b")))
        service.fail { name, _ in
            guard name == "read" else { return }
            service.contents.withLock { $0.files["box"]?["b"]?.bytes = Array(small.reversed()) }
        }
        #expect(
            code { _ = try self.store.changeTier(of: self.path("b"), to: .cool, identity: known.identity) }
                == .md5Mismatch)
    }

    /// What writes past this store, or dies in between, leaves a hot file beside a cool one of earlier content.
    @Test func onlyTheLatestContentCounts() throws {
        try write("a", Array("an older content".utf8))
        _ = try store.changeTier(of: path("a"), to: .cool, identity: nil)
        service.put("box", "a", text)
        let present = try #require(
            try store.list("box", prefix: BytePath(""), after: nil, limit: 9).files.first)
        #expect(present.size == Int64(text.count) && present.tier == .hot)
        _ = try store.changeTier(of: path("a"), to: .cool, identity: present.identity)
        let listed = try store.list("box", prefix: BytePath(""), after: nil, limit: 9).files
        #expect(listed.map(\.size) == [Int64(text.count)])
        #expect(try read("a") == text)
        #expect(service.contents.withLock { $0.files["box"]?.count } == 1)
    }
}
