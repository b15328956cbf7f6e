import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardSystem
import Synchronization

/// Carries out the transfers of one attempt, one rule after the other.
struct DataMover {
    private let manifest: StagingManifest
    private let keys: [String: StorageKeys]
    private let stores: FileStores
    private let workingDirectory: String
    private let report: ProgressReport
    private let variable: (String) -> [UInt8]?
    private let leftOut = LeftOut()

    /// Two for each rule: a node runs as many tasks as it has slots, each with files of its own.
    static let connections = 2

    init(
        _ manifest: StagingManifest, _ keys: [String: StorageKeys], in workingDirectory: String,
        _ report: ProgressReport, variable: @escaping (String) -> [UInt8]? = DataMover.environment
    ) {
        self.manifest = manifest
        self.keys = keys
        stores = FileStores(embeddedRoot: manifest.embeddedRoot ?? "")
        self.workingDirectory = workingDirectory
        self.report = report
        self.variable = variable
    }

    static func environment(_ name: String) -> [UInt8]? {
        getenv(name).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }

    func access(_ alias: String) throws(FileStoreError) -> StoreAccess {
        guard let account = manifest.accounts.first(where: { $0.alias == alias }) else {
            throw FileStoreError(
                .invalidInput, "what the storage account `\(alias)` is did not come with the task")
        }
        return StoreAccess(account, keys[alias] ?? StorageKeys(), stores)
    }

    private func access(of spec: StorageTransferSpec) throws(FileStoreError) -> StoreAccess {
        let access = try access(spec.storageAccountSettings)
        guard !spec.isFileShare || access.account.kind == .embedded else {
            throw FileStoreError(
                .unsupported, "`is_file_share`: \(access.account.place) has no file shares here",
                help: "only the embedded store has, as directories")
        }
        return access
    }

    // MARK: In

    /// - Parameter index: of the rule among those of the task.
    /// - Returns: The digest of the list of what is to be deleted in the end, where that is wanted.
    func download(_ spec: StorageTransferSpec, at index: Int) throws(FileStoreError) -> String? {
        let fetched = FetchedFiles()
        try download(spec, fetched)
        guard spec.deletesFilesAfterCompletion == true else { return nil }
        return try fetched.write(to: FetchedFiles.path(index, besides: workingDirectory))
    }

    private func download(_ spec: StorageTransferSpec, _ fetched: FetchedFiles) throws(FileStoreError) {
        let rule = try DownloadRule(spec)
        let access = try access(of: spec)
        let path = try localPath(spec.localPath ?? "$AZ_BATCH_TASK_WORKING_DIR")
        let gauge = TransferGauge(bytesPerSecond: spec.bytesPerSecond.map(Int64.init))
        report.follow(gauge)
        let source = TransferEnd.store(access, container: rule.remote.container)
        let names = StoredNames(try access.open(gauge), rule)
        guard rule.words.renames else {
            let target = try Self.makeRoot(path)
            return try move(from: source, to: .local(target), rule.words, gauge) {
                [report] () throws(FileStoreError) in
                guard let item = try names.next() else { return nil }
                report.add(item.size)
                fetched.note(item)
                return item
            }
        }
        let file = try names.single()
        let (parent, name) = try Self.split(path)
        report.add(file.size)
        let item = TransferItem(source: file.name, target: name, size: file.size, identity: file.identity)
        fetched.note(item)
        try move(from: source, to: .local(try Self.makeRoot(parent)), rule.words, gauge, Self.list([item]))
    }

    /// - Parameter index: of the rule among those of the template.
    func download(_ spec: InputDataSpec.TaskFiles, at index: Int) throws(FileStoreError) {
        let who = "task `\(spec.taskID)` of job `\(spec.jobID)`"
        guard index < manifest.taskFilePlaces.count else {
            throw FileStoreError(.invalidInput, "where the files of \(who) are did not come with the task")
        }
        let directory = try manifest.taskFilePlaces[index].open(who)
        // By its descriptor: whatever takes its name meanwhile is another directory.
        let source = try LocalRoot(BytePath("/proc/self/fd/\(directory.number)"))
        let target = try Self.makeRoot(try localPath(spec.destination ?? "$AZ_BATCH_TASK_WORKING_DIR"))
        // As in Batch Shipyard: where `include` is given, `exclude` is not looked at.
        let filter = NameFilter(include: spec.include, exclude: spec.include.isEmpty ? spec.exclude : [])
        var items: [TransferItem] = []
        try source.forEachFile(leftOut: say) { file throws(FileStoreError) in
            guard filter.keeps(String(decoding: file.name.bytes, as: UTF8.self)) else { return true }
            items.append(TransferItem(source: file.name, target: file.name, size: file.size))
            report.add(file.size)
            return true
        }
        let gauge = TransferGauge()
        report.follow(gauge)
        try move(from: .local(source), to: .local(target), TransferWords(), gauge, Self.list(items))
        _ = directory.number
    }

