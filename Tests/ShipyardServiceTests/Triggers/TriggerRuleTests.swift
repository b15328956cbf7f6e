import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardService

/// The rules that need no file: when one is at rest, which match, what a manifest lists.
@Suite struct TriggerRuleTests {
    private func now(_ wall: Int64, _ steady: Int64) -> Moment {
        Moment(wall: Instant(milliseconds: wall), steady: SteadyTime(milliseconds: steady))
    }

    @Test func aFileRestsByItsOwnTimeOrByOurs() {
        func remaining(_ changed: Int64, seen: Int64, wall: Int64, steady: Int64) -> Int64? {
            Settling.remaining(
                of: .seconds(5), changed: changed * 1_000_000, unchangedSince: SteadyTime(milliseconds: seen),
                at: now(wall, steady))?.milliseconds
        }
        #expect(remaining(1000, seen: 100, wall: 1000, steady: 100) == 5000)
        #expect(remaining(1000, seen: 100, wall: 5999, steady: 100) == 1)
        #expect(remaining(1000, seen: 100, wall: 6000, steady: 100) == nil)
        // The clock was set back by an hour: only what we have seen counts.
        #expect(remaining(3_600_000, seen: 100, wall: 1000, steady: 100) == 5000)
        #expect(remaining(3_600_000, seen: 100, wall: 1000, steady: 5099) == 1)
        #expect(remaining(3_600_000, seen: 100, wall: 1000, steady: 5100) == nil)
        // Before 1970.
        #expect(remaining(-1, seen: 0, wall: 4998, steady: 0) == 1)
    }

    @Test func theQuietPeriodIsNeverShorterThanWhatASightingNeeds() {
        let waits: [(Sighting, Int64)] = [(.closed, 200), (.found, 2000), (.created, 60_000)]
        for (sighting, least) in waits {
            #expect(Settling.rest(after: sighting, quietPeriod: .zero).milliseconds == least)
            #expect(Settling.rest(after: sighting, quietPeriod: .seconds(90)) == .seconds(90))
        }
    }

    @Test func pathsMatchByTheirBytes() {
        func matches(_ path: String, _ begin: String, _ end: String) -> Bool {
            let subscription = StorageSubscription(
                schedule: 1, place: ContainerPlace(account: "a", container: "b"), pathBeginsWith: begin,
                pathEndsWith: end, since: Instant(milliseconds: 0))
            return subscription.matches(BytePath(path))
        }
        #expect(matches("in/a.done", "", ""))
        #expect(matches("in/a.done", "in/", ".done"))
        #expect(matches("in/a.done", "in/a.done", "in/a.done"))
        #expect(!matches("in/a.done", "in/a.done2", ""))
        #expect(!matches("a.done", "", "ba.done"))
        #expect(!matches("IN/a.done", "in/", ""))
        // Composed or not is not the same name.
        #expect(!matches("caf\u{E9}", "cafe\u{301}", ""))
        #expect(!matches("caf\u{E9}", "", "e\u{301}"))
        // What the store keeps there for itself is nobody's file.
        #expect(!matches("in/.shipyard-partial-5f", "", ""))
        #expect(!matches(".shipyard-tiers/cool/a.done!1-2-3", "", ""))
        #expect(matches(".shipyard/a.done", "", ".done"))
    }

    @Test func onlyDirectoriesThatMayHoldAMatchAreEntered() {
        func mayMatch(_ directory: String, _ begin: String) -> Bool {
            StorageSubscription(
                schedule: 1, place: ContainerPlace(account: "a", container: "b"), pathBeginsWith: begin,
                since: Instant(milliseconds: 0)
            ).mayMatch(below: BytePath(directory))
        }
        #expect(mayMatch("", "in/x"))
        #expect(mayMatch("in", "in/x"))
        #expect(mayMatch("in/x1", "in/x"))
        #expect(mayMatch("in/x/deep", "in/x"))
        #expect(!mayMatch("out", "in/x"))
        #expect(!mayMatch("in/y", "in/x"))
        #expect(!mayMatch("i", "in/x"))
        #expect(mayMatch("anything", ""))
        #expect(!mayMatch(".shipyard-tiers", ""))
        #expect(!mayMatch(".shipyard-tiers/cool", ""))
    }

