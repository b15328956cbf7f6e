import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardService
import ShipyardSystem

/// `triggers list`: the ledger of files.
enum TriggersListCommand {
    static let command = Command("list", "list files that came, and what they started")
        .details(
            "The newest first. Files whose paths match no trigger are not in the list; `triggers explain` says why one "
                + "did not count."
        )
        .options(
            .value("schedule", "ID", values: .id(.schedule), "only events of this schedule"),
            .value("state", "STATE", "only these: started, filtered, duplicate, overlap, disabled, existing"),
            .value("limit", "N", "so many at most; 100 unless given")
        )
        .example("triggers list --schedule on-done", "shows what came for one schedule")
        .example(
            "triggers list --state overlap", "shows files that started nothing because another run was active"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let limit = try invocation.arguments["limit"].map { text throws(CommandFailure) in
            guard let number = Int(text), number > 0 else {
                throw .usage("`--limit` is a whole number, 1 or more, not `\(text)`")
            }
            return number
        }
        let (events, troubles) = try invocation.service().triggerEvents(
            of: invocation.arguments["schedule"], state: invocation.arguments["state"], limit: limit ?? 100)
        let console = invocation.console
        for trouble in troubles {
            console.warn(
                "files that come into \(trouble.account)/\(trouble.container) cannot be seen since \(trouble.since): "
                    + "\(DisplayText.printable(trouble.reason)); tried again at \(trouble.nextTime)")
        }
        if invocation.isRaw {
            console.printRaw(RawShape.pages("triggers", events.map(RawShape.triggerEvent)))
            return .done
        }
        guard !events.isEmpty else {
            console.say("no events found")
            return .done
        }
        console.print(table(of: events))
        return .done
    }

    static func table(of events: [TriggerEventResponse]) -> Table {
        var table = Table()
        table.column("event", .right)
        for title in ["time", "schedule", "file", "state"] { table.column(title) }
        table.column("run", .right)
        table.column("reason")
        let now = SystemClock.now()
        for event in events {
            table.row(
                String(event.id), LocalTime.text(event.time, at: now), event.scheduleId ?? "(deleted)",
                "\(event.account)/\(event.container)/\(BytePath(shown: event.path))", event.state,
                event.run.map(String.init) ?? "", event.reason ?? "")
        }
        return table
    }
}

/// `triggers replay`: a further run for an old event.
enum TriggersReplayCommand {
    static let command = Command("replay", "start a further run for an event")
        .details("Where another run of the schedule is active it waits, as a run by `schedules run` does.")
        .takes(Argument("EVENT", "the number of the event, as `triggers list` shows it"))
        .options(
            .value(
                "key", "KEY", "the same run for every call with this key: 1 to 64 letters, digits, - and _")
        )
        .example("triggers replay 42", "runs the schedule again for the file of event 42")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard let word = invocation.arguments.words.first, let event = Int64(word) else {
            throw .usage("an event is named by its number", help: "`shipyard-swift triggers list` shows them")
        }
        let response = try invocation.service().replay(event, key: invocation.arguments["key"])
        invocation.console.say("event \(event): run \(response.run) of schedule \(response.scheduleId)")
        return .done
    }
}

