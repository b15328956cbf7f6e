import ShipyardDiagnostics
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem

/// `data lifecycle` and `data rehydrate`.
enum LifecycleCommands {
    private static let details =
        "Rules stand under `lifecycle` in the config file. A cool file is kept compressed and read as before; an archived one is "
        + "compressed as far as it goes and needs `data rehydrate` first. A file's age counts from when it was written."

    static let plan = Command("plan", "say what the lifecycle rules would do now")
        .details(
            details,
            "What compression would save is told from the first MiB of some files of each rule."
        )
        .options(.flag("files", "name each file"))
        .example("data lifecycle plan --config config.yaml", "says what is due and what it would save")
        .runs(showPlan)

    static let run = Command("run", "do what the lifecycle rules say")
        .details(
            details,
            "A file goes from its old place when it was read back from the new one. Interrupted and given again, it goes on."
        )
        .options(DataOptions.connections)
        .example("data lifecycle run --config config.yaml", "compresses and deletes what is old enough")
        .runs(carryOut)

    static let rehydrate = Command("rehydrate", "make archived and cool files plain again")
        .details("Files are named as with `data get`. What is hot already is left as it is.")
        .takes(Argument("FILE", "ALIAS/CONTAINER/PATH", repeats: true))
        .options(
            DataOptions.recursive, DataOptions.include, DataOptions.exclude, DataOptions.dryRun,
            DataOptions.connections
        )
        .example("data rehydrate lake/raw/2025/ --recursive", "brings a year back")
        .runs(bringBack)

    // MARK: plan

    private struct Sum {
        var files = 0
        var bytes: Int64 = 0
        var sampled: Int64 = 0
        var kept: Int64 = 0
        var samples = 0
        var savedBytes: Int64 = 0
    }

    private static let samplesOfRule = 20
    private static let sampleBytes: Int64 = 1 << 20

    @Sendable private static func showPlan(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let plan = try LifecyclePlan(invocation, now: SystemClock.now())
        let console = invocation.console
        var sums: [Int: [LifecyclePlan.Act: Sum]] = [:]
        var raw: [JSONValue] = []
        var code = ExitCode.done
        plan.forEachChange(
            failed: { what, error in
                console.report(CommandFailure(.failed, "\(what): \(error.message)", help: error.help))
                code = .failed
            },
            { change throws(FileStoreError) in
                var sum = sums[change.rule]?[change.act] ?? Sum()
                sum.files += 1
                sum.bytes += change.file.keptBytes ?? change.file.size
                if case .keep(let tier) = change.act, sum.samples < samplesOfRule {
                    try sample(change, tier, plan, &sum)
                }
                sums[change.rule, default: [:]][change.act] = sum
                if invocation.isRaw {
                    raw.append(rawChange(change, plan))
                } else if invocation.has("files") {
                    console.output.line(
                        "\(change.act.verb)  \(sizeText(change.file.size))  \(counted(change.days, "day"))  "
                            + DisplayText.printable(plan.text(change)))
                }
            })
        if invocation.isRaw {
            console.printRaw(.array(raw))
            return code
        }
        console.output.flush()
        var table = Table()
        for title in ["where", "what"] { table.column(title) }
        for title in ["files", "bytes", "saves"] { table.column(title, .right) }
        for (index, rule) in plan.rules.enumerated() {
            for (act, sum) in (sums[index] ?? [:]).sorted(by: { $0.key.verb < $1.key.verb }) {
                table.row(
                    rule.selection.place.description, act.verb, String(sum.files), sizeText(sum.bytes),
                    saving(act, sum))
            }
        }
        if table.rowCount == 0 {
            console.say("nothing is due")
        } else {
            console.print(table)
        }
        return code
    }

    private static func sample(
        _ change: LifecyclePlan.Change, _ tier: StorageTier, _ plan: LifecyclePlan, _ sum: inout Sum
    ) throws(FileStoreError) {
        sum.samples += 1
        // What is compressed already says nothing about how far it would go.
        guard change.file.tier == .hot, change.file.size > 0 else { return }
        let rule = plan.rules[change.rule]
        var bytes: [UInt8] = []
        do throws(FileStoreError) {
            try rule.access.open().read(
                StorePath(rule.selection.container, change.file.name),
                range: 0..<min(change.file.size, sampleBytes), identity: nil,
                to: .receiver { piece in
                    bytes.append(contentsOf: piece)
                    return true
                })
        } catch {
            // It has gone meanwhile.
            guard error.code == .blobNotFound else { throw error }
        }
        sum.sampled += Int64(bytes.count)
        sum.kept += Int64(try tier.keptBytes(ofSample: bytes))
    }

