import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardSystem

/// `data ingress`: `global_resources: files` of the config.
enum DataIngressCommand {
    static let command = Command(
        "ingress", "bring the files that config.yaml names into storage and to nodes"
    )
    .details(
        "Entries of `global_resources: files` with `storage_account_settings` are stored; those with "
            + "`shared_data_volume` are copied below `mounts/` of every node of the pool, and those with neither below "
            + "`mounts/` of its only node. Volumes of the driver storage_cluster are brought with --to-fs alone, as Batch "
            + "Shipyard does. Methods as scp and rsync are all copies here. What is there already is not sent again."
    )
    .options(
        .value("to-fs", "VOLUME", "only entries with this shared data volume, of the driver storage_cluster"),
        DataOptions.dryRun, DataOptions.connections, DataOptions.bandwidth
    )
    .example("data ingress --config config.yaml", "brings what the config names")
    .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let sources = try SpecSources([.credentials, .config, .pool], of: invocation)
        guard sources.contains(.config) else { throw SpecFiles(invocation).missing("config") }
        let (specs, diagnostics) = SpecLoader.load(sources.sources)
        guard !diagnostics.hasErrors else {
            invocation.console.show(diagnostics)
            return .specRefused
        }
        let ingress = Ingress(
            invocation, try DataStores(invocation), specs, directory: sources.directory(of: .config))
        guard !specs.config.files.isEmpty else {
            invocation.console.say("the config names no files to bring")
            return .done
        }
        // What cannot be is said before anything moves.
        var moves: [DataMove] = []
        var containers: [(container: String, access: StoreAccess)] = []
        for file in specs.config.files { moves += try ingress.moves(of: file, &containers) }
        return try DataMoves(invocation, "bring", "brought").run(moves) { () throws(CommandFailure) in
            for place in containers {
                try DataStores(invocation).makeContainer(place.container, of: place.access)
            }
        }
    }
}

private struct Ingress {
    private let invocation: Invocation
    private let stores: DataStores
    private let specs: SpecSet
    private let directory: String
    private let fileSystem: String?

    init(_ invocation: Invocation, _ stores: DataStores, _ specs: SpecSet, directory: String) {
        self.invocation = invocation
        self.stores = stores
        self.specs = specs
        self.directory = directory
        fileSystem = invocation.arguments["to-fs"]
    }

    func moves(
        of file: IngressFileSpec, _ containers: inout [(container: String, access: StoreAccess)]
    ) throws(CommandFailure) -> [DataMove] {
        let words = [file.path, file.relativeDestinationPath, file.remotePath].compactMap { $0 }
        if let word = words.first(where: { $0.contains("$AZ_BATCH_") }) {
            throw refused(file, "`\(word)` has a variable of tasks, and no task is run")
        }
        if file.sharedDataVolume != nil, file.storageAccountSettings != nil {
            throw refused(file, "it goes to a shared data volume or into storage, not to both")
        }
        if let volume = file.sharedDataVolume { return try toVolume(volume, file) }
        if fileSystem != nil { return [] }
        if let alias = file.storageAccountSettings { return [try toStorage(alias, file, &containers)] }
        let nodes = try self.nodes(file)
        guard nodes.count == 1, let node = nodes.first else {
            throw refused(
                file,
                "the pool has \(nodes.count) nodes, and files go directly to a node only where it is the only one"
            )
        }
        return [try toDirectory("mounts", of: node, file)]
    }

    private func refused(_ file: IngressFileSpec, _ reason: String) -> CommandFailure {
        CommandFailure(.specRefused, "files: `\(file.path)` cannot be brought: \(reason)")
    }

    /// Filters concern directories alone, and look at the path below them.
    private func source(_ file: IngressFileSpec) throws(CommandFailure) -> (
        root: LocalSources.Root, isTree: Bool, filter: NameFilter
    ) {
        let path = file.path.hasPrefix("/") ? file.path : "\(directory)/\(file.path)"
        let isTree = LocalFile.isDirectory(path)
        let word = isTree && !path.hasSuffix("/") ? path + "/" : path
        let roots = try LocalSources([word], isRecursive: true).roots
        guard let root = roots.first else { throw refused(file, "there is nothing") }
        return (
            root, isTree,
            isTree
                ? NameFilter(include: file.include, exclude: file.exclude)
                : NameFilter(include: [], exclude: [])
        )
    }

    // MARK: Into storage

