import Glibc
import ShipyardDiagnostics
import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import ShipyardSystem

/// `data sync`.
enum DataSyncCommand {
    static let command = Command("sync", "make one place have what another one has")
        .details(
            "One of the two is stored, as ALIAS/CONTAINER/PATH, or both are; a directory of this machine begins with `/`, `./` or "
                + "`../`, or is `.` or `..`. All that is below SOURCE comes to be below TARGET; what is there already is not sent again.",
            "With --delete, what is below TARGET and not below SOURCE is deleted, once all files have been brought without a "
                + "failure: only files that pass --include and --exclude, and that did not change since they were listed. More than one file is asked for."
        )
        .takes(
            Argument("SOURCE", "a local directory or ALIAS/CONTAINER/PATH", values: .directory),
            Argument("TARGET", "the same", values: .directory)
        )
        .options(
            .flag("delete", "delete what SOURCE does not have"), DataOptions.include, DataOptions.exclude,
            DataOptions.dryRun, DataOptions.connections, DataOptions.bandwidth
        )
        .example("data sync ./survey lake/raw/survey", "stores what is new in a directory")
        .example(
            "data sync lake/raw/survey ./survey --delete", "makes a directory the same as what is stored"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        let stores = try DataStores(invocation)
        let sync = try DataSync(
            from: SyncEnd(words[0], stores), to: SyncEnd(words[1], stores), stores, invocation)
        return try sync.run()
    }
}

/// One end of a synchronization.
enum SyncEnd {
    case local(String)
    case stored(StoredSources.Source)

    init(_ word: String, _ stores: DataStores) throws(CommandFailure) {
        let isLocal = [".", ".."].contains(word) || ["/", "./", "../"].contains { word.hasPrefix($0) }
        guard !isLocal else {
            self = .local(word)
            return
        }
        let place = try DataPlace(word)
        do throws(CommandFailure) {
            let access = try stores.access(place.alias)
            self = .stored(
                .init(access: access, selection: try StoredSelection(place, isRecursive: true, isWhole: true))
            )
        } catch {
            guard LocalFile.exists(word) else { throw error }
            throw CommandFailure(
                error.code, error.message, help: "a directory of this machine is written `./\(word)`")
        }
    }
}

extension SyncEnd {
    /// For messages.
    fileprivate var text: String {
        switch self {
        case .local(let path): path
        case .stored(let source): source.selection.place.description
        }
    }
}

struct DataSync {
    private let from: SyncEnd
    private let to: SyncEnd
    private let stores: DataStores
    private let invocation: Invocation
    private let filter: NameFilter

    init(from: SyncEnd, to: SyncEnd, _ stores: DataStores, _ invocation: Invocation) throws(CommandFailure) {
        self.from = from
        self.to = to
        self.stores = stores
        self.invocation = invocation
        filter = invocation.nameFilter()
        if case .local = from, case .local = to {
            throw .usage(
                "neither end is stored: directories of this machine are a matter of `cp` and `rsync`")
        }
        if case .stored(let left) = from, case .stored(let right) = to {
            let isOneContainer =
                left.access.account.mayBe(right.access.account)
                && left.selection.container == right.selection.container
            let overlaps =
                left.selection.prefix.begins(with: right.selection.prefix)
                || right.selection.prefix.begins(with: left.selection.prefix)
            guard !(isOneContainer && overlaps) else {
                throw .usage("one of the two places is within the other")
            }
        }
    }

    /// What of the target is there, found before anything moves: then nobody has to ask for each file.
    private struct TargetListing: Sendable {
        /// So many, some hundred bytes each.
        static let most = 500_000
        var files: [BytePath: StoredFile] = [:]
        var isWhole = true

        func present(_ name: BytePath) -> TransferItem.Present {
            files[name].map { .file($0) } ?? (isWhole ? .absent : .unknown)
        }
    }