    private static func saving(_ act: LifecyclePlan.Act, _ sum: Sum) -> String {
        guard case .keep = act else { return sizeText(sum.bytes) }
        guard sum.sampled > 0 else { return "unknown" }
        let share = max(0, 1 - Double(sum.kept) / Double(sum.sampled))
        return "about \(sizeText(Int64(Double(sum.bytes) * share)))"
    }

    private static func rawChange(_ change: LifecyclePlan.Change, _ plan: LifecyclePlan) -> JSONValue {
        .present([
            ("name", .string(plan.text(change))), ("action", .string(change.act.verb)),
            ("tier", .string(change.file.tier.rawValue)), ("contentLength", .integer(change.file.size)),
            ("days", .integer(Int64(change.days))),
        ])
    }

    // MARK: run

    @Sendable private static func carryOut(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let plan = try LifecyclePlan(invocation, now: SystemClock.now())
        var changes: [LifecyclePlan.Change] = []
        // Told by itself: for the other rules it means nothing.
        var hasFailed = false
        plan.forEachChange(
            failed: { what, error in
                invocation.console.report(
                    CommandFailure(.failed, "\(what): \(error.message)", help: error.help))
                hasFailed = true
            }, { changes.append($0) })
        guard !changes.isEmpty else {
            invocation.console.say("nothing is due")
            return hasFailed ? .failed : .done
        }
        let run = try DataRun(invocation)
        let fail = run.failing
        let (deleted, moved) = (Counter(), Counter())
        let gauge = run.gauge
        // Compression is work for a processor, and each of them is only one.
        let connections = try invocation.connections() ?? 2
        try run.forEach(changes, connections: connections) { () throws(FileStoreError) in
            var stores: [any FileStore] = []
            for rule in plan.rules { stores.append(try rule.access.open(gauge)) }
            return WorkOfMany(
                each: { change in
                    let path = StorePath(plan.rules[change.rule].selection.container, change.file.name)
                    do throws(FileStoreError) {
                        switch change.act {
                        case .delete:
                            try stores[change.rule].remove(path, identity: change.file.identity)
                            deleted.add()
                        case .keep(let tier):
                            _ = try stores[change.rule].changeTier(
                                of: path, to: tier, identity: change.file.identity)
                            moved.add()
                        }
                    } catch {
                        fail("\(plan.text(change)) stays as it was", error)
                    }
                },
                end: { () throws(FileStoreError) in for store in stores { try store.settle() } })
        }
        var parts: [String] = []
        if moved.value > 0 { parts.append("compressed \(counted(moved.value, "file"))") }
        if deleted.value > 0 { parts.append("deleted \(counted(deleted.value, "file"))") }
        let code = run.finish(parts.isEmpty ? ["nothing was done"] : parts)
        return code == .done && hasFailed ? .failed : code
    }

    // MARK: rehydrate

    @Sendable private static func bringBack(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let stores = try DataStores(invocation)
        let sources = try StoredSources(invocation.arguments.words, stores, invocation)
        var found: [StoredDeletion.File] = []
        var hot = 0
        for (index, source) in sources.all.enumerated() {
            do throws(FileStoreError) {
                try source.access.forEachFile(of: source.selection) { file in
                    if file.tier == .hot {
                        hot += 1
                    } else {
                        found.append(
                            StoredDeletion.File(source: index, name: file.name, identity: file.identity))
                    }
                    return true
                }
            } catch {
                throw CommandFailure(error)
            }
        }
        let places = sources.all.map { (access: $0.access, selection: $0.selection) }
        @Sendable func text(_ file: StoredDeletion.File) -> String {
            places[file.source].selection.place.named(file.name).description
        }
        guard !found.isEmpty || hot > 0 else { throw CommandFailure(.failed, sources.nothing) }
        if invocation.has("dry-run") {
            for file in found {
                invocation.console.print("would rehydrate \(DisplayText.printable(text(file)))")
            }
            invocation.console.say("would rehydrate \(counted(found.count, "file"))")
            return .done
        }
        let run = try DataRun(invocation)
        let done = Counter()
        let fail = run.failing
        let gauge = run.gauge
        try run.forEach(found, connections: try invocation.connections() ?? 2) { () throws(FileStoreError) in
            var stores: [any FileStore] = []
            for place in places { stores.append(try place.access.open(gauge)) }
            return WorkOfMany(
                each: { file in
                    do throws(FileStoreError) {
                        _ = try stores[file.source].changeTier(
                            of: StorePath(places[file.source].selection.container, file.name), to: .hot,
                            identity: file.identity)
                        done.add()
                    } catch {
                        fail("\(text(file)) is not rehydrated", error)
                    }
                },
                end: { () throws(FileStoreError) in for store in stores { try store.settle() } })
        }
        var parts = ["rehydrated \(counted(done.value, "file"))"]
        if hot > 0 { parts.append("\(counted(hot, "file")) hot already") }
        return run.finish(parts)
    }
}