/// `triggers explain`: what schedules make of a file.
enum TriggersExplainCommand {
    static let command = Command("explain", "say why a file started a run, or why not")
        .takes(
            Argument("FILE", "a path in the embedded store, or ACCOUNT/CONTAINER/PATH", values: .file)
        )
        .example("triggers explain store/in/2024/a.done", "says what each schedule makes of the file")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard let word = invocation.arguments.words.first else { throw .usage("which file?") }
        let home = try HomeDirectory(invocation)
        let file = try StoredFileName(word, storage: HomeLayout(home.path).storage)
        let answer = try invocation.service().explanation(of: file)
        let console = invocation.console
        if invocation.isRaw {
            console.printRaw(RawShape.triggerExplanation(answer))
            return .done
        }
        let name = "\(answer.account)/\(answer.container)/\(BytePath(shown: answer.path))"
        guard !answer.schedules.isEmpty else {
            console.print("\(name): no schedule waits for files")
            return .done
        }
        console.print(name)
        for schedule in answer.schedules {
            let filters = [
                schedule.pathBeginsWith.isEmpty ? nil : "begins with `\(schedule.pathBeginsWith)`",
                schedule.pathEndsWith.isEmpty ? nil : "ends with `\(schedule.pathEndsWith)`",
            ].compactMap { $0 }
            let what = filters.isEmpty ? "every file" : "what " + filters.joined(separator: " and ")
            let place = "\(schedule.account ?? "?")/\(schedule.container)"
            console.print("  \(schedule.scheduleId) (\(schedule.scheduleState)) watches \(place) for \(what)")
            console.print("    \(schedule.verdict)")
        }
        let events = answer.schedules.flatMap(\.events)
        if !events.isEmpty { console.print(TriggersListCommand.table(of: events)) }
        return .done
    }
}

/// A file of the embedded store, as a user names it.
struct StoredFileName {
    var account: String
    var container: String
    var path: BytePath

    /// - Parameter text: a path that leads into the store, from here or from the root; else the names below the store.
    init(_ text: String, storage: String) throws(CommandFailure) {
        let inside = Self.normalized(BytePath(absolutePath(text)))
        let store = Self.normalized(BytePath(storage))
        let names =
            inside.starts(with: store)
            ? Array(inside.dropFirst(store.count)) : Self.normalized(BytePath(text))
        guard names.count > 2, inside.starts(with: store) || !text.hasPrefix("/") else {
            throw .usage(
                "`\(text)` is no file of a container",
                help: "give a path below \(storage), or ACCOUNT/CONTAINER/PATH")
        }
        account = names[0].shown
        container = names[1].shown
        path = names.dropFirst(2).reduce(BytePath("")) { $0 / $1 }
    }

    /// Nothing is looked up: the file may be gone.
    private static func normalized(_ path: BytePath) -> [BytePath] {
        var names: [BytePath] = []
        for name in path.components {
            switch name {
            case BytePath("."): break
            case BytePath(".."): _ = names.popLast()
            default: names.append(name)
            }
        }
        return names
    }
}

extension ServiceClient {
    func triggerEvents(
        of schedule: String?, state: String?, limit: Int
    ) throws(CommandFailure) -> (events: [TriggerEventResponse], troubles: [TriggerTroubleResponse]) {
        var events: [TriggerEventResponse] = []
        var troubles: [TriggerTroubleResponse] = []
        var before: Int?
        repeat {
            let path = ("/triggers" as ServicePath).query("schedule", schedule).query("state", state)
                .query("before", before.map(String.init)).query(
                    "limit", String(min(limit - events.count, 1000)))
            let page = try get(path, as: TriggerPageResponse.self)
            events += page.value
            troubles = page.troubles ?? []
            before = page.next
        } while before != nil && events.count < limit
        return (events, troubles)
    }

    func replay(_ event: Int64, key: String?) throws(CommandFailure) -> TriggerReplayResponse {
        try postOnce(
            ("/triggers" as ServicePath) / String(event) / "replay",
            TriggerReplayRequest(submissionId: key ?? Self.randomIdentity()))
    }

    func explanation(of file: StoredFileName) throws(CommandFailure) -> TriggerExplanationResponse {
        try get(
            ("/triggers/explain" as ServicePath).query("account", file.account)
                .query("container", file.container).query("path", file.path.shown))
    }
}

extension RawShape {
    static func triggerEvent(_ event: TriggerEventResponse) -> JSONValue { plain(event) }

    static func triggerExplanation(_ answer: TriggerExplanationResponse) -> JSONValue { plain(answer) }

    /// Ours alone: nobody else has a shape for it.
    private static func plain(_ value: some Encodable) -> JSONValue {
        guard let bytes = try? JSONCoding.encode(value), let tree = try? JSONValue(parsing: bytes) else {
            invariantFailure("cannot encode \(type(of: value))")
        }
        return tree
    }
}