    /// Folders that are there are left as they are.
    func makeFolders(_ layout: InputDataSpec.Layout) throws(FileStoreError) {
        let remote = try RemotePath(layout.remotePath)
        guard !layout.folders.isEmpty else {
            throw FileStoreError(
                .invalidInput, "the folders of a `\(layout.kind)` are not known: no config file with `data_layout` came with the job")
        }
        let store = try access(layout.storageAccountSettings).open()
        try store.makeContainer(remote.container)
        let dataset = BytePath(remote.name).components
        for folder in layout.folders {
            let name = (dataset + BytePath(folder).components).reduce(BytePath("")) { $0 / $1 }
            try store.makeFolder(StorePath(remote.container, name))
        }
        try store.settle()
    }

    // MARK: Out

    func upload(_ spec: StorageTransferSpec, task: BytePath) throws(FileStoreError) {
        let rule = try UploadRule(spec, task: task)
        let access = try access(of: spec)
        let path = try localPath(spec.localPath ?? "$AZ_BATCH_TASK_DIR")
        let (root, files) = try Self.files(at: path, spec, leftOut: say)
        guard !rule.words.renames || files.count == 1 else {
            throw FileStoreError(
                .invalidInput,
                "`--rename` is for one file, and \(path) is a directory, or its file is left out")
        }
        var items: [TransferItem] = []
        for file in files {
            guard let name = rule.name(of: file.name), !isList(file.name, in: path) else { continue }
            items.append(TransferItem(source: file.name, target: name, size: file.size))
            report.add(file.size)
        }
        let gauge = TransferGauge(bytesPerSecond: spec.bytesPerSecond.map(Int64.init))
        report.follow(gauge)
        try access.open(gauge).makeContainer(rule.container)
        try move(
            from: .local(root), to: .store(access, container: rule.container), rule.words, gauge,
            Self.list(items),
            stops: false)
    }

    /// One of `FetchedFiles`.
    private func isList(_ name: BytePath, in directory: BytePath) -> Bool {
        name.components.count == 1 && name.description.hasPrefix(".fetched-")
            && variable("AZ_BATCH_TASK_DIR").map { BytePath(bytes: $0) } == directory
    }

    /// What there is to store, with names below `local_path`; of one file its own name.
    private static func files(
        at path: BytePath, _ spec: StorageTransferSpec, leftOut: (String) -> Void
    ) throws(FileStoreError) -> (LocalRoot, [LocalFile]) {
        var status = stat()
        guard stat(path.cString, &status) == 0 else {
            throw FileStoreError(
                .localFile,
                "there is nothing at \(path), the `local_path` of what goes to `\(spec.remotePath)`")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            let (parent, name) = try split(path)
            let root = try LocalRoot(parent)
            guard let file = root.stat(name) else {
                throw FileStoreError(
                    .localFile, "\(path) is no file, or a link that leads out of its directory")
            }
            return (root, [file])
        }
        let root = try LocalRoot(path)
        var files: [LocalFile] = []
        try root.forEachFile(leftOut: leftOut) { file throws(FileStoreError) in
            files.append(file)
            return true
        }
        return (root, files)
    }

    /// Not where some of what was to be stored was left out: the files may be all that there is of it.
    func mayDeleteFetched(_ manifest: StagingManifest) -> Bool {
        guard leftOut.isAny, manifest.deletesInputs else { return true }
        say("what was fetched stays, since not all of `output_data` could be stored", as: "not deleted")
        return false
    }

    /// What the rules have fetched before the command. Throws where that is not known any more: a task that believes its inbox to be
    /// empty must not hear of success.
    func fetched() throws(FileStoreError) -> [DeletionRecord.Part] {
        var parts: [DeletionRecord.Part] = []
        for (index, rule) in manifest.inputs.enumerated() where rule.deletesFilesAfterCompletion == true {
            let digest = parts.count < manifest.fetchedDigests.count ? manifest.fetchedDigests[parts.count] : nil
            let files = try FetchedFiles.read(from: FetchedFiles.path(index, besides: workingDirectory), digest: digest)
            parts.append(DeletionRecord.Part(rule: index, files: files))
        }
        return parts
    }

