import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardCommands

struct DataCommandPartsTests {
    private func holds(_ place: String, _ names: [String], recursive: Bool = false) throws -> [String] {
        let selection = try StoredSelection(try DataPlace(place), isRecursive: recursive)
        return names.filter { selection.holds(BytePath($0)) }.map {
            selection.relative(BytePath($0)).description
        }
    }

    @Test func placeMeansFilesByItsEnd() throws {
        let names = ["a", "a-b", "a/b.csv", "a/x/c.csv", "b"]
        #expect(try holds("l/c/a", names) == ["a"])
        #expect(try holds("l/c/a/", names) == ["b.csv", "x/c.csv"])
        #expect(try holds("l/c/a", names, recursive: true) == ["a", "a/b.csv", "a/x/c.csv"])
        #expect(try holds("l/c/a/x", names, recursive: true) == ["x/c.csv"])
        #expect(try holds("l/c/", names) == names)
        #expect(try holds("l/c/a/*.csv", names) == ["b.csv", "x/c.csv"])
        #expect(try holds("l/c/*/c.csv", names) == ["a/x/c.csv"])
        #expect(try holds("l/c/[ab]", names) == ["a", "b"])
        // Without its other half a bracket is a character.
        #expect(try holds("l/c/x[", ["x[", "x"]) == ["x["])
        #expect(try DataPlace(#"l/c/\xff\\"#).name == BytePath(bytes: [0xFF, 0x5C]))
        #expect(throws: CommandFailure.self) { try DataPlace("/c") }
        #expect(throws: CommandFailure.self) { try DataPlace("l//x") }
        #expect(throws: CommandFailure.self) { try holds("l/c", names) }
    }

    @Test func localNamesAreRefusedWhereTheyHaveNoPlace() {
        for areSorted in [true, false] {
            var names = LocalNames(areSorted: areSorted)
            let given = [
                "../up", "a", "a-b", "a/b", "a0", "a0/x/y", "b//c", "c/", "d/./e", "/f",
                String(repeating: "x", count: 256), "z/" + String(repeating: "y", count: 255),
            ]
            let kept = given.filter { names.objection(to: BytePath($0)) == nil }
            #expect(kept == ["a", "a-b", "a0", "z/" + String(repeating: "y", count: 255)])
        }
        var names = LocalNames(areSorted: false)
        let given = ["a/b/c", "a/b", "a", "a/b/c", "a/b/d", "x", "x/y"]
        #expect(given.filter { names.objection(to: BytePath($0)) == nil } == ["a/b/c", "a/b/d", "x"])
    }

    @Test func bytesAreReadWithTheirUnits() {
        let known: [(String, Int64?)] = [
            ("512", 512), ("64k", 65_536), ("64kB", 64_000), ("1.5MiB", 1_572_864), ("2G", 2_147_483_648),
            ("1mb", 1_000_000), ("", nil), ("fast", nil), ("1x", nil), ("-1", nil), ("0", nil), ("1e9", nil),
        ]
        for (text, bytes) in known { #expect(DataOptions.bytes(text) == bytes, "\(text)") }
    }

    @Test func progressTellsWhatIsKnown() {
        var numbers = TransferCounts.Numbers()
        (numbers.files, numbers.bytes, numbers.moved, numbers.movedBytes) = (100, 10_240_000, 25, 2_560_000)
        var line = TransferLine(
            numbers: numbers, moving: 5_120_000, bytesPerSecond: 1_024_000, filesPerSecond: 100)
        // Nobody knows how much there is.
        #expect(line.text(width: 200) == "25/100+ files  4.9 MiB/9.8 MiB+  1000.0 KiB/s")
        line.numbers.isCounted = true
        #expect(
            line.text(width: 80)
                == "[##########-----------] 25/100 files  4.9 MiB/9.8 MiB  1000.0 KiB/s  5.0 s left")
        #expect(line.text(width: 20).count == 19)
        // Many small files take as long as there are files.
        line.filesPerSecond = 5
        #expect(line.secondsLeft == 15)
        (line.numbers.failed, line.numbers.failedBytes) = (1, 100)
        #expect(line.text(width: 100).contains("1 failed"))
    }

    @Test func queueHandsOnAllAndEndsForEverybody() async {
        let queue = BoundedQueue<Int>(limit: 3)
        let sum = await withTaskGroup(of: Int.self) { group in
            group.addTask {
                for number in 1...5000 { _ = queue.push(number) }
                queue.end()
                return 0
            }
            group.addTask {
                var sum = 0
                while let number = queue.pop() { sum += number }
                return sum
            }
            return await group.reduce(0, +)
        }
        #expect(sum == 12_502_500)
        #expect(queue.pop() == nil && queue.pop() == nil)
        let other = BoundedQueue<Int>(limit: 1)
        #expect(other.push(1))
        other.cancel()
        #expect(!other.push(2) && !other.push(3) && other.pop() == nil)
    }
}
