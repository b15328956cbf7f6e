import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import ShipyardSystem

/// `data put`.
enum DataPutCommand {
    static let command = Command("put", "store files of this machine")
        .details(
            "A file is stored under the target's name, or below it where that ends in a slash, is a container alone, or "
                + "where there are several files. A directory needs --recursive, and is stored with its own name. With a slash "
                + "behind it, what is in it is stored, and --recursive goes without saying. `-` is standard input. Links are followed as far as they stay inside of "
                + "the directory.",
            "What is there already with the same content is not sent again, so an interrupted command goes on when it is "
                + "given again. A container that is missing is made."
        )
        .takes(
            Argument(
                "LOCAL", "files and directories, or `-`, and last the target ALIAS/CONTAINER/PATH",
                repeats: true,
                values: .file)
        )
        .options(
            DataOptions.recursive, DataOptions.include, DataOptions.exclude, DataOptions.dryRun,
            DataOptions.connections, DataOptions.bandwidth
        )
        .example("data put model.bin lake/models/", "stores one file as models/model.bin")
        .example("data put survey/ lake/raw/2026-11/", "stores all that is in a directory")
        .example("data put - lake/backup/db.sql < db.sql", "stores what comes on standard input")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        guard let last = words.last, words.count > 1 else {
            throw .usage("`data put` needs files and a target", help: DataPlace.form)
        }
        let target = try DataPlace(last)
        let container = try target.needingContainer()
        let stores = try DataStores(invocation)
        let access = try stores.target(target.alias, invocation.console)
        let locals = words.dropLast()
        guard !locals.contains("-") else {
            guard locals.count == 1 else { throw .usage("`-` stands alone: standard input is one file") }
            return try StandardInput(invocation, stores, access).put(target)
        }
        let plan = try LocalSources(locals, isRecursive: invocation.has("recursive"))
        let directory = target.isDirectory || plan.isMany ? target.name.asDirectory : nil
        let filter = invocation.nameFilter()
        let moves = plan.roots.map { source in
            DataMove(
                from: .local(source.root), to: .store(access, container: container),
                sourceText: { source.text($0) }, targetText: { target.named($0).description },
                find: { leftOut, body throws(FileStoreError) in
                    try source.forEachFile(filter, leftOut) { file, relative in
                        body(
                            TransferItem(
                                source: file.name,
                                target: directory.map { $0 + relative.bytes } ?? target.name,
                                size: file.size))
                    }
                })
        }
        return try DataMoves(invocation, "put", "stored").run(moves) { () throws(CommandFailure) in
            try stores.makeContainer(container, of: access)
        }
    }
}

/// What of this machine a command line names, by the directories that it is in.
struct LocalSources {
    struct Start: Sendable {
        /// Below the root; empty for all of it.
        var name: BytePath
        var isTree: Bool
        /// So many bytes of each name stay behind.
        var base: Int
        /// And so many before patterns look at it.
        var filterBase: Int
    }

    struct Root: Sendable {
        var path: String
        var root: LocalRoot
        var starts: [Start]

        func text(_ name: BytePath) -> String {
            path == "." ? name.description : path.hasSuffix("/") ? "\(path)\(name)" : "\(path)/\(name)"
        }

        /// - Parameter body: also gets what of the name goes along.
        func forEachFile(
            _ filter: NameFilter, _ leftOut: (String) -> Void, _ body: (FoundFile, BytePath) -> Bool
        ) throws(FileStoreError) {
            var isWanted = true
            for start in starts where isWanted {
                func take(_ file: FoundFile) {
                    let bytes = file.name.bytes
                    guard filter.keeps(BytePath(bytes: bytes.dropFirst(start.filterBase)).patternText) else {
                        return
                    }
                    isWanted = body(file, BytePath(bytes: bytes.dropFirst(start.base)))
                }
                if start.isTree {
                    try root.forEachFile(below: start.name, leftOut: leftOut) { file throws(FileStoreError) in
                        take(file)
                        return isWanted
                    }
                } else if let file = root.stat(start.name) {
                    take(file)
                } else {
                    leftOut("\(text(start.name)) is no regular file, or gone")
                }
            }
        }
    }

    private(set) var roots: [Root] = []
    /// Whether there may be more than one file.
    private(set) var isMany = false

    init(_ words: some Collection<String>, isRecursive: Bool) throws(CommandFailure) {
        isMany = words.count > 1
        for word in words {
            var status = stat()
            guard stat(word, &status) == 0 else {
                throw CommandFailure(.failed, SystemError("read", path: word, errno: errno).description)
            }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                let (parent, name) = Self.split(word)
                let length = 0
                try add(Start(name: name, isTree: false, base: length, filterBase: length), in: parent)
                continue
            }
            isMany = true
            let last = Self.split(word).name
            if word.hasSuffix("/") || last.isEmpty || last == BytePath(".") || last == BytePath("..") {
                guard word.hasSuffix("/") || isRecursive else { throw Self.needsRecursive(word) }
                try add(Start(name: BytePath(""), isTree: true, base: 0, filterBase: 0), in: word)
            } else {
                guard isRecursive else { throw Self.needsRecursive(word) }
                let (parent, name) = Self.split(word)
                try add(
                    Start(name: name, isTree: true, base: 0, filterBase: name.bytes.count + 1), in: parent)
            }
        }
    }

    private static func needsRecursive(_ word: String) -> CommandFailure {
        .usage(
            "`\(word)` is a directory",
            help: "it is meant with `--recursive`, and what is in it as `\(word)/`")
    }

    /// Files in one directory travel together.
    private mutating func add(_ start: Start, in path: String) throws(CommandFailure) {
        if let last = roots.last, last.path == path || last.path + "/" == path {
            roots[roots.count - 1].starts.append(start)
            return
        }
        do throws(FileStoreError) {
            // A slash at its end would be told twice.
            let path = path.hasSuffix("/") && path != "/" ? String(path.dropLast()) : path
            roots.append(Root(path: path, root: try LocalRoot(BytePath(path)), starts: [start]))
        } catch {
            throw CommandFailure(error)
        }
    }

    static func split(_ path: String) -> (parent: String, name: BytePath) {
        guard let slash = path.lastIndex(of: "/") else { return (".", BytePath(path)) }
        let parent = path[..<slash]
        return (parent.isEmpty ? "/" : String(parent), BytePath(path[path.index(after: slash)...]))
    }
}