    @Test func onlyNamesNameAContainer() {
        for (name, isGood) in [
            ("in", true), ("", false), (".", false), ("..", false), ("a/b", false), ("a\0b", false),
            ("..a", true),
        ] {
            #expect(ContainerPlace(account: name, container: "in").isUsable == isGood)
            #expect(ContainerPlace(account: "in", container: name).isUsable == isGood)
        }
    }

    private func manifest(_ text: String, of path: String = "in/day/list.txt") throws(FileManifest.Problem)
        -> [String]
    {
        try FileManifest(Array(text.utf8), of: BytePath(path)).files.map(\.description)
    }

    @Test func aManifestNamesFilesFromItsOwnDirectoryOrTheContainer() throws {
        #expect(try manifest("") == [])
        #expect(
            try manifest("a.csv\nsub/b c.csv\r\n\n/top.csv\n./d\n/./x//y\n#e ") == [
                "in/day/a.csv", "in/day/sub/b c.csv", "top.csv", "in/day/d", "x/y", "in/day/#e ",
            ])
        #expect(try manifest("a", of: "list.txt") == ["a"])
    }

    @Test func aManifestThatLeadsOutOrHasNoEndIsAProblem() {
        func problem(_ text: String) -> String? {
            do throws(FileManifest.Problem) {
                _ = try FileManifest(Array(text.utf8), of: BytePath("list"))
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(problem("a\n../b") == "line 2 of it names no file of the container")
        #expect(problem("a/../b") == "line 1 of it names no file of the container")
        #expect(problem("a\0b") == "line 1 of it names no file of the container")
        #expect(problem("\n/") == "line 2 of it names no file")
        #expect(problem(".") == "line 1 of it names no file")
        let most = String(repeating: "a\n", count: FileManifest.mostFiles)
        #expect(problem(most) == nil)
        #expect(problem(most + "b") == "it lists more files than a manifest may (10000)")
        let long = String(repeating: "a", count: FileManifest.longest)
        #expect(problem(long) == nil)
        #expect(problem(long + "a") == "it is longer than a manifest may be (1048576 bytes)")
    }

    @Test func candidatesComeUpInOrderAndOnce() {
        var candidates = TriggerCandidates()
        func key(_ name: Int) -> CandidateKey { CandidateKey(schedule: 1, path: BytePath("\(name)")) }
        func due(_ time: Int) -> Candidate {
            Candidate(sighting: .closed, due: SteadyTime(milliseconds: Int64(time)))
        }
        // 0 to 999 in an order of no meaning, some put off, some removed.
        for number in 0..<1000 { candidates.set(key(number * 7 % 1000), due(number * 7 % 1000)) }
        for number in stride(from: 0, to: 1000, by: 10) { candidates.set(key(number), due(number + 2000)) }
        for number in stride(from: 5, to: 1000, by: 10) { candidates.remove(key(number)) }
        var taken: [CandidateKey] = []
        while let next = candidates.takeDue(at: SteadyTime(milliseconds: 1000)) { taken.append(next) }
        #expect(taken == (0..<1000).filter { $0 % 5 != 0 }.map(key))
        #expect(candidates.next == SteadyTime(milliseconds: 2000))
        while let next = candidates.takeDue(at: SteadyTime(milliseconds: 5000)) { candidates.remove(next) }
        #expect(candidates.count == 800)
        for _ in 0..<10_000 { candidates.set(key(1), due(.random(in: 0...1_000_000))) }
        while candidates.takeDue(at: SteadyTime(milliseconds: 2_000_000)) != nil {}
        #expect(candidates.next == nil && candidates.count == 800)
    }

    @Test func afterLostEventsFilesThatMayBeClosedAreLookedAt() {
        var candidates = TriggerCandidates()
        let key = CandidateKey(schedule: 1, path: BytePath("a"))
        candidates.set(key, Candidate(sighting: .created, due: SteadyTime(milliseconds: 60_000)))
        candidates.doubt(at: SteadyTime(milliseconds: 5))
        #expect(candidates[key]?.sighting == .found)
        #expect(candidates.takeDue(at: SteadyTime(milliseconds: 5)) == key)
    }
}