    private func toStorage(
        _ alias: String, _ file: IngressFileSpec,
        _ containers: inout [(container: String, access: StoreAccess)]
    ) throws(CommandFailure) -> DataMove {
        guard file.relativeDestinationPath == nil else {
            throw refused(
                file, "where it is stored is said by `remote_path`, not by `relative_destination_path`")
        }
        guard let remote = file.remotePath, let place = try? DataPlace("\(alias)/\(remote)"),
            let container = place.container
        else { throw refused(file, "no `remote_path` says where it is stored") }
        let access = try stores.access(alias)
        guard !file.isFileShare || access.account.kind == .embedded else {
            throw refused(file, "\(access.account.place) has no file shares")
        }
        let options = try options(of: file)
        let (source, isTree, filter) = try source(file)
        containers.append((container, access))
        // As it is written: no backslash stands for anything in a spec.
        let path = BytePath(
            remote.split(separator: "/", maxSplits: 1).dropFirst().first.map(String.init) ?? "")
        return DataMove(
            from: .local(source.root), to: .store(access, container: container),
            sourceText: { source.text($0) }, targetText: { place.named($0).description },
            find: { leftOut, body throws(FileStoreError) in
                try source.forEachFile(filter, leftOut) { found, name in
                    let parts = name.components.dropFirst(options.strip)
                    guard !parts.isEmpty else {
                        leftOut(
                            "\(source.text(found.name)) has no name left without \(options.strip) components")
                        return true
                    }
                    let target =
                        options.rename && !isTree
                        ? path : path.asDirectory + parts.reduce(BytePath(""), /).bytes
                    return body(TransferItem(source: found.name, target: target, size: found.size))
                }
            })
    }

    /// The words that mean something here; others are about how blobxfer works.
    private func options(of file: IngressFileSpec) throws(CommandFailure) -> (strip: Int, rename: Bool) {
        var words = (file.blobxferExtraOptions ?? "").split(separator: " ").map(String.init)[...]
        var (strip, rename) = (0, false)
        while let word = words.popFirst() {
            switch word {
            case "--rename": rename = true
            case "--strip-components":
                guard let number = words.popFirst().flatMap({ Int($0) }), number >= 0 else {
                    throw refused(file, "`--strip-components` takes a number")
                }
                strip = number
            default:
                invocation.console.warn("`\(word)` of blobxfer_extra_options has no meaning here")
            }
        }
        return (strip, rename)
    }

    // MARK: To nodes

    private func toVolume(_ name: String, _ file: IngressFileSpec) throws(CommandFailure) -> [DataMove] {
        guard let volume = specs.config.sharedDataVolumes.first(where: { $0.name == name }) else {
            throw refused(file, "the config has no shared data volume `\(name)`")
        }
        let isCluster = volume.driver == "storage_cluster"
        if let fileSystem {
            guard isCluster, name == fileSystem else { return [] }
        } else if isCluster {
            invocation.console.say("`\(file.path)`: left for `--to-fs \(name)`")
            return []
        }
        let place: String
        switch volume.driver {
        case "glusterfs_on_compute": place = "gluster_on_compute/gv0"
        case "storage_cluster", "custom_linux_mount": place = name
        default:
            throw refused(
                file,
                "the volume `\(name)` is a container; name it with `storage_account_settings` and `remote_path`"
            )
        }
        return try nodes(file).map { node throws(CommandFailure) in
            try toDirectory("mounts/\(place)", of: node, file)
        }
    }

    private func nodes(_ file: IngressFileSpec) throws(CommandFailure) -> [String] {
        guard let pool = specs.pool?.id.text else { throw SpecFiles(invocation).missing("pool") }
        let home = try HomeDirectory(invocation)
        try home.checkTrust()
        guard let id = PoolID(pool) else { throw refused(file, "`\(pool)` is no id of a pool") }
        let root = HomeLayout(home.path).poolRoot(id)
        guard var stream = try? DirectoryStream(at: BytePath(root)) else {
            throw CommandFailure(
                .failed, "there is no pool `\(pool)`", help: "make it with `shipyard-swift pool add`")
        }
        var found: [String] = []
        while let entry = stream.next() {
            // What is being removed has a dot in front.
            if entry.isDirectory, let name = entry.name.text, !name.hasPrefix(".") {
                found.append("\(root)/\(name)")
            }
        }
        return found.sorted()
    }

    private func toDirectory(
        _ below: String, of node: String, _ file: IngressFileSpec
    ) throws(CommandFailure) -> DataMove {
        let relative = BytePath((file.relativeDestinationPath ?? "").drop { $0 == "/" })
        let target = BytePath(below).asDirectory + relative.asDirectory.bytes
        let root: LocalRoot
        do throws(FileStoreError) {
            root = try LocalRoot(BytePath(node))
        } catch {
            throw CommandFailure(error)
        }
        let (source, _, filter) = try source(file)
        return DataMove(
            from: .local(source.root), to: .local(root), sourceText: { source.text($0) },
            targetText: { "\(node)/\($0)" },
            find: { leftOut, body throws(FileStoreError) in
                try source.forEachFile(filter, leftOut) { found, name in
                    body(TransferItem(source: found.name, target: target + name.bytes, size: found.size))
                }
            })
    }
}
