import ShipyardAPI
import Testing

@testable import ShipyardCommands

struct RenderingTests {
    @Test func tableAlignsAndIsCutOnlyForATerminal() {
        var table = Table()
        table.column("job")
        table.column("tasks", .right)
        table.column("why")
        table.row("a", "1000", "")
        table.row("sweep", "7", "some long reason")
        #expect(
            table.lines(width: nil) == [
                "JOB    TASKS  WHY", "a       1000", "sweep      7  some long reason",
            ])
        #expect(table.lines(width: 20)[2] == "sweep      7  some …")
    }

    @Test(arguments: [
        (-1, "0 ms"), (0.0004, "0 ms"), (0.04, "40 ms"), (0.9999, "1.0 s"), (1.25, "1.3 s"), (9.96, "10.0 s"),
        (42, "42 s"), (119.4, "119 s"),
        (200, "3 min 20 s"),
        (180, "3 min"), (7500, "2 h 5 min"), (7200, "2 h"),
    ])
    func durationReadsWell(seconds: Double, text: String) {
        #expect(durationText(seconds: seconds) == text)
    }

    private func counts(_ active: Int, _ running: Int, _ succeeded: Int, _ failed: Int) -> TaskCountsResponse
    {
        var counts = TaskCountsResponse()
        (counts.active, counts.running, counts.succeeded, counts.failed) = (
            active, running, succeeded, failed
        )
        counts.completed = succeeded + failed
        return counts
    }

    @Test func progressLineFitsItsTerminal() {
        let line = ProgressLine(name: "sweep", counts: counts(497, 3, 490, 10), rate: 100)
        #expect(line.plainText == "sweep: 500/1000  3 running  10 failed  100/s  5.0 s left")
        #expect(
            line.text(width: 100)
                == "sweep [###############---------------] 500/1000  3 running  10 failed  100/s  5.0 s left")
        for width in 1...200 { #expect(line.text(width: width).count < max(2, width)) }
    }

    @Test func progressWithoutRateOrTasksSaysWhatIsKnown() {
        #expect(ProgressLine(name: "j", counts: counts(0, 0, 0, 0), rate: 0).plainText == "j: 0/0  0 running")
        #expect(ProgressLine(name: "j", counts: counts(0, 0, 5, 0), rate: 9).plainText == "j: 5/5  0 running")
    }

    @Test func rateIsOfTheLastSeconds() {
        var meter = RateMeter()
        meter.add(completed: 0, at: 0)
        #expect(meter.perSecond == 0)
        for second in 1...20 { meter.add(completed: second * 10, at: Double(second)) }
        for second in 21...40 { meter.add(completed: 200 + (second - 20) * 2, at: Double(second)) }
        #expect(meter.perSecond == 2)
    }

    @Test func logGetsALineNowAndThenAndATerminalOneLineThatIsRedrawn() {
        let log = TestConsole()
        let display = ProgressDisplay(log.console)
        for step in 0...1000 { display.show(counts(1000 - step, 0, step, 0), of: "j", at: Double(step) / 10) }
        #expect(log.messages.split(separator: "\n").count == 11)
        #expect(!log.messages.contains("\r"))

        let terminal = TestConsole(isTerminal: true)
        let redrawn = ProgressDisplay(terminal.console)
        redrawn.show(counts(1, 0, 1, 0), of: "j", at: 0)
        redrawn.clear()
        #expect(terminal.messages.hasPrefix("\r\u{1B}[Kj ["))
        #expect(terminal.messages.hasSuffix("\r\u{1B}[K"))
        #expect(!terminal.messages.contains("\n"))
    }

    @Test func removalSaysHowManyFilesAreGone() {
        let log = TestConsole()
        let display = ProgressDisplay(log.console)
        for half in 0...130 { display.show(removed: 1 + half * 1000, of: "pool p", at: Double(half) / 2) }
        #expect(
            log.messages == """
                pool p: 1 file removed
                pool p: 60001 files removed, 2000/s
                pool p: 120001 files removed, 2000/s

                """)
        let terminal = TestConsole(width: 12, isTerminal: true)
        ProgressDisplay(terminal.console).show(removed: 2, of: "pool p", at: 0)
        #expect(terminal.messages == "\r\u{1B}[Kpool p: 2 f")
    }

    @Test func noColourWithoutATerminalOrUnderNoColor() {
        let failure = CommandFailure.usage("wrong")
        let plain = TestConsole()
        plain.console.report(failure)
        #expect(plain.messages == "error: wrong\n")
        let terminal = TestConsole(isTerminal: true)
        terminal.console.report(failure)
        #expect(terminal.messages == "\u{1B}[31merror: \u{1B}[0mwrong\n")
        let noColour = TestConsole(isTerminal: true, environment: ["NO_COLOR": "1"])
        noColour.console.report(failure)
        #expect(noColour.messages == "error: wrong\n")
    }

    @Test func longTextIsBrokenAtSpaces() {
        #expect(wrapped("one two three", width: 7) == ["one two", "three"])
        #expect(wrapped("unbreakable", width: 3) == ["unbreakable"])
        #expect(wrapped("", width: 3).isEmpty)
    }
}
