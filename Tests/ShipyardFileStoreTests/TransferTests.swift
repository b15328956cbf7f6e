import Foundation
import ShipyardFileStore
import ShipyardModel
import Synchronization
import Testing

/// Many files over many connections, against a service that fails where it likes.
final class TransferTests {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("shipyard-transfer-\(UUID())")
        .path
    let service = MemoryService()

    init() throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try service.access.open().makeContainer("box")
    }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func bytes(_ count: Int, _ seed: UInt64 = 1) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    private func put(_ name: String, _ bytes: [UInt8]) throws {
        let url = URL(fileURLWithPath: root + "/" + name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    private func get(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: root + "/" + name).map(Array.init)
    }

    /// Not `==`, whose failure would print them.
    private func same(_ left: [UInt8]?, _ right: [UInt8]?) -> Bool { left == right }

    private func leftovers() -> [String] {
        (FileManager.default.enumerator(atPath: root)?.allObjects as? [String] ?? []).filter {
            $0.contains(".shipyard-part-")
        }
    }

    /// What became of each file, by its target's name.
    private func run(
        _ from: TransferEnd, _ to: TransferEnd, _ items: [(String, String)],
        _ options: TransferOptions = TransferOptions(),
        gauge: TransferGauge = TransferGauge()
    ) throws -> [String: String] {
        let rest = Mutex(items)
        let told = Mutex<[String: String]>([:])
        defer { last = told.withLock { $0 } }
        try Transfer(from: from, to: to, options, gauge).run({
            rest.withLock { items in
                items.isEmpty ? nil : items.removeFirst()
            }.map { TransferItem(source: BytePath($0.0), target: BytePath($0.1), size: 0) }
        }) { report in
            told.withLock { told in
                switch report {
                case .moved(let item): told[item.target.description] = "moved"
                case .same(let item): told[item.target.description] = "same"
                case .failed(let item, let error): told[item.target.description] = error.code.rawValue
                }
            }
        }
        return told.withLock { $0 }
    }
    private var last: [String: String] = [:]

    private var local: TransferEnd { get throws { .local(try LocalRoot(BytePath(root))) } }
    private var box: TransferEnd { .store(service.access, container: "box") }

    @Test(arguments: [false, true]) func filesOfAllSizesGoUpAndComeDownAsTheyWere(keepsPartsHash: Bool) throws {
        service.contents.withLock { $0.keepsPartsHash = keepsPartsHash }
        let sizes = [0, 1, 999, 1000, 1001, 1999, 2000, 2001, 25_000]
        let names = sizes.map { "d/\($0) ü%+" }
        for (size, name) in zip(sizes, names) { try put(name, bytes(size)) }
        let up = try run(local, box, names.map { ($0, "up/" + $0) })
        #expect(up.count == sizes.count && up.values.allSatisfy { $0 == "moved" })
        for (size, name) in zip(sizes, names) {
            #expect(same(service.bytes("box", "up/" + name), bytes(size)))
        }
        #expect(try run(local, box, names.map { ($0, "up/" + $0) }).values.allSatisfy { $0 == "same" })
        let down = try run(box, local, names.map { ("up/" + $0, "down/" + $0) })
        #expect(down.count == sizes.count && down.values.allSatisfy { $0 == "moved" })
        for (size, name) in zip(sizes, names) { #expect(same(get("down/" + name), bytes(size))) }
        #expect(
            try run(box, local, names.map { ("up/" + $0, "down/" + $0) }).values.allSatisfy { $0 == "same" })
        #expect(leftovers() == [])
        // Another content of the same size and time is another content.
        try put("d/25000 ü%+", bytes(25_000, 7))
        #expect(try run(local, box, [("d/25000 ü%+", "up/d/25000 ü%+")]) == ["up/d/25000 ü%+": "moved"])
        #expect(same(service.bytes("box", "up/d/25000 ü%+"), bytes(25_000, 7)))
    }

    @Test(arguments: [false, true]) func anInterruptedUploadGoesOnWhereItEnded(keepsPartsHash: Bool) throws {
        service.contents.withLock { $0.keepsPartsHash = keepsPartsHash }
        try put("big", bytes(10_500))
        service.fail { name, count throws(FileStoreError) in
            if name == "writePart", count > 4 { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.local, self.box, [("big", "big")]) }
        #expect(service.bytes("box", "big") == nil)
        let sent = service.calls("writePart")
        service.fail { _, _ in }
        #expect(try run(local, box, [("big", "big")]) == ["big": "moved"])
        #expect(same(service.bytes("box", "big"), bytes(10_500)))
        #expect(service.calls("writePart") - sent == 11 - 4)
        // Of another content nothing is taken over.
        service.fail { name, _ throws(FileStoreError) in
            if name == "finish" { throw FileStoreError(.unreachable, "gone") }
        }
        try put("big", bytes(10_500, 2))
        #expect(throws: FileStoreError.self) { try self.run(self.local, self.box, [("big", "big")]) }
        try put("big", bytes(10_500, 3))
        service.fail { _, _ in }
        #expect(try run(local, box, [("big", "big")]) == ["big": "moved"])
        #expect(same(service.bytes("box", "big"), bytes(10_500, 3)))
    }

    @Test(arguments: [false, true]) func anInterruptedDownloadGoesOnWhereItEnded(keepsPartsHash: Bool) throws {
        service.contents.withLock { $0.keepsPartsHash = keepsPartsHash }
        try put("original", bytes(10_500))
        #expect(try run(local, box, [("original", "big")]) == ["big": "moved"])
        service.fail { name, count throws(FileStoreError) in
            if name == "read", count > 6 { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.box, self.local, [("big", "big")]) }
        #expect(get("big") == nil)
        #expect(leftovers().count == 2)
        let read = service.calls("read")
        service.fail { _, _ in }
        #expect(try run(box, local, [("big", "big")]) == ["big": "moved"])
        #expect(same(get("big"), bytes(10_500)) && leftovers() == [])
        #expect(service.calls("read") - read == 11 - 6)
    }

    /// Its hash was computed before, and its time can be set back.
    @Test(arguments: [false, true]) func aFileThatIsAnotherOneAtTheSameTimeIsNotFinished(isContent: Bool) throws {
        service.contents.withLock { $0.keepsPartsHash = true }
        try put("big", bytes(10_500))
        let path = root + "/big"
        service.fail { name, count in
            guard name == "writePart", count == 2 else { return }
            var status = stat()
            stat(path, &status)
            if isContent, let handle = FileHandle(forWritingAtPath: path) {
                try? handle.seek(toOffset: 10_200)
                handle.write(Data([0, 1, 2, 3]))
                try? handle.close()
                var times = [status.st_atim, status.st_mtim]
                utimensat(AT_FDCWD, path, &times, 0)
            } else {
                chmod(path, 0o600)
            }
        }
        if isContent {
            #expect(throws: FileStoreError.self) { try self.run(self.local, self.box, [("big", "big")]) }
            #expect(service.bytes("box", "big") == nil)
        } else {
            #expect(try run(local, box, [("big", "big")]) == ["big": "moved"])
        }
    }

    /// Whatever came to stand behind it is nothing of the file, and no hash of the file sees it.
    @Test func whatIsLongerThanTheFileIsCut() throws {
        try put("original", bytes(10_500))
        #expect(try run(local, box, [("original", "big")]) == ["big": "moved"])
        service.fail { name, count throws(FileStoreError) in
            if name == "read", count > 6 { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.box, self.local, [("big", "big")]) }
        let part = try #require(leftovers().first { !$0.hasSuffix(".parts") })
        let handle = try #require(FileHandle(forWritingAtPath: root + "/" + part))
        try handle.truncate(atOffset: 20_000)
        try handle.close()
        service.fail { _, _ in }
        #expect(try run(box, local, [("big", "big")]) == ["big": "moved"])
        #expect(same(get("big"), bytes(10_500)))
    }

    /// What was sent of it is there whole, and only nobody has put it together.
    @Test func anUploadWhosePartsAreAllThereIsFinished() throws {
        try put("big", bytes(10_500))
        service.fail { name, _ throws(FileStoreError) in
            if name == "finish" { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.local, self.box, [("big", "big")]) }
        let sent = service.calls("writePart")
        service.fail { _, _ in }
        #expect(try run(local, box, [("big", "big")]) == ["big": "moved"])
        #expect(same(service.bytes("box", "big"), bytes(10_500)) && service.calls("writePart") == sent)
        #expect(service.calls("setMetadata") == 0)
    }

    /// A service that takes no part twice must not refuse the file for ever.
    @Test func anUploadThatCannotBeGoneOnWithIsGivenUp() throws {
        try put("big", bytes(10_500))
        service.fail { name, count throws(FileStoreError) in
            if name == "writePart", count > 4 { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.local, self.box, [("big", "big")]) }
        service.fail { name, _ throws(FileStoreError) in
            if name == "writePart" { throw FileStoreError(.unsupported, "not twice") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.local, self.box, [("big", "big")]) }
        #expect(service.contents.withLock { $0.uploads.isEmpty })
        service.fail { _, _ in }
        #expect(try run(local, box, [("big", "big")]) == ["big": "moved"])
        #expect(same(service.bytes("box", "big"), bytes(10_500)))
    }

    /// What arrived before the machine was started anew may never have reached the disk.
    @Test func partsOfAnEarlierStartOfTheMachineAreNotTrusted() throws {
        service.put("box", "big", bytes(10_500))
        service.fail { name, count throws(FileStoreError) in
            if name == "read", count > 6 { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.box, self.local, [("big", "big")]) }
        let notes = try #require(leftovers().first { $0.hasSuffix(".parts") })
        let text = try String(contentsOfFile: root + "/" + notes, encoding: .utf8)
        try ("other" + text.drop { $0 != "\n" }).write(
            toFile: root + "/" + notes, atomically: false, encoding: .utf8)
        let read = service.calls("read")
        service.fail { _, _ in }
        #expect(try run(box, local, [("big", "big")]) == ["big": "moved"])
        #expect(same(get("big"), bytes(10_500)) && service.calls("read") - read == 11)
    }

    /// In a directory of many, its name can be told before, and whoever made it could write to it for ever.
    @Test(.enabled(if: geteuid() == 0)) func partsOfSomebodyElseAreNotGoneOnWith() throws {
        service.put("box", "big", bytes(10_500))
        service.fail { name, count throws(FileStoreError) in
            if name == "read", count > 6 { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.box, self.local, [("big", "big")]) }
        service.fail { _, _ in }
        let parts = try #require(leftovers().first { !$0.hasSuffix(".parts") })
        chown(root + "/" + parts, 65_534, 65_534)
        #expect(throws: FileStoreError.self) { try self.run(self.box, self.local, [("big", "big")]) }
        #expect(last == ["big": "LocalFile"] && get("big") == nil)
    }

    @Test func aFileInOnePieceThatDoesNotArriveLeavesNothing() throws {
        service.put("box", "small", bytes(10))
        service.fail { name, _ throws(FileStoreError) in
            if name == "read" { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.box, self.local, [("small", "small")]) }
        #expect(leftovers() == [] && get("small") == nil)
    }

    @Test func partsAreLargerWhereThereWouldBeTooMany() {
        let rules = StoreRules(largestWhole: 16 << 20, partBytes: 16 << 20, mostParts: 10_000, connections: 8)
        #expect(rules.partBytes(ofFile: 0) == 16 << 20)
        #expect(rules.partBytes(ofFile: 160_000 << 20) == 16 << 20)
        #expect(rules.partBytes(ofFile: 160_000 << 20 + 1) == 17 << 20)
        #expect(rules.partBytes(ofFile: 5 << 40) == 525 << 20)
    }

    @Test(arguments: [false, true]) func aLargeFileThatArrivesDamagedIsNotTaken(keepsPartsHash: Bool) throws {
        service.contents.withLock { $0.keepsPartsHash = keepsPartsHash }
        try put("big", bytes(10_500))
        #expect(try run(local, box, [("big", "big")]) == ["big": "moved"])
        let service = service
        service.fail { name, count in
            if name == "read", count == 3 {
                service.contents.withLock { $0.files["box"]?["big"]?.bytes[10_000] ^= 1 }
            }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.box, self.local, [("big", "copy")]) }
        #expect(last == ["copy": "Md5Mismatch"] && get("copy") == nil && leftovers() == [])
        let other = MemoryService(partBytes: 700)
        try other.access.open().makeContainer("out")
        let access = StoreAccess(StorageAccount(.s3, alias: "other", name: "other")) { gauge in
            MemoryStore(other, gauge)
        }
        #expect(throws: FileStoreError.self) {
            try self.run(self.box, .store(access, container: "out"), [("big", "copy")])
        }
        #expect(other.bytes("out", "copy") == nil)
    }

    /// What a store was told when the upload began is of the file as it was then.
    @Test(arguments: [false, true]) func aResumedUploadHasTheHashOfWhatItIsNow(keepsPartsHash: Bool) throws {
        service.contents.withLock { $0.keepsPartsHash = keepsPartsHash }
        try put("log", bytes(10_500))
        service.fail { name, count throws(FileStoreError) in
            if name == "writePart", count > 4 { throw FileStoreError(.unreachable, "gone") }
        }
        #expect(throws: FileStoreError.self) { try self.run(self.local, self.box, [("log", "log")]) }
        service.fail { _, _ in }
        let longer = bytes(10_500) + bytes(700, 4)
        try put("log", longer)
        #expect(try run(local, box, [("log", "log")]) == ["log": "moved"])
        #expect(same(service.bytes("box", "log"), longer))
        let stored = try service.access.open().stat(StorePath("box", BytePath("log")))
        let parts = try stride(from: 0, to: longer.count, by: 1000).map {
            try Digest.of(Array(longer[$0..<min($0 + 1000, longer.count)]), .sha256)
        }
        #expect(try stored?.md5 == (keepsPartsHash ? nil : hexadecimalText(Digest.of(longer, .md5))))
        #expect(try stored?.partsHash == (keepsPartsHash ? PartsHash(partBytes: 1000, of: parts) : nil))
        #expect(try run(box, local, [("log", "back")]) == ["back": "moved"])
    }

    @Test func aFileThatChangesWhileItIsSentTakesNobodysPlace() throws {
        let home = root + "/home"
        let access = StoreAccess(
            StorageAccount(.embedded, alias: "a", name: "a"), StorageKeys(), FileStores(embeddedRoot: home))
        try access.open().makeContainer("c")
        try put("big", bytes(200_000))
        #expect(try run(local, .store(access, container: "c"), [("big", "big")]) == ["big": "moved"])
        try put("big", bytes(300_000, 2))
        let path = root + "/big"
        let writing = Thread {
            usleep(300_000)
            let handle = FileHandle(forWritingAtPath: path)
            handle?.write(Data([1, 2, 3]))
            try? handle?.close()
        }
        writing.start()
        #expect(throws: FileStoreError.self) {
            try self.run(
                self.local, .store(access, container: "c"), [("big", "big")],
                gauge: TransferGauge(bytesPerSecond: 200_000))
        }
        #expect(same(get("home/a/c/big"), bytes(200_000)))
    }

    @Test func aFileThatIsWrittenAnewIsNotPutTogetherOfTwo() throws {
        service.put("box", "big", bytes(10_500))
        let service = service
        let new = bytes(10_500, 9)
        service.fail { name, count in if name == "read", count == 5 { service.put("box", "big", new) } }
        #expect(throws: FileStoreError.self) { try self.run(self.box, self.local, [("big", "big")]) }
        #expect(last == ["big": "ConditionNotMet"] && get("big") == nil)
        #expect(try run(box, local, [("big", "big")]) == ["big": "moved"])
        #expect(same(get("big"), new))
    }

    @Test func aFileThatFailsLeavesTheOthersAlone() throws {
        for name in ["a", "b", "c"] { try put(name, bytes(10)) }
        var options = TransferOptions()
        options.stopsAtFirstFailure = false
        let told = try run(local, box, [("a", "a"), ("nothing", "n"), ("b", "b"), ("c", "c")], options)
        #expect(told == ["a": "moved", "b": "moved", "c": "moved", "n": "LocalFile"])
        options.overwrites = false
        #expect(try run(local, box, [("a", "a")], options) == ["a": "BlobAlreadyExists"])
        #expect(try run(box, local, [("a", "a")], options) == ["a": "BlobAlreadyExists"])
        #expect(throws: FileStoreError.self) {
            try self.run(self.local, self.box, [("nothing", "n"), ("a", "z")])
        }
    }

    @Test func everyFaultEndsInAnErrorAndTheNextRunSucceeds() throws {
        let names = (0..<6).map { "f\($0)" }
        for (index, name) in names.enumerated() { try put(name, bytes(index * 900, UInt64(index))) }
        var fault = 1
        while true {
            let count = Mutex(0)
            let wanted = fault
            service.fail { _, _ throws(FileStoreError) in
                let number = count.withLock {
                    $0 += 1; return $0
                }
                if number == wanted { throw FileStoreError(.internalError, "fault") }
            }
            let isDone = (try? run(local, box, names.map { ($0, "r\(fault)/" + $0) })) != nil
            service.fail { _, _ in }
            #expect(try run(local, box, names.map { ($0, "r\(fault)/" + $0) }).count == names.count)
            for (index, name) in names.enumerated() {
                #expect(same(service.bytes("box", "r\(fault)/" + name), bytes(index * 900, UInt64(index))))
            }
            if isDone { break }
            fault += 1
        }
        #expect(fault > 15)
    }

    @Test func linksThatLeadOutAreNotSent() throws {
        try put("in/a", [1])
        try FileManager.default.createSymbolicLink(atPath: root + "/in/inside", withDestinationPath: "a")
        try FileManager.default.createSymbolicLink(
            atPath: root + "/in/outside", withDestinationPath: "/etc/passwd")
        try FileManager.default.createSymbolicLink(atPath: root + "/in/dir", withDestinationPath: "/etc")
        mkfifo(root + "/in/pipe", 0o600)
        let tree = try LocalRoot(BytePath(root + "/in"))
        var found: [String] = []
        var leftOut: [String] = []
        try tree.forEachFile(leftOut: { leftOut.append($0) }) { file in
            found.append(file.name.description)
            return true
        }
        #expect(found == ["a", "inside"])
        #expect(leftOut.count == 3)
        var options = TransferOptions()
        options.stopsAtFirstFailure = false
        #expect(
            try run(
                .local(tree), box, [("outside", "o"), ("dir/passwd", "p"), ("pipe", "q"), ("inside", "i")],
                options)
                == ["o": "LocalFile", "p": "LocalFile", "q": "LocalFile", "i": "moved"])
        service.put("box", "x", [2])
        #expect(
            try run(
                box, .local(tree), [("x", "dir/x"), ("x", "../x"), ("x", "/x"), ("x", ""), ("x", "y/z")],
                options)
                == [
                    "dir/x": "LocalFile", "../x": "LocalFile", "/x": "LocalFile", "": "LocalFile",
                    "y/z": "moved",
                ])
    }

    @Test func storesCopyWithinAndToEachOther() throws {
        let other = MemoryService(partBytes: 700)
        try other.access.open().makeContainer("out")
        for size in [0, 1000, 1001, 9999] { service.put("box", "s\(size)", bytes(size)) }
        // Another account, though both are of memory.
        let access = StoreAccess(StorageAccount(.s3, alias: "other", name: "other")) { gauge in
            MemoryStore(other, gauge)
        }
        let names = [0, 1000, 1001, 9999].map { ("s\($0)", "t\($0)") }
        #expect(try run(box, .store(access, container: "out"), names).values.allSatisfy { $0 == "moved" })
        for size in [0, 1000, 1001, 9999] { #expect(same(other.bytes("out", "t\(size)"), bytes(size))) }
        #expect(try run(box, .store(access, container: "out"), names).values.allSatisfy { $0 == "same" })
        #expect(try run(box, box, [("s1001", "u")]) == ["u": "moved"])
        #expect(service.calls("copy") == 1 && same(service.bytes("box", "u"), bytes(1001)))
    }

    @Test func aTransferIsEndedAndHeldToARate() throws {
        try put("big", bytes(300_000))
        let gauge = TransferGauge(bytesPerSecond: 200_000)
        let root = LocalRootBox(try LocalRoot(BytePath(root)))
        let start = Date()
        let home = self.root + "/home"
        let stores = FileStores(embeddedRoot: home)
        let access = StoreAccess(StorageAccount(.embedded, alias: "a", name: "a"), StorageKeys(), stores)
        try access.open().makeContainer("c")
        #expect(
            try run(.local(root.root), .store(access, container: "c"), [("big", "big")], gauge: gauge) == [
                "big": "moved"
            ])
        #expect(Date().timeIntervalSince(start) > 0.9)
        gauge.cancel()
        #expect(throws: FileStoreError.self) {
            try self.run(.local(root.root), .store(access, container: "c"), [("big", "two")], gauge: gauge)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: home + "/a/c") == ["big"])
    }
    private struct LocalRootBox { let root: LocalRoot; init(_ root: LocalRoot) { self.root = root } }
}
