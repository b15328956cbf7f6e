import ShipyardFileStore
import ShipyardModel

extension StoreAccess {
    /// As many names in one answer as every store gives.
    private static let page = 1000

    /// Hands on the files of a selection, in byte order, until that answers false.
    func forEachFile(
        of selection: StoredSelection, _ gauge: TransferGauge = TransferGauge(),
        _ body: (StoredFile) throws(FileStoreError) -> Bool
    ) throws(FileStoreError) {
        let store = try open(gauge)
        switch selection.kind {
        case .one:
            guard let file = try store.stat(StorePath(selection.container, selection.prefix)) else {
                throw try Self.missing(selection, store)
            }
            if selection.holds(file.name) { _ = try body(file) }
        case .tree:
            if let file = try store.stat(StorePath(selection.container, selection.prefix)),
                selection.holds(file.name)
            {
                guard try body(file) else { return }
            }
            try Self.list(store, selection, selection.prefix.asDirectory, gauge, body)
        case .prefix, .pattern: try Self.list(store, selection, selection.prefix, gauge, body)
        }
    }

    private static func list(
        _ store: any FileStore, _ selection: StoredSelection, _ prefix: BytePath, _ gauge: TransferGauge,
        _ body: (StoredFile) throws(FileStoreError) -> Bool
    ) throws(FileStoreError) {
        var after: BytePath?
        repeat {
            let page = try store.list(selection.container, prefix: prefix, after: after, limit: Self.page)
            for file in page.files where selection.holds(file.name) {
                guard try body(file), !gauge.isCancelled else { return }
            }
            after = page.next
        } while after != nil
    }

    private static func missing(
        _ selection: StoredSelection, _ store: any FileStore
    ) throws(FileStoreError) -> FileStoreError {
        let below = try store.list(
            selection.container, prefix: selection.prefix.asDirectory, after: nil, limit: 1)
        return FileStoreError(
            .blobNotFound, "there is no file \(selection.place.description)",
            help: below.files.isEmpty
                ? nil
                : "there are files below it; they are meant with `--recursive`, or as "
                    + "`\(selection.place.description)/`")
    }
}

/// Says which stored names have no place below a directory of this machine, and why.
struct LocalNames {
    /// Names of which a later one may be a part: files where it needs a directory.
    private var stack: [BytePath] = []
    private let areSorted: Bool
    /// Where names come from several places, or not in their order: all of them, and the directories that they need.
    private var files: Set<BytePath> = []
    private var directories: Set<BytePath> = []

    /// - Parameter areSorted: they come in byte order, each once. Then a few names are all that is kept.
    init(areSorted: Bool) { self.areSorted = areSorted }

    /// Nil where the name can have the place.
    mutating func objection(to name: BytePath) -> String? {
        if let problem = Self.shape(name) { return problem }
        if areSorted {
            while let last = stack.last, !name.begins(with: last) { stack.removeLast() }
            if let directory = stack.first(where: { name.isBelow($0) }) {
                return "`\(directory)` is a file, so nothing can be below it"
            }
            stack.append(name)
            return nil
        }
        if files.contains(name) { return "another file has that name here already" }
        if directories.contains(name) { return "other files are below that name, which makes it a directory" }
        var directory = name.parent
        var needed: [BytePath] = []
        while !directory.isEmpty, !directories.contains(directory) {
            if files.contains(directory) { return "`\(directory)` is a file, so nothing can be below it" }
            needed.append(directory)
            directory = directory.parent
        }
        directories.formUnion(needed)
        files.insert(name)
        return nil
    }

    static func shape(_ name: BytePath) -> String? {
        let parts = name.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard !name.isEmpty, !parts.contains(where: \.isEmpty) else {
            return "a local name has no empty part and no slash at an end"
        }
        guard !parts.contains(where: { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }) else {
            return "`.` and `..` lead elsewhere"
        }
        guard !name.bytes.contains(0) else { return "a local name has no NUL" }
        guard parts.allSatisfy({ $0.count <= 255 }) else { return "a part of it is longer than 255 bytes" }
        guard name.bytes.count < 4096 else { return "it is longer than 4095 bytes" }
        return nil
    }
}

/// A file of this machine, as the transfers know it.
typealias FoundFile = ShipyardFileStore.LocalFile

extension StoredFile {
    /// What consoles of stores make for an empty directory.
    var isDirectoryMarker: Bool { size == 0 && name.endsInSlash }
}
