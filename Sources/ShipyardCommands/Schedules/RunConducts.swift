import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// What `--duration`, `--durations` and `--failing` say of the runs of each schedule.
struct RunConducts {
    private(set) var conducts: [ScheduleSimulation.Conduct]
    /// Whose runs nobody has said a length of, and the history neither.
    private(set) var unsaid: [Int]
    private(set) var history: RunHistory

    init(_ invocation: Invocation, for schedules: [ScheduleSpec]) throws(CommandFailure) {
        let ids = schedules.map(\.id.value)
        let given = try invocation.arguments["duration"].map { text throws(CommandFailure) in
            try Self.duration(text, of: "`--duration`")
        }
        var said: [String: TimeSpan] = [:]
        if let path = invocation.arguments["durations"] {
            for (id, text) in try Self.entries(of: path, invocation.console) {
                try Self.check(id, ids, in: path)
                said[id] = try Self.duration(text, of: "`\(id)` in \(path)")
            }
        }
        let failing = invocation.arguments.all("failing")
        for id in failing { try Self.check(id, ids, in: "--failing") }
        let open = given == nil ? ids.indices.filter { said[ids[$0]] == nil && schedules[$0].isEnabled } : []
        history = try RunHistory(of: open.map { ids[$0] }, invocation)
        let remembered = history.lengths
        conducts = ids.map { id in
            ScheduleSimulation.Conduct(
                duration: said[id] ?? given ?? remembered[id]?.median ?? .zero, fails: failing.contains(id))
        }
        unsaid = open.filter { remembered[ids[$0]] == nil }
    }

    private static func duration(_ text: String, of name: String) throws(CommandFailure) -> TimeSpan {
        guard case .success(let duration) = SpecDuration.parse(text) else {
            throw .usage(
                "\(name) is not a length of time: `\(text)`",
                help: "write hours, minutes and seconds such as 02:30:00, with days in front as in 1.12:00:00"
            )
        }
        return duration
    }

    private static func check(_ id: String, _ known: [String], in place: String) throws(CommandFailure) {
        guard !known.contains(id) else { return }
        let near = closestWord(to: id, among: known).map { "did you mean `\($0)`?" }
        throw .usage("\(place) names the schedule `\(id)`, which the file has not", help: near)
    }

    /// A mapping of ids to lengths of time, as YAML or JSON.
    private static func entries(
        of path: String, _ console: Console
    ) throws(CommandFailure) -> [(id: String, text: String)] {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try LocalFile.read(path, atMost: SpecLimits.fileBytes + 1)
        } catch {
            throw .usage("\(error)")
        }
        // What is read from standard input or a file of any name may be YAML, and JSON is.
        let isNamed = [".yaml", ".yml", ".json"].contains { path.hasSuffix($0) }
        let source = SourceText(name: isNamed ? path : path + ".yaml", bytes: bytes)
        var diagnostics = Diagnostics()
        let root = SpecReader.read(source, &diagnostics)
        console.show(diagnostics)
        guard let root, !diagnostics.hasErrors else { throw CommandFailure(.specRefused, "") }
        guard let entries = root.entries else {
            throw .usage("\(path) is not a mapping of schedules to lengths of time")
        }
        var found: [(id: String, text: String)] = []
        for entry in entries {
            guard let id = entry.key.string, let text = entry.value.string else {
                throw .usage(
                    "\(path) is not a mapping of schedules to lengths of time",
                    help: "write one line for each schedule: `nightly: 02:30:00`")
            }
            found.append((id, text))
        }
        return found
    }
}