    /// Each file unless it was written anew since. A name that its rule does not take is left alone, whoever has written it into the list.
    func delete(_ part: DeletionRecord.Part) throws(FileStoreError) {
        guard !part.files.isEmpty, part.rule < manifest.inputs.count else { return }
        let spec = manifest.inputs[part.rule]
        guard spec.deletesFilesAfterCompletion == true else { return }
        let rule = try DownloadRule(spec)
        let store = try access(of: spec).open()
        for file in part.files where rule.target(of: file.name) != nil {
            let path = StorePath(rule.remote.container, file.name)
            do throws(FileStoreError) {
                try store.remove(path, identity: file.identity)
            } catch {
                guard error.code == .conditionNotMet else { throw error }
                say("\(path) was written anew after it was fetched, and stays", as: "not deleted")
            }
        }
        try store.settle()
    }

    /// The last name of the task's directory, which no spec can set, as it can `AZ_BATCH_TASK_ID`.
    var task: BytePath {
        variable("AZ_BATCH_TASK_DIR").flatMap { BytePath(bytes: $0).components.last } ?? BytePath("task")
    }

    // MARK: Parts

    /// Pipes, sockets, links that lead out and directories that cannot be listed are no files to move: the task's `stderr.txt` names
    /// them, before it is sent itself.
    private func say(_ sentence: String) {
        leftOut.note()
        say(sentence, as: "not moved")
    }

    func say(_ sentence: String, as what: String) {
        let path = BytePath("\(workingDirectory)/../stderr.txt")
        guard let log = FileDescriptor(opening: path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK) else { return }
        _ = Array("shipyard-swift: \(what): \(sentence)\n".utf8).withUnsafeBytes { log.write(all: $0) }
    }

    private func move(
        from source: TransferEnd, to target: TransferEnd, _ words: TransferWords, _ gauge: TransferGauge,
        _ next: @escaping @Sendable () throws(FileStoreError) -> TransferItem?, stops: Bool = true
    ) throws(FileStoreError) {
        var options = TransferOptions()
        options.connections = words.connections ?? Self.connections
        options.overwrites = words.overwrites
        // That something is there already must not stop the rest.
        options.stopsAtFirstFailure = stops && words.overwrites
        let failures = FirstFailure()
        do throws(FileStoreError) {
            try Transfer(from: source, to: target, options, gauge).run(next) { [report] told in
                switch told {
                case .moved: report.moved()
                case .same(let item): report.wasThere(item.size)
                case .failed(_, let error):
                    // What is there and is to stay is no failure.
                    if error.code == .blobAlreadyExists, !words.overwrites { return report.moved() }
                    failures.note(error)
                    // The next file would meet the same.
                    if stops || error.isOfStore { gauge.cancel() }
                }
            }
        } catch {
            throw failures.first ?? error
        }
        if let first = failures.first { throw first }
    }

    private static func list(
        _ items: [TransferItem]
    ) -> @Sendable () throws(FileStoreError) -> TransferItem? {
        let rest = Mutex(items[...])
        return { () throws(FileStoreError) in rest.withLock { $0.popFirst() } }
    }

    func localPath(_ text: String) throws(FileStoreError) -> BytePath {
        let written: ShellText
        do throws(ShellText.Problem) {
            written = try ShellText(text)
        } catch {
            throw FileStoreError(.invalidInput, "the path `\(text)`: \(error.message)")
        }
        var unknown: String?
        let path = written.expanded { name in
            let value = variable(name)
            // One of the node's own that is not there is a typing error, and the path would be another one of this machine.
            if value == nil, name.hasPrefix("AZ_BATCH_") { unknown = name }
            return value
        }
        if let unknown {
            throw FileStoreError(.invalidInput, "the path `\(text)`: there is no variable `\(unknown)` here")
        }
        guard !path.isEmpty, !path.bytes.contains(0) else {
            throw FileStoreError(.localFile, "the path `\(text)` is empty: a variable in it is not set")
        }
        return path.bytes.first == UInt8(ascii: "/") ? path : BytePath(workingDirectory) / path
    }

    private static func split(_ path: BytePath) throws(FileStoreError) -> (parent: BytePath, name: BytePath) {
        guard let name = path.components.last else {
            throw FileStoreError(.localFile, "\(path) cannot be a file")
        }
        var parent = path.bytes
        while parent.last == UInt8(ascii: "/") { parent.removeLast() }
        parent.removeLast(name.bytes.count)
        return (parent.isEmpty ? BytePath(".") : BytePath(bytes: parent), name)
    }

    private static func makeRoot(_ path: BytePath) throws(FileStoreError) -> LocalRoot {
        do throws(SystemError) {
            try ShipyardSystem.makeDirectories(path, mode: 0o770)
        } catch {
            throw FileStoreError(.localFile, "\(error.path) cannot be made: \(error.reason)")
        }
        return try LocalRoot(path)
    }
}
