import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner

/// `data copy` and `data move`.
enum DataCopyCommands {
    private static let names =
        "Sources and names are as with `data get`: a name, a pattern in quotes, with --recursive all that is below a name, and with a slash behind it what is below it. "
        + "One file goes to TARGET itself unless that ends in a slash or is a container alone. Within an account the store "
        + "copies by itself; between accounts the bytes come through this machine. A container that is missing is made."

    static let copy = Command("copy", "copy stored files, within an account or to another")
        .details(names)
        .takes(Argument("SOURCE", "ALIAS/CONTAINER/PATH, and last the target", repeats: true))
        .options(
            DataOptions.recursive, DataOptions.include, DataOptions.exclude, DataOptions.dryRun,
            DataOptions.connections, DataOptions.bandwidth
        )
        .example("data copy 'lake/raw/*.csv' archive/csv/", "copies files to another account")
        .runs { invocation throws(CommandFailure) in try run(invocation, isMove: false) }

    static let move = Command("move", "move stored files, within an account or to another")
        .details(
            names,
            "A source is deleted when its copy was looked at and has the same size and, where both stores know it, the same hash, and unless the source was written anew meanwhile. "
                + "Interrupted and given again, it goes on."
        )
        .takes(Argument("SOURCE", "ALIAS/CONTAINER/PATH, and last the target", repeats: true))
        .options(
            DataOptions.recursive, DataOptions.include, DataOptions.exclude, DataOptions.dryRun,
            DataOptions.connections, DataOptions.bandwidth
        )
        .example("data move lake/inbox/ lake/done/", "moves all that is below a name")
        .runs { invocation throws(CommandFailure) in try run(invocation, isMove: true) }

    private static func run(_ invocation: Invocation, isMove: Bool) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        guard let last = words.last, words.count > 1 else {
            throw .usage(
                "`data \(isMove ? "move" : "copy")` needs sources and a target", help: DataPlace.form)
        }
        let target = try DataPlace(last)
        guard target.firstWildcard == nil else { throw .usage("a target is no pattern: `\(last)`") }
        let stores = try DataStores(invocation)
        let sources = try StoredSources(words.dropLast(), stores, invocation)
        let copies = try StoredCopies(target, stores, intoDirectory: sources.isMany)
        let moves = sources.all.map { copies.move($0) }
        let mover = DataMoves(invocation, isMove ? "move" : "copy", isMove ? "moved" : "copied")
        let prepare = { () throws(CommandFailure) in try copies.makeContainer() }
        guard isMove else {
            return try mover.run(moves, mustFind: sources.nothing, prepare: prepare)
        }
        return try mover.run(
            moves, mustFind: sources.nothing,
            then: { move, item throws(FileStoreError) in
                guard case .store(let access, let container) = move.from else { return }
                try copies.removeSource(access, StorePath(container, item.source), item)
            }, prepare: prepare)
    }
}

/// Copies of stored files below one target.
struct StoredCopies: Sendable {
    private let target: DataPlace
    private let container: String
    private let access: StoreAccess
    private let stores: DataStores
    /// Nil where the target is the file itself.
    private let directory: BytePath?

    init(_ target: DataPlace, _ stores: DataStores, intoDirectory: Bool) throws(CommandFailure) {
        self.target = target
        self.stores = stores
        container = try target.needingContainer()
        access = try stores.access(target.alias)
        directory = target.isDirectory || intoDirectory ? target.name.asDirectory : nil
    }

    func makeContainer() throws(CommandFailure) { try stores.makeContainer(container, of: access) }

    func move(_ source: StoredSources.Source) -> DataMove {
        let (target, directory, container) = (target, directory, container)
        let isOneContainer =
            source.access.account.mayBe(access.account) && source.selection.container == container
        return DataMove(
            from: .store(source.access, container: source.selection.container),
            to: .store(access, container: container),
            sourceText: { source.selection.place.named($0).description },
            targetText: { target.named($0).description },
            find: { leftOut, body throws(FileStoreError) in
                func take(_ file: StoredFile) -> Bool {
                    let name =
                        directory.map { $0 + source.selection.relative(file.name).bytes } ?? target.name
                    if isOneContainer, name == file.name {
                        leftOut("\(source.selection.place.named(file.name).description) is its own target")
                        return true
                    }
                    return body(
                        TransferItem(
                            source: file.name, target: name, size: file.size, identity: file.identity))
                }
                guard isOneContainer else {
                    return try source.access.forEachFile(of: source.selection) { take($0) }
                }
                // What is copied must not be found again, and copied for ever.
                var files: [StoredFile] = []
                try source.access.forEachFile(of: source.selection) { file in
                    files.append(file)
                    return true
                }
                for file in files where !take(file) { return }
            })
    }

    /// Once it is proved that its copy is there.
    func removeSource(
        _ from: StoreAccess, _ path: StorePath, _ item: TransferItem
    ) throws(FileStoreError) {
        let source = try from.open()
        guard let original = try source.stat(path) else { return }
        let copy = try access.open().stat(StorePath(container, item.target))
        guard let copy, copy.size == original.size, original.identity == item.identity else {
            throw FileStoreError(
                .conditionNotMet, "it stays, as its copy is not the same or it was written anew")
        }
        if areOfDifferentContents(original.md5, copy.md5) || areOfDifferentContents(original.partsHash, copy.partsHash) {
            throw FileStoreError(.md5Mismatch, "it stays, as its copy has another content")
        }
        // Two aliases may lead to one account by different ways, and then this would be the only one there is.
        guard
            path.name != item.target || copy.identity != original.identity
                || copy.modified != original.modified
        else {
            throw FileStoreError(.conditionNotMet, "it stays, as its copy may be the very same file")
        }
        try source.remove(path, identity: original.identity)
        try source.settle()
    }
}

extension StorageAccount {
    /// Whether both may lead to the same containers.
    func mayBe(_ other: StorageAccount) -> Bool {
        switch (kind, other.kind) {
        case (.embedded, .embedded): name == other.name
        case (.s3, .s3): endpoint == other.endpoint
        case (.azureBlob, .azureBlob): name == other.name && endpoint == other.endpoint
        case (.embedded, _), (.s3, _), (.azureBlob, _): false
        }
    }
}