    func run() throws(CommandFailure) -> ExitCode {
        var doomed: [Doomed] = []
        let mustDelete = invocation.has("delete")
        if mustDelete { doomed = try findDoomed() }
        if doomed.count > 1, !invocation.has("dry-run") {
            let question =
                "deleting \(counted(doomed.count, "file")) of \(to.text) that \(from.text) does not have"
            guard try invocation.console.confirm(question, yes: invocation.has("yes")) else {
                return .failed
            }
        }
        return try DataMoves(invocation, "copy", "copied").run(
            [try move()],
            after: { run throws(CommandFailure) in
                guard mustDelete, !run.isOver else { return [] }
                guard !run.hasTrouble else { return ["nothing was deleted, as not all is in place"] }
                return [try delete(doomed, run)]
            },
            prepare: { () throws(CommandFailure) in
                guard case .stored(let target) = to else { return }
                try stores.makeContainer(target.selection.container, of: target.access)
            })
    }

    private func move() throws(CommandFailure) -> DataMove {
        let filter = filter
        switch (from, to) {
        case (.local(let path), .stored(let target)):
            let source = try LocalSources([path.hasSuffix("/") ? path : path + "/"], isRecursive: true).roots[
                0]
            let present = try listing(of: target)
            return DataMove(
                from: .local(source.root), to: .store(target.access, container: target.selection.container),
                sourceText: { source.text($0) },
                targetText: { target.selection.place.named($0).description },
                find: { leftOut, body throws(FileStoreError) in
                    try source.forEachFile(filter, leftOut) { file, name in
                        var item = TransferItem(
                            source: file.name, target: target.selection.prefix + name.bytes, size: file.size)
                        item.present = present.present(item.target)
                        return body(item)
                    }
                })
        case (.stored(let source), .local(let path)):
            let root = try DataGetCommand.localRoot(path, isMade: !invocation.has("dry-run"))
            let names = SharedNames(areSorted: true)
            return DataMove(
                from: .store(source.access, container: source.selection.container),
                to: root.map { .local($0) },
                sourceText: { source.selection.place.named($0).description },
                targetText: { (path.hasSuffix("/") ? path : path + "/") + $0.description },
                find: { leftOut, body throws(FileStoreError) in
                    try source.access.forEachFile(of: source.selection) { file in
                        let name = source.selection.relative(file.name)
                        guard !file.isDirectoryMarker, filter.keeps(name.patternText) else { return true }
                        if let objection = names.objection(to: name) {
                            leftOut("\(source.selection.place.named(file.name).description): \(objection)")
                            return true
                        }
                        return body(
                            TransferItem(
                                source: file.name, target: name, size: file.size, identity: file.identity))
                    }
                })
        case (.stored(let source), .stored(let target)):
            let present = try listing(of: target)
            return DataMove(
                from: .store(source.access, container: source.selection.container),
                to: .store(target.access, container: target.selection.container),
                sourceText: { source.selection.place.named($0).description },
                targetText: { target.selection.place.named($0).description },
                find: { _, body throws(FileStoreError) in
                    try source.access.forEachFile(of: source.selection) { file in
                        let name = source.selection.relative(file.name)
                        guard filter.keeps(name.patternText) else { return true }
                        var item = TransferItem(
                            source: file.name, target: target.selection.prefix + name.bytes, size: file.size,
                            identity: file.identity)
                        item.present = present.present(item.target)
                        return body(item)
                    }
                })
        case (.local, .local): throw .usage("neither end is stored")
        }
    }

    private func listing(of target: StoredSources.Source) throws(CommandFailure) -> TargetListing {
        var listing = TargetListing()
        do throws(FileStoreError) {
            try target.access.forEachFile(of: target.selection) { file in
                guard listing.files.count < TargetListing.most else {
                    listing.isWhole = false
                    return false
                }
                listing.files[file.name] = file
                return true
            }
        } catch {
            // It will be made.
            if error.code != .containerNotFound { throw CommandFailure(error) }
        }
        return listing
    }

    // MARK: Deleting

    private enum Doomed: Sendable {
        case stored(StoredDeletion.File)
        case local(FoundFile)
    }

