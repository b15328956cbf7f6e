import ShipyardCalendar
import ShipyardEngine
import ShipyardModel
import ShipyardSpecs

/// Writes simulated runs as they come, and in the end what became of all of them.
struct SimulationPrinter {
    /// How a run has ended, or why it never began.
    private struct Count {
        var runs = 0
        /// By the words of the table.
        var outcomes: [String: Int] = [:]
        var longestDelay = TimeSpan.zero
    }

    private let schedules: [ScheduleSpec]
    private let isShown: (Int) -> Bool
    private let isJSON: Bool
    private let output: OutputStream
    private let width: Int
    private var clocks: [ClockChanges]
    private var counts: [Count]
    private var bytes: [UInt8] = []

    /// - Parameter isShown: by the place of a schedule.
    init(_ schedules: [ScheduleSpec], _ isShown: @escaping (Int) -> Bool, json: Bool, _ console: Console) {
        self.schedules = schedules
        self.isShown = isShown
        isJSON = json
        output = console.output
        width = schedules.indices.filter(isShown).reduce(2) { max($0, schedules[$1].id.value.count) }
        clocks = schedules.map { ClockChanges($0.timetable.zone) }
        counts = schedules.map { _ in Count() }
    }

    mutating func begin() {
        guard !isJSON else { return }
        line([("DUE", 27), ("ID", width + 2), ("DELAY", 12), ("TOOK", 12), ("OUTCOME", 22), ("BY", 0)])
    }

    /// False when nobody reads any more.
    mutating func print(_ run: RunRecord) -> Bool {
        let index = ScheduleSimulation.index(of: run)
        guard isShown(index) else { return true }
        counts[index].runs += 1
        counts[index].outcomes[outcome(run), default: 0] += 1
        if let delay = delay(run) { counts[index].longestDelay = max(counts[index].longestDelay, delay) }
        let change = clocks[index].note(at: run.due)
        if isJSON { appendJSON(run, index, change) } else { appendRow(run, index, change) }
        if bytes.count >= Self.chunk { flush() }
        return !output.isClosed
    }

    /// - Parameter range: what was simulated.
    mutating func end(_ range: Range<Instant>) {
        if !isJSON {
            bytes.append(UInt8(ascii: "\n"))
            for index in schedules.indices where isShown(index) { line([(summary(index), 0)]) }
            var zones: Set<String> = []
            for index in schedules.indices where isShown(index) {
                let zone = schedules[index].timetable.zone
                guard zones.insert(zone.name).inserted else { continue }
                for change in ClockChanges.changes(of: zone, in: range) {
                    var day: [UInt8] = []
                    zone.appendTime(change.at - .seconds(1), to: &day)
                    let text = String(decoding: day.prefix(10), as: UTF8.self)
                    line([("\(text) \(zone.name): \(change.text)", 0)])
                }
            }
        }
        flush()
        output.flush()
    }

    // Many lines for each call; small enough that a reader of the first lines waits for nothing.
    private static let chunk = 16_384

    private mutating func flush() {
        output.write(bytes: bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    // MARK: Words

    private func outcome(_ run: RunRecord) -> String {
        switch run.state {
        case .skipped: "skipped: \(run.skip?.rawValue ?? "unknown")"
        case .failed where isReplaced(run): "ended: replaced"
        case .succeeded, .failed: run.state.rawValue
        // At the end of what was simulated.
        case .scheduled, .queued, .starting, .active: "still \(run.state.rawValue)"
        }
    }

    /// Of the reasons for a failure the only one that is not made up here.
    private func isReplaced(_ run: RunRecord) -> Bool {
        run.state == .failed && run.reason?.contains(TerminateReason.replacedByNextRun) == true
    }

    private func delay(_ run: RunRecord) -> TimeSpan? { run.startTime.map { $0 - run.due } }

    private func took(_ run: RunRecord) -> TimeSpan? {
        guard let start = run.startTime, let end = run.endTime else { return nil }
        return end - start
    }

    private func text(_ span: TimeSpan?) -> String {
        guard let span else { return "" }
        return span == .zero ? "0" : durationText(seconds: Double(span.milliseconds) / 1000)
    }

    private func cause(_ run: RunRecord, _ index: Int) -> String {
        switch run.cause {
        case .clock:
            let table = schedules[index].timetable
            var times = DueTimes(of: table, in: run.due..<(run.due + TimeSpan(milliseconds: 1)))
            switch times.next()?.cause {
            case .cron(let place): return table.crons[place].text
            case .interval(let place): return "every \(SpecDuration.text(table.intervals[place].length))"
            case .at, nil: return "at"
            }
        case .run(let key): return "after \(schedules[Int(key.schedule) - 1].id.value) \(key.number)"
        case .job, .event, .user, .backfill: return run.cause.word
        }
    }

    private func summary(_ index: Int) -> String {
        let (count, id) = (counts[index], schedules[index].id.value)
        guard count.runs > 0 else { return "\(id): no run" }
        let parts = count.outcomes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
            "\($0.value) \($0.key)"
        }
        let delay = count.longestDelay > .zero ? ", at most \(text(count.longestDelay)) late" : ""
        return "\(id): \(counted(count.runs, "run")), \(parts.joined(separator: ", "))\(delay)"
    }

    // MARK: Lines

    private mutating func line(_ cells: [(text: String, width: Int)]) {
        for (text, width) in cells {
            let end = bytes.count + width
            bytes += text.utf8
            while bytes.count < end { bytes.append(UInt8(ascii: " ")) }
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func appendRow(_ run: RunRecord, _ index: Int, _ change: String?) {
        var due: [UInt8] = []
        // What follows another run is due at any millisecond.
        schedules[index].timetable.zone.appendTime(Instant(seconds: run.due.flooredSeconds), to: &due)
        let attempts = run.attempt > 1 ? " (\(run.attempt) times)" : ""
        line([
            (String(decoding: due, as: UTF8.self), 27), (schedules[index].id.value, width + 2),
            (text(delay(run)), 12), (text(took(run)), 12), (outcome(run) + attempts + " ", 22),
            (cause(run, index) + (change.map { "; \($0)" } ?? ""), 0),
        ])
    }

    private mutating func appendJSON(_ run: RunRecord, _ index: Int, _ change: String?) {
        bytes += #"{"schedule": "#.utf8
        JSONText.append(schedules[index].id.value, to: &bytes)
        bytes += #", "run": \#(run.key.number), "due": ""#.utf8
        run.due.appendISO8601(to: &bytes)
        bytes += #"", "local": ""#.utf8
        schedules[index].timetable.zone.appendTime(run.due, to: &bytes)
        bytes += #"", "by": "#.utf8
        JSONText.append(cause(run, index), to: &bytes)
        bytes += #", "state": "\#(run.state.rawValue)", "attempts": \#(run.attempt)"#.utf8
        for (name, time) in [("begin", run.begin), ("start", run.startTime), ("end", run.endTime)] {
            guard let time else { continue }
            bytes += #", "\#(name)": ""#.utf8
            time.appendISO8601(to: &bytes)
            bytes.append(UInt8(ascii: "\""))
        }
        for (name, text) in [
            ("skip", run.skip?.rawValue), ("reason", isReplaced(run) ? run.reason : nil), ("clocks", change),
        ] {
            guard let text else { continue }
            bytes += #", "\#(name)": "#.utf8
            JSONText.append(text, to: &bytes)
        }
        bytes += "}\n".utf8
    }
}
