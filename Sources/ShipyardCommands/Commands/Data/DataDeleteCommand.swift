import ShipyardDiagnostics
import ShipyardFileStore
import ShipyardModel
import Synchronization

/// `data del`.
enum DataDeleteCommand {
    static let command = Command("del", "delete stored files")
        .details(
            "A file is named, or a pattern in quotes, or with --recursive or a slash behind it all that is below a name. "
                + "More than one file is asked for. A file that was written anew since it was listed is left and named."
        )
        .takes(Argument("FILE", "ALIAS/CONTAINER/PATH", repeats: true))
        .options(
            DataOptions.recursive, DataOptions.include, DataOptions.exclude, DataOptions.dryRun,
            DataOptions.connections
        )
        .example("data del lake/models/model.bin", "deletes one file")
        .example("data del 'lake/raw/2025-*' --dry-run", "says what a pattern would delete")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let stores = try DataStores(invocation)
        let sources = try StoredSources(invocation.arguments.words, stores, invocation)
        var doomed: [StoredDeletion.File] = []
        for (index, source) in sources.all.enumerated() {
            do throws(FileStoreError) {
                try source.access.forEachFile(of: source.selection) { file in
                    doomed.append(
                        StoredDeletion.File(source: index, name: file.name, identity: file.identity))
                    return true
                }
            } catch {
                throw CommandFailure(error)
            }
        }
        guard !doomed.isEmpty else { throw CommandFailure(.failed, sources.nothing) }
        let deletion = StoredDeletion(sources.all.map { ($0.access, $0.selection.place) })
        let console = invocation.console
        if invocation.has("dry-run") {
            for file in doomed { console.print("would delete \(deletion.text(file))") }
            console.say("would delete \(counted(doomed.count, "file"))")
            return .done
        }
        if doomed.count > 1 {
            let places = sources.all.map(\.selection.place.description).joined(separator: ", ")
            let question = "deleting \(counted(doomed.count, "file")) of \(DisplayText.printable(places))"
            guard try console.confirm(question, yes: invocation.has("yes")) else {
                return .failed
            }
        }
        let run = try DataRun(invocation)
        let deleted = try deletion.run(doomed, run, connections: try invocation.connections() ?? 8)
        return run.finish(["deleted \(counted(deleted, "file"))"])
    }
}

/// Deletes files that were listed, as they were listed.
struct StoredDeletion: Sendable {
    struct File: Sendable {
        /// Which of the places.
        var source = 0
        var name: BytePath
        var identity: String
    }

    private let places: [(access: StoreAccess, place: DataPlace)]

    init(_ places: [(StoreAccess, DataPlace)]) { self.places = places }

    func text(_ file: File) -> String { places[file.source].place.named(file.name).description }

    /// Answers how many are gone.
    func run(_ files: [File], _ run: DataRun, connections: Int) throws(CommandFailure) -> Int {
        let deleted = Counter()
        let fail = run.failing
        let gauge = run.gauge
        let this = self
        // A store is for one thread and each of them has its own, of every account.
        try run.forEach(files, connections: connections) { () throws(FileStoreError) in
            var stores: [any FileStore] = []
            for place in this.places { stores.append(try place.access.open(gauge)) }
            return WorkOfMany(
                each: { file in
                    let place = this.places[file.source].place
                    do throws(FileStoreError) {
                        try stores[file.source].remove(
                            StorePath(place.container ?? "", file.name), identity: file.identity)
                        deleted.add()
                    } catch {
                        fail("\(this.text(file)) is not deleted", error)
                    }
                },
                end: { () throws(FileStoreError) in for store in stores { try store.settle() } })
        }
        return deleted.value
    }
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    func add() { count.wrappingAdd(1, ordering: .relaxed) }
    var value: Int { count.load(ordering: .relaxed) }
}
