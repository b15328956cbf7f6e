import Foundation
import ShipyardModel
import ShipyardSystem
import TestSupport
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// Real files in real directories, by a clock that the test sets.
@Suite(.blocking) struct TriggerWatcherTests {
    private func bench() throws -> TriggerBench {
        let bench = try TriggerBench()
        try bench.makeDirectory()
        return bench
    }

    // MARK: What counts

    @Test func aFileCountsOnceItsWriterHasClosedIt() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        let file = open(bench.path("a.done"), O_WRONLY | O_CREAT, 0o644)
        bench.look()
        fchmod(file, 0o600)
        bench.pass(30)
        #expect(try bench.events == [])
        close(file)
        bench.pass(1)
        #expect(try bench.events == ["a.done started"])
        bench.pass(200)
        bench.restart()
        bench.subscribe(bench.subscription())
        #expect(bench.ledger.runs.count == 1)
    }

    @Test func emptyFilesCountAndOtherNamesLeaveNothing() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription(begin: "in/"))
        try bench.makeDirectory("in")
        try bench.makeDirectory("out")
        for name in ["in/a.done", "in/b.txt", "out/c.done", "d.done", "in/e"] { try bench.write(name) }
        bench.pass(5)
        #expect(try bench.events == ["in/a.done started"])
    }

    @Test func aFileThatIsMovedInCountsAtOnceAndOnce() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        try Data("x".utf8).write(to: URL(fileURLWithPath: bench.outside("a")))
        rename(bench.outside("a"), bench.path("a.done"))
        bench.pass(1)
        #expect(try bench.events == ["a.done started"])
        // Out, and in again: the very file.
        rename(bench.path("a.done"), bench.outside("a"))
        bench.pass(5)
        rename(bench.outside("a"), bench.path("a.done"))
        bench.pass(5)
        #expect(try bench.events == ["a.done started"])
    }

    /// As programs do that write under another name first.
    @Test func aFileThatIsRenamedToMatchCounts() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        try bench.write("a.tmp", "text")
        bench.pass(5)
        rename(bench.path("a.tmp"), bench.path("a.done"))
        bench.pass(1)
        #expect(try bench.events == ["a.done started"])
        // A job that puts what it has done aside must not start itself.
        try bench.makeDirectory("old")
        rename(bench.path("a.done"), bench.path("old/a.done"))
        link(bench.path("old/a.done"), bench.path("b.done"))
        bench.pass(10)
        #expect(try bench.events == ["a.done started", "old/a.done duplicate", "b.done duplicate"])
    }

    @Test func anotherContentOrTimeIsANewEventAndAnotherModeIsNot() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        try bench.write("a.done", "1")
        bench.pass(5)
        chmod(bench.path("a.done"), 0o600)
        bench.pass(5)
        #expect(try bench.started().count == 1)
        try bench.write("a.done", "2")
        bench.pass(5)
        #expect(try bench.started().count == 2)
        // `touch` is how one says: again.
        utimes(bench.path("a.done"), nil)
        bench.pass(5)
        #expect(try bench.started().count == 3)
        // Replaced by one of the same size and time.
        var status = stat()
        stat(bench.path("a.done"), &status)
        try Data("3".utf8).write(to: URL(fileURLWithPath: bench.outside("b")))
        var times = [status.st_atim, status.st_mtim]
        utimensat(AT_FDCWD, bench.outside("b"), &times, 0)
        rename(bench.outside("b"), bench.path("a.done"))
        bench.pass(5)
        #expect(try bench.started().count == 4)
        try bench.write("a.done", "4")
        utimensat(AT_FDCWD, bench.path("a.done"), &times, 0)
        bench.pass(5)
        #expect(try bench.events.allSatisfy { $0 == "a.done started" })
    }

    /// Python's `copy2` and others set times and mode after they have closed the file.
    @Test func timesThatAreSetAfterTheClosingMakeNoSecondEvent() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        try bench.write("a.done", "1")
        bench.look()
        var times = [timespec(tv_sec: 1000, tv_nsec: 5), timespec(tv_sec: 1000, tv_nsec: 5)]
        utimensat(AT_FDCWD, bench.path("a.done"), &times, 0)
        chmod(bench.path("a.done"), 0o600)
        bench.pass(10)
        bench.restart()
        bench.subscribe(bench.subscription())
        bench.pass(10)
        #expect(try bench.events == ["a.done started"])
    }

    @Test func aFurtherNameOfAFileFromElsewhereCounts() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        try Data("x".utf8).write(to: URL(fileURLWithPath: bench.outside("a")))
        link(bench.outside("a"), bench.path("a.done"))
        bench.pass(5)
        #expect(try bench.events == ["a.done started"])
    }

    @Test func linksPipesAndDirectoriesDoNotCount() throws {
        let bench = try bench()
        try Data("x".utf8).write(to: URL(fileURLWithPath: bench.outside("a.done")))
        try FileManager.default.createDirectory(
            atPath: bench.outside("d"), withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: bench.outside("d/b.done")))
        bench.subscribe(bench.subscription())
        for _ in 0..<2 {
            symlink(bench.outside("a.done"), bench.path("link.done"))
            symlink(bench.outside("d"), bench.path("directory"))
            symlink("..", bench.path("up"))
            mkfifo(bench.path("pipe.done"), 0o600)
            try bench.makeDirectory("dir.done")
            bench.pass(200)
            bench.restart()
            bench.subscribe(bench.subscription())
            bench.pass(5)
        }
        #expect(try bench.events == [])
    }

    @Test func aNameThatIsNoTextIsSaid() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        let path = bench.container.utf8CString.dropLast() + [0x2F, CChar(bitPattern: 0xFF)] + ".done".utf8CString
        close(open(Array(path), O_WRONLY | O_CREAT, 0o600))
        bench.pass(5)
        let row = try #require(try bench.ledger.store.triggerEvents(limit: 5).first)
        #expect(row.file.path == BytePath(bytes: [0xFF] + ".done".utf8) && row.state == .filtered)
        #expect(row.reason == "its name is no UTF-8 text, so no parameter can have it")
        #expect(bench.ledger.runs.isEmpty)
        unlink(Array(path))
    }

    @Test func aContainerMayBeALink() throws {
        let bench = try TriggerBench()
        let other = bench.outside("elsewhere")
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: bench.layout.storage + "/store", withIntermediateDirectories: true)
        symlink(other, bench.container)
        bench.subscribe(bench.subscription())
        try bench.write("a.done")
        bench.pass(1)
        #expect(try bench.events == ["a.done started"])
    }

    // MARK: Quiet periods

    @Test func aQuietPeriodBeginsAnewWithEachWrite() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription(quiet: 60))
        try bench.write("a.done", "1")
        bench.pass(1)
        // The machine's clock does not know that time has passed: the file's own time is set on as the bench's is.
        bench.pass(50)
        #expect(try bench.events == [])
        bench.pass(15)
        #expect(try bench.events == ["a.done started"])
    }

    @Test func whatVanishesBeforeItCountsIsNoEvent() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription(quiet: 60))
        try bench.write("a.done")
        bench.pass(30)
        unlink(bench.path("a.done"))
        bench.pass(60)
        #expect(try bench.events == [])
        #expect(bench.watcher.candidates.count == 0)
    }

    @Test func aClockThatIsSetBackDelaysAFileByItsQuietPeriodAndNoMore() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription(quiet: 10))
        bench.setClock(by: -86_400)
        try bench.write("a.done")
        bench.pass(5)
        #expect(try bench.events == [])
        bench.pass(19)
        #expect(try bench.events == ["a.done started"])
    }

    // MARK: Before the trigger

    @Test func filesOfBeforeTheTriggerAreKnownAsSuchAndStaySo() throws {
        let bench = try bench()
        try bench.write("a.done")
        try bench.write("b.done")
        bench.pass(1)
        let subscription = bench.subscription()
        bench.subscribe(subscription)
        bench.pass(5)
        #expect(try bench.events.sorted() == ["a.done existing", "b.done existing"])
        chmod(bench.path("a.done"), 0o600)
        bench.pass(5)
        bench.restart()
        bench.subscribe(subscription)
        bench.pass(5)
        #expect(try bench.events.count == 2)
        try bench.write("a.done", "anew")
        bench.pass(5)
        #expect(try bench.started() == ["a.done"])
    }

    /// A directory that is moved in brings files whose times are those of long ago.
    @Test func filesThatComeWithTheirDirectoryCountWhateverTheirTimes() throws {
        let bench = try bench()
        try FileManager.default.createDirectory(
            atPath: bench.outside("day/deep/er"), withIntermediateDirectories: true)
        for name in ["day/a.done", "day/deep/er/b.done"] {
            try Data().write(to: URL(fileURLWithPath: bench.outside(name)))
        }
        bench.pass(100)
        let subscription = bench.subscription()
        bench.subscribe(subscription)
        rename(bench.outside("day"), bench.path("day"))
        bench.pass(5)
        #expect(try bench.events.sorted() == ["day/a.done started", "day/deep/er/b.done started"])
        // Watched, all of them.
        try bench.write("day/deep/er/c.done")
        bench.pass(1)
        // Under another name too.
        rename(bench.path("day/deep"), bench.path("night"))
        try bench.write("night/er/d.done")
        bench.pass(5)
        #expect(try bench.started().contains("night/er/d.done"))
        #expect(try bench.started().count == 4)
        try #require(bench.watcher.containers.values.first?.watches.count == 4)
    }

    @Test func aTriggerThatIsAddedAnewLeavesOutWhatIsThereThen() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription(end: ".csv"))
        try bench.write("a.done")
        bench.pass(5)
        bench.subscribe(bench.subscription(end: ".done"))
        try bench.write("b.done")
        bench.pass(5)
        #expect(try bench.events == ["a.done existing", "b.done started"])
    }

    // MARK: While nobody was there

    @Test func filesThatComeWhileTheServiceIsDownCount() throws {
        let bench = try bench()
        let subscription = bench.subscription()
        bench.subscribe(subscription)
        try bench.write("a.done")
        bench.pass(5)
        bench.restart()
        // The clock is set back beyond the trigger's own time.
        bench.setClock(by: -86_400)
        try bench.write("b.done")
        try bench.makeDirectory("new/deep")
        try bench.write("new/deep/c.done")
        bench.setClock(by: 86_400)
        bench.pass(5)
        bench.subscribe(subscription)
        bench.pass(5)
        #expect(try bench.events.sorted() == ["a.done started", "b.done started", "new/deep/c.done started"])
    }

    @Test func anOverflowIsMadeGoodByAScan() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        let slow = open(bench.path("slow.done"), O_WRONLY | O_CREAT, 0o644)
        bench.look()
        close(slow)
        try bench.write("a.done")
        try bench.makeDirectory("new")
        try bench.write("new/b.done")
        // Lost.
        var bytes = [UInt8](repeating: 0, count: 65_536)
        #expect(read(try #require(bench.watcher.fileDescriptor), &bytes, bytes.count) > 0)
        bench.watcher.take([.init(watch: -1, kinds: .overflow, name: BytePath(""))])
        bench.pass(3)
        #expect(try bench.events.sorted() == ["a.done started", "new/b.done started", "slow.done started"])
        try bench.write("new/c.done")
        bench.pass(1)
        #expect(try bench.started().count == 4)
        // A directory that went away unheard is not watched any more.
        #expect(bench.watcher.containers.values.first?.watches.count == 2)
        rename(bench.path("new"), bench.outside("new"))
        #expect(read(try #require(bench.watcher.fileDescriptor), &bytes, bytes.count) > 0)
        bench.watcher.take([.init(watch: -1, kinds: .overflow, name: BytePath(""))])
        #expect(bench.watcher.containers.values.first?.watches.count == 1)
    }

    @Test func containersMayComeGoAndBeReplaced() throws {
        let bench = try TriggerBench()
        bench.subscribe(bench.subscription())
        #expect(bench.watcher.containers.isEmpty)
        // With what was in it: nobody was there to count before.
        try FileManager.default.createDirectory(
            atPath: bench.outside("ready/in"), withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: bench.outside("ready/in/a.done")))
        rename(bench.outside("ready"), bench.layout.storage + "/store")
        bench.pass(3)
        #expect(try bench.events == ["a.done started"])
        try bench.write("b.done")
        bench.pass(1)
        try FileManager.default.removeItem(atPath: bench.container)
        bench.pass(1)
        #expect(bench.watcher.containers.isEmpty)
        try bench.makeDirectory()
        bench.look()
        try bench.write("c.done")
        bench.pass(3)
        rename(bench.container, bench.layout.storage + "/store/aside")
        try bench.makeDirectory()
        try bench.write("d.done")
        bench.pass(3)
        #expect(try bench.started() == ["a.done", "b.done", "c.done", "d.done"])
        try FileManager.default.removeItem(atPath: bench.layout.storage)
        bench.pass(1)
        try bench.makeDirectory()
        try bench.write("e.done")
        bench.pass(8)
        #expect(try bench.started().last == "e.done")
    }

    @Test func nothingIsWatchedWhereNobodyListens() throws {
        let bench = try bench()
        #expect(bench.watcher.fileDescriptor == nil && bench.watcher.nextMoment == nil)
        bench.subscribe(bench.subscription())
        bench.pass(5)
        #expect(bench.watcher.fileDescriptor != nil)
        // The next thing to do is the comparison of tomorrow.
        let next = try #require(bench.watcher.nextMoment)
        #expect(next - bench.now.steady > .seconds(80_000))
        bench.follow([])
        #expect(bench.watcher.fileDescriptor == nil && bench.watcher.nextMoment == nil)
        #expect(bench.watcher.containers.isEmpty)
    }

    @Test func whatCannotBeWatchedIsLookedThrough() throws {
        let bench = try bench()
        try bench.makeDirectory("in")
        bench.watcher.mayWatch = { false }
        bench.subscribe(bench.subscription())
        try bench.write("in/a.done")
        bench.pass(10)
        #expect(try bench.events == ["in/a.done started"])
        #expect(bench.log.count == 1)
        #expect(bench.log.first?.hasPrefix("not every directory of storage triggers can be watched (No space") == true)
        bench.watcher.mayWatch = { true }
        bench.pass(6)
        #expect(try #require(bench.watcher.nextMoment) - bench.now.steady > .seconds(80_000))
        try bench.write("in/b.done")
        bench.pass(1)
        #expect(try bench.started().count == 2)
    }

    /// What cannot be kept is found by looking again.
    @Test func moreFilesThanMayWaitAllCount() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        bench.watcher.candidates.limit = 4
        for number in 0..<20 { try bench.write("\(number).done") }
        bench.look()
        #expect(bench.watcher.candidates.count == 4)
        bench.pass(30)
        #expect(Set(try bench.started()).count == 20 && bench.ledger.runs.count == 20)
        #expect(bench.watcher.crowded.isEmpty)
    }

    // MARK: Manifests

    @Test func aManifestWaitsForAllOfItsFiles() throws {
        let bench = try bench()
        try bench.makeDirectory("day/parts")
        bench.subscribe(bench.subscription(end: ".list", manifest: true))
        try bench.write("day/a.list", "1.csv\nparts/2.csv\n/3.csv\n")
        try bench.write("day/1.csv")
        bench.pass(5)
        #expect(try bench.events == [])
        let path = BytePath("day/a.list")
        let place = ContainerPlace(account: "store", container: "in")
        let first = MissingFile(path: BytePath("day/parts/2.csv"), present: 1, total: 3, isUnsettled: false)
        #expect(bench.watcher.explain(path, in: place).first?.waiting == .manifest(first))
        try bench.write("3.csv")
        bench.pass(5)
        #expect(try bench.events == [])
        try bench.write("day/parts/2.csv")
        bench.pass(1)
        #expect(try bench.events == ["day/a.list started"])
        #expect(bench.watcher.containers.values.first?.waiting.isEmpty == true)
    }

    @Test func aManifestIsLookedAtAgainWithoutNews() throws {
        let bench = try bench()
        try bench.makeDirectory("lists")
        try bench.makeDirectory("data")
        // `data` is not watched.
        bench.subscribe(bench.subscription(begin: "lists/", end: "", manifest: true))
        try bench.write("lists/a", "/data/x")
        bench.pass(5)
        try bench.write("data/x")
        bench.pass(61)
        #expect(try bench.events == ["lists/a started"])
    }

    @Test func filesOfAManifestMustBeAtRestToo() throws {
        let bench = try bench()
        // The clock is behind by what the bench will be ahead, so that a new file is as young as it looks.
        bench.subscribe(bench.subscription(end: ".list", quiet: 30, manifest: true))
        bench.setClock(by: -70)
        try bench.write("a.list", "x\n")
        bench.pass(70)
        try bench.write("x")
        bench.pass(20)
        #expect(try bench.events == [])
        let place = ContainerPlace(account: "store", container: "in")
        let waiting = bench.watcher.explain(BytePath("a.list"), in: place).first?.waiting
        let x = MissingFile(path: BytePath("x"), present: 0, total: 1, isUnsettled: true)
        #expect(waiting == .manifest(x))
        bench.pass(15)
        #expect(try bench.events == ["a.list started"])
    }

    @Test func aManifestThatCanNeverBeGoodSaysWhy() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription(end: ".list", manifest: true))
        try bench.write("a.list", "../x")
        bench.pass(5)
        #expect(try bench.events == ["a.list filtered"])
        #expect(
            try bench.ledger.store.triggerEvents(limit: 1).first?.reason
                == "line 1 of it names no file of the container")
        // Written anew it is another event.
        try bench.write("a.list", "")
        bench.pass(5)
        #expect(try bench.started() == ["a.list"])
    }

    // MARK: The ledger

    @Test func rowsStayAsLongAsTheirFilesAndAWeek() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        for name in ["a.done", "b.done", "c.done"] { try bench.write(name) }
        bench.pass(5)
        unlink(bench.path("a.done"))
        rename(bench.path("b.done"), bench.outside("b"))
        bench.pass(86_500)
        func gone() throws -> [Bool] {
            try bench.ledger.store.triggerEvents(after: 0, limit: 9).map { $0.gone != nil }
        }
        #expect(try gone() == [true, true, false])
        rename(bench.outside("b"), bench.path("b.done"))
        bench.pass(86_500)
        #expect(try gone() == [true, false, false])
        bench.pass(8 * 86_400)
        #expect(try bench.events == ["b.done started", "c.done started"])
        // Of a schedule that wants nothing any more, everything goes.
        bench.follow([bench.subscription(2)])
        bench.pass(10 * 86_400)
        #expect(try bench.events.sorted() == ["b.done existing", "c.done existing"])
        #expect(try bench.ledger.store.triggerEvents(limit: 9).map(\.schedule) == [2, 2])
    }

    @Test func rowsOfFilesThatAreGoneAreBounded() throws {
        let bench = try bench()
        bench.subscribe(bench.subscription())
        for number in 0..<6 {
            try bench.write("\(number).done")
            bench.pass(1)
        }
        for number in 0..<5 { unlink(bench.path("\(number).done")) }
        bench.watcher.keepUp(mostGone: 2)
        #expect(try bench.events == ["3.done started", "4.done started", "5.done started"])
    }

    /// Each write and each read fails once, and still each file starts one run.
    @Test func aStoreThatFailsLosesAndDoublesNothing() throws {
        for failing in 1...25 {
            let bench = try bench()
            try bench.write("old.done")
            // More than the grain of the kernel's clock.
            usleep(30_000)
            let before = bench.ledger.store.writeCount
            bench.ledger.store.faultInjection = { $0 == before + failing }
            var reads = 0
            bench.ledger.store.readFaultInjection = {
                reads += 1
                return reads == failing
            }
            bench.subscribe(bench.subscription())
            for name in ["a.done", "b.done", "c.done"] { try bench.write(name) }
            bench.pass(1)
            try bench.write("d.done")
            bench.pass(10)
            bench.ledger.store.readFaultInjection = nil
            #expect(try bench.started().sorted() == ["a.done", "b.done", "c.done", "d.done"])
            #expect(bench.ledger.runs.count == 4)
            #expect(try bench.events.count { $0 == "old.done existing" } == 1)
        }
    }
}