    private func findDoomed() throws(CommandFailure) -> [Doomed] {
        var kept: Set<BytePath> = []
        var doomed: [Doomed] = []
        do throws(FileStoreError) {
            switch from {
            case .local(let path):
                try LocalRoot(BytePath(path)).forEachFile(leftOut: { _ in }) { file in
                    kept.insert(file.name)
                    return true
                }
            case .stored(let source):
                try source.access.forEachFile(of: source.selection) { file in
                    kept.insert(source.selection.relative(file.name))
                    return true
                }
            }
            // Nearly always a typing error, and then nothing would be left.
            guard !kept.isEmpty || invocation.has("yes") else {
                throw FileStoreError(
                    .blobNotFound, "\(from.text) has no files, and with `--delete` nothing would be left of \(to.text)",
                    help: "if that is meant, say `--yes`")
            }
            switch to {
            case .stored(let target):
                try target.access.forEachFile(of: target.selection) { file in
                    let name = target.selection.relative(file.name)
                    if filter.keeps(name.patternText), !kept.contains(name) {
                        doomed.append(.stored(.init(name: file.name, identity: file.identity)))
                    }
                    return true
                }
            case .local(let path) where LocalFile.exists(path):
                try LocalRoot(BytePath(path)).forEachFile(leftOut: { _ in }) { file in
                    if filter.keeps(file.name.patternText), !kept.contains(file.name) {
                        doomed.append(.local(file))
                    }
                    return true
                }
            case .local: break
            }
        } catch {
            if error.code == .containerNotFound, case .stored(let target) = to,
                (try? target.access.open().list(
                    target.selection.container, prefix: BytePath(""), after: nil, limit: 1)) == nil
            {
                return []
            }
            throw CommandFailure(error)
        }
        return doomed
    }

    private func delete(_ doomed: [Doomed], _ run: DataRun) throws(CommandFailure) -> String {
        let isDryRun = invocation.has("dry-run")
        switch to {
        case .stored(let target):
            let files = doomed.compactMap { if case .stored(let file) = $0 { file } else { nil } }
            let deletion = StoredDeletion([(target.access, target.selection.place)])
            if isDryRun {
                for file in files { invocation.console.print("would delete \(deletion.text(file))") }
                return "would delete \(counted(files.count, "file"))"
            }
            let count = try deletion.run(files, run, connections: try invocation.connections() ?? 8)
            return "deleted \(counted(count, "file"))"
        case .local(let path):
            let files = doomed.compactMap { if case .local(let file) = $0 { file } else { nil } }
            if isDryRun {
                for file in files { invocation.console.print("would delete \(path)/\(file.name)") }
                return "would delete \(counted(files.count, "file"))"
            }
            return "deleted \(counted(try LocalDeletion(path).run(files, run), "file"))"
        }
    }
}

/// Deletes files of this machine that were listed, as they were listed, and directories that are empty then.
private struct LocalDeletion: ~Copyable {
    private let path: String
    private let tree: TreeOpener

    init(_ path: String) throws(CommandFailure) {
        guard let directory = FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY) else {
            throw CommandFailure(.failed, SystemError("open", path: path, errno: errno).description)
        }
        self.path = path
        tree = TreeOpener(directory)
    }

    func run(_ files: [FoundFile], _ run: DataRun) -> Int {
        var count = 0
        for file in files where !run.isOver {
            do throws(FileStoreError) {
                try remove(file)
                count += 1
            } catch {
                run.fail("\(path)/\(file.name) is not deleted", error)
            }
        }
        return count
    }

    private func remove(_ file: FoundFile) throws(FileStoreError) {
        do throws(SystemError) {
            let parent = try tree.directory(file.name.parent)
            guard let name = file.name.components.last, let status = FileStatus(of: name, in: parent.number)
            else {
                return
            }
            // Through a link only what it leads to was looked at; the link itself is none of the files.
            guard status.isRegular, status.version.size == file.size, status.version.modified == file.modified
            else {
                throw SystemError(
                    "it is no regular file any more, or was written to since it was listed", errno: 0)
            }
            guard name.withCString({ unlinkat(parent.number, $0, 0) }) == 0 else {
                throw SystemError("unlink", errno: errno)
            }
        } catch {
            throw FileStoreError(.localFile, error.errno == 0 ? error.operation : error.description)
        }
        removeEmptyDirectories(from: file.name.parent)
    }

    private func removeEmptyDirectories(from directory: BytePath) {
        var directory = directory
        while let name = directory.components.last, let parent = try? tree.directory(directory.parent) {
            guard name.withCString({ unlinkat(parent.number, $0, AT_REMOVEDIR) }) == 0 else { return }
            directory = directory.parent
        }
    }
}
