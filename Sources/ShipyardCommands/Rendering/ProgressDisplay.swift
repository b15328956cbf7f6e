import ShipyardAPI

/// Shows progress: on a terminal one line that is drawn again, elsewhere a line now and then.
final class ProgressDisplay {
    private let console: Console
    private var meter = RateMeter()
    private var isLineOpen = false
    private var lastPlain: (time: Double, completed: Int)?

    init(_ console: Console) { self.console = console }

    /// - Parameter longest: the task that has run for the longest time, and for how many seconds.
    func show(
        _ counts: TaskCountsResponse, of name: String, at now: Double, elapsed: Double? = nil,
        longest: (id: String, seconds: Double)? = nil
    ) {
        meter.add(completed: counts.completed, at: now)
        var line = ProgressLine(name: name, counts: counts, rate: meter.perSecond)
        (line.elapsed, line.longest) = (elapsed, longest)
        let text = { (width: Int?) in width.map { line.text(width: $0) } ?? line.plainText }
        show(text, completed: counts.completed, of: counts.total, at: now)
    }

    /// How many files are gone; of how many, nobody knows.
    func show(removed files: Int, of name: String, at now: Double) {
        meter.add(completed: files, at: now)
        let rate = meter.perSecond > 0 ? ", \(rateText(meter.perSecond))/s" : ""
        let line = "\(name): \(counted(files, "file")) removed\(rate)"
        show(
            { width in String(line.prefix(width.map { max(1, $0 - 1) } ?? .max)) }, completed: files,
            of: .max, at: now)
    }

    /// - Parameter text: for a terminal of so many columns, or for a log.
    private func show(_ text: (Int?) -> String, completed: Int, of total: Int, at now: Double) {
        let stream = console.messages
        if stream.isTerminal {
            stream.write("\r\u{1B}[K" + text(stream.width))
            isLineOpen = true
        } else if isWorthALine(completed, of: total, at: now) {
            stream.line(text(nil))
            lastPlain = (now, completed)
        }
        stream.flush()
    }

    /// Takes the redrawn line away, so that other lines may follow.
    func clear() {
        guard isLineOpen else { return }
        console.messages.write("\r\u{1B}[K")
        console.messages.flush()
        isLineOpen = false
    }

    /// The first, every tenth of the work, and one every half minute while anything moves: a log of a million
    /// tasks stays readable and a slow job still shows that it lives.
    private func isWorthALine(_ completed: Int, of total: Int, at now: Double) -> Bool {
        guard let lastPlain else { return true }
        let (next, isBeyond) = lastPlain.completed.addingReportingOverflow(max(1, total / 10))
        let isBigStep = !isBeyond && completed >= next && now >= lastPlain.time + 1
        return isBigStep || (completed > lastPlain.completed && now >= lastPlain.time + 30)
    }
}

/// Completed tasks per second over the last seconds.
struct RateMeter {
    private var samples: [(time: Double, completed: Int)] = []
    /// Long enough to be steady, short enough to follow a change.
    private let window = 8.0

    mutating func add(completed: Int, at time: Double) {
        samples.append((time, completed))
        while samples.count > 2, samples[1].time <= time - window { samples.removeFirst() }
    }

    var perSecond: Double {
        guard let first = samples.first, let last = samples.last, last.time > first.time + 0.2 else {
            return 0
        }
        return Double(last.completed - first.completed) / (last.time - first.time)
    }
}

/// One line that says how far a job is, for a terminal of a given width.
struct ProgressLine {
    var name: String
    var counts: TaskCountsResponse
    /// Completed tasks per second of late; zero when nothing is known.
    var rate: Double
    /// Seconds since it is followed.
    var elapsed: Double?
    var longest: (id: String, seconds: Double)?

    func text(width: Int) -> String {
        var facts = self.facts
        if let elapsed, elapsed >= 1 {
            facts += "  \(elapsed < 10 ? "\(Int(elapsed)) s" : durationText(seconds: elapsed.rounded(.down))) elapsed"
        }
        if let longest {
            let words = "  longest \(longest.id) \(durationText(seconds: longest.seconds.rounded(.down)))"
            // Of less use than all else.
            if name.count + 1 + facts.count + words.count < width { facts += words }
        }
        // The bar takes what is left; where that is little, the numbers say enough.
        let room = width - 1 - name.count - facts.count - 4
        let line = room >= 8 ? "\(name) \(bar(of: min(room, 30))) \(facts)" : "\(name) \(facts)"
        return String(line.prefix(max(1, width - 1)))
    }

    /// For logs, where nothing is redrawn.
    var plainText: String { "\(name): \(facts)" }

    private var facts: String {
        var text = "\(counts.completed)/\(counts.total)  \(counts.running) running"
        if counts.failed > 0 { text += "  \(counts.failed) failed" }
        let left = counts.total - counts.completed
        guard rate > 0, left > 0 else { return text }
        return text + "  \(rateText(rate))/s  \(durationText(seconds: Double(left) / rate)) left"
    }

    private func bar(of width: Int) -> String {
        let filled = counts.total == 0 ? 0 : counts.completed * width / counts.total
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
            + "]"
    }
}
