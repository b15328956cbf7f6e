import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import ShipyardSystem
import Synchronization

/// `data get`.
enum DataGetCommand {
    static let command = Command("get", "fetch stored files to this machine")
        .details(
            "A source is a name, a pattern in quotes (`*`, `?`, `[…]`; `*` crosses slashes), or with --recursive all that is "
                + "below a name; with a slash behind it, what is below it without that name. What is before the last slash of "
                + "a name, or before the one in front of a pattern's first wildcard, stays behind. One file goes to LOCAL itself unless that is a directory or "
                + "ends in a slash; `-` is standard output.",
            "A file appears whole or not at all, in place of what has its name. What is there already, with size and time of "
                + "the stored file, is not fetched again, so an interrupted command goes on when it is given again. Names that "
                + "have no place on this machine are named, and the exit code is 1."
        )
        .takes(
            Argument(
                "SOURCE", "ALIAS/CONTAINER/PATH, and last the local file or directory, or `-`", repeats: true,
                values: .file)
        )
        .options(
            DataOptions.recursive, DataOptions.include, DataOptions.exclude, DataOptions.dryRun,
            DataOptions.connections, DataOptions.bandwidth
        )
        .example("data get lake/models/model.bin .", "fetches one file")
        .example("data get 'lake/raw/2026-*/*.csv' csv/", "fetches all that match a pattern")
        .example("data get lake/raw/2026-11/ november/", "fetches all that is below a name")
        .example("data get lake/backup/db.sql - | psql db", "hands a file to a program")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        guard let local = words.last, words.count > 1 else {
            throw .usage("`data get` needs stored files and a local place", help: DataPlace.form)
        }
        let stores = try DataStores(invocation)
        let sources = try StoredSources(words.dropLast(), stores, invocation)
        if local == "-" { return try StandardOutput(invocation, stores).get(sources) }
        let isDirectory = sources.isMany || local.hasSuffix("/") || LocalFile.isDirectory(local)
        let (parent, name) = isDirectory ? (local, BytePath("")) : LocalSources.split(local)
        let names = SharedNames(areSorted: sources.all.count == 1)
        let isDryRun = invocation.has("dry-run")
        let wasThere = LocalFile.exists(parent)
        let root = try localRoot(parent, isMade: !isDryRun)
        let moves = sources.all.map { source in
            DataMove(
                from: .store(source.access, container: source.selection.container),
                to: root.map { .local($0) },
                sourceText: { source.selection.place.named($0).description },
                targetText: {
                    parent == "."
                        ? $0.description : (parent.hasSuffix("/") ? parent : parent + "/") + $0.description
                },
                find: { leftOut, body throws(FileStoreError) in
                    try source.access.forEachFile(of: source.selection) { file in
                        if file.isDirectoryMarker { return true }
                        let target = isDirectory ? source.selection.relative(file.name) : name
                        if let objection = names.objection(to: target) {
                            leftOut("\(source.selection.place.named(file.name).description): \(objection)")
                            return true
                        }
                        return body(
                            TransferItem(
                                source: file.name, target: target, size: file.size, identity: file.identity))
                    }
                })
        }
        do throws(CommandFailure) {
            return try DataMoves(invocation, "get", "fetched").run(moves, mustFind: sources.nothing) {}
        } catch {
            // Made for nothing; with anything in it, it stays.
            if !wasThere, !isDryRun { rmdir(parent) }
            throw error
        }
    }

    /// - Parameter isMade: false in a dry run. Then nil stands for a directory that is missing.
    static func localRoot(_ path: String, isMade: Bool) throws(CommandFailure) -> LocalRoot? {
        if isMade {
            do throws(SystemError) {
                try LocalFile.makeDirectories(
                    path.hasSuffix("/") && path != "/" ? String(path.dropLast()) : path)
            } catch {
                throw CommandFailure(.failed, error.description)
            }
        } else if !LocalFile.exists(path) {
            return nil
        }
        do throws(FileStoreError) {
            return try LocalRoot(BytePath(path))
        } catch {
            throw CommandFailure(error)
        }
    }
}

/// The names of one command, told by several threads.
final class SharedNames: Sendable {
    private let names: Mutex<LocalNames>

    init(areSorted: Bool) { names = Mutex(LocalNames(areSorted: areSorted)) }

    func objection(to name: BytePath) -> String? { names.withLock { $0.objection(to: name) } }
}

/// Stored files that a command line names.
struct StoredSources {
    struct Source: Sendable {
        var access: StoreAccess
        var selection: StoredSelection
    }

    private(set) var all: [Source] = []

    init(
        _ words: some Collection<String>, _ stores: DataStores, _ invocation: Invocation
    ) throws(CommandFailure) {
        for word in words {
            let place = try DataPlace(word)
            let selection = try StoredSelection(
                place, isRecursive: invocation.has("recursive"), invocation.nameFilter())
            all.append(Source(access: try stores.source(place.alias), selection: selection))
        }
    }

    /// Whether there may be more than one file.
    var isMany: Bool { all.count > 1 || all.contains { $0.selection.isMany } }

    /// What is said where there is none.
    var nothing: String {
        let places = all.map { "`\($0.selection.place.description)`" }.joined(separator: " or ")
        return "no file matches \(places)"
    }
}
