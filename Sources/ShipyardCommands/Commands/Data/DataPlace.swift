import ShipyardModel
import ShipyardPlanner

/// `ALIAS/CONTAINER/PATH`, as a command line names what is stored.
struct DataPlace: Equatable, Sendable {
    var alias: String
    /// Nil where the alias stands alone.
    var container: String?
    /// Behind the container; empty where it stands alone. A backslash is written twice and a byte that is no text `\xHH`, as
    /// listings write them.
    var name: BytePath
    /// A slash stands behind a container that is all there is: what is in it is meant.
    var wasWrittenWithSlash = false

    init(alias: String, container: String?, name: BytePath = BytePath("")) {
        self.alias = alias
        self.container = container
        self.name = name
    }

    init(_ word: String) throws(CommandFailure) {
        let parts = word.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(
            String.init)
        guard let alias = parts.first, !alias.isEmpty else {
            throw .usage("`\(word)` names nothing that is stored", help: Self.form)
        }
        self.alias = alias
        container = parts.count > 1 && !parts[1].isEmpty ? parts[1] : nil
        name = BytePath(shown: parts.count > 2 ? parts[2] : "")
        wasWrittenWithSlash = parts.count > 2 && parts[2].isEmpty
        guard container != nil || parts.count < 3 else {
            throw .usage("`\(word)` has no container", help: Self.form)
        }
    }

    static let form = "what is stored is named ALIAS/CONTAINER/PATH, with an alias of the credentials"

    /// The container of a place that needs one.
    func needingContainer() throws(CommandFailure) -> String {
        guard let container else { throw .usage("`\(alias)` has no container", help: Self.form) }
        return container
    }

    var description: String {
        ([alias] + (container.map { [$0] } ?? []) + (name.isEmpty ? [] : [name.description])).joined(
            separator: "/")
    }

    func named(_ name: BytePath) -> DataPlace {
        DataPlace(alias: alias, container: container, name: name)
    }

    /// Files are put into it, rather than in its place.
    var isDirectory: Bool { name.isEmpty || name.endsInSlash }

    // MARK: Patterns

    /// Position of the first character of a pattern of `fnmatch`, which a plain name has none of.
    var firstWildcard: Int? {
        let bytes = name.bytes
        return bytes.indices.first { index in
            switch bytes[index] {
            case UInt8(ascii: "*"), UInt8(ascii: "?"): true
            // Without its other half it stands for itself.
            case UInt8(ascii: "["): bytes[(index + 1)...].dropFirst().contains(UInt8(ascii: "]"))
            default: false
            }
        }
    }
}

extension BytePath {
    var endsInSlash: Bool { bytes.last == UInt8(ascii: "/") }

    /// With a slash behind, unless it is empty.
    var asDirectory: BytePath {
        isEmpty || endsInSlash ? self : BytePath(bytes: bytes + [UInt8(ascii: "/")])
    }

    /// As patterns see it: what is no text is one character each.
    var patternText: String { String(decoding: bytes, as: UTF8.self) }

    func begins(with prefix: BytePath) -> Bool { bytes.starts(with: prefix.bytes) }

    /// Directory and name put together as bytes, not as names between slashes.
    static func + (directory: BytePath, name: some Sequence<UInt8>) -> BytePath {
        BytePath(bytes: directory.bytes + Array(name))
    }
}

/// Which of an account's files a command means.
struct StoredSelection: Sendable {
    enum Kind: Equatable, Sendable {
        case one
        /// All names that begin with the prefix.
        case prefix
        /// The name itself and all below it.
        case tree
        case pattern
    }

    let place: DataPlace
    let container: String
    let kind: Kind
    /// What all names begin with.
    let prefix: BytePath
    /// So many bytes of each name stay behind when it goes elsewhere.
    let base: Int
    private let pattern: NamePattern?
    private let filter: NameFilter

    /// - Parameters:
    ///   - isRecursive: a name stands for all that is below it as well.
    ///   - isWhole: so it does without a word: a synchronization has directories at both ends.
    init(
        _ place: DataPlace, isRecursive: Bool, isWhole: Bool = false,
        _ filter: NameFilter = NameFilter(include: [], exclude: [])
    ) throws(CommandFailure) {
        self.place = place
        self.filter = filter
        container = try place.needingContainer()
        let name = place.name
        if isWhole {
            (kind, prefix, pattern) = (.prefix, name.asDirectory, nil)
            base = prefix.bytes.count
        } else if let wildcard = place.firstWildcard {
            kind = .pattern
            prefix = BytePath(bytes: name.bytes[..<wildcard])
            pattern = NamePattern(name.patternText)
            base = Self.directoryLength(prefix)
        } else if name.isEmpty {
            guard isRecursive || place.wasWrittenWithSlash else { throw Self.needsRecursive(place) }
            (kind, prefix, pattern, base) = (.prefix, name, nil, 0)
        } else if name.endsInSlash {
            (kind, prefix, pattern, base) = (.prefix, name, nil, name.bytes.count)
        } else {
            (kind, prefix, pattern, base) = (
                isRecursive ? .tree : .one, name, nil, Self.directoryLength(name)
            )
        }
    }

    /// What `data list` means by a place: a name is the beginning of names.
    init(listing place: DataPlace, _ filter: NameFilter) throws(CommandFailure) {
        if place.firstWildcard != nil {
            try self.init(place, isRecursive: true, filter)
            return
        }
        self.init(place, container: try place.needingContainer(), prefix: place.name, filter)
    }

    private init(_ place: DataPlace, container: String, prefix: BytePath, _ filter: NameFilter) {
        self.place = place
        self.container = container
        self.filter = filter
        self.prefix = prefix
        (kind, pattern, base) = (.prefix, nil, 0)
    }

    private static func directoryLength(_ name: BytePath) -> Int {
        (name.bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
    }

    private static func needsRecursive(_ place: DataPlace) -> CommandFailure {
        .usage(
            "`\(place.description)` is a container",
            help: "all of it is meant with `--recursive`, or as `\(place.description)/`")
    }

    func holds(_ name: BytePath) -> Bool {
        let isMeant =
            switch kind {
            case .one: name == prefix
            case .prefix: name.begins(with: prefix)
            case .tree: name == prefix || name.begins(with: prefix.asDirectory)
            case .pattern: pattern?.matches(name.patternText) ?? false
            }
        return isMeant && filter.keeps(name.patternText)
    }

    /// Of a file, what goes with it to another place.
    func relative(_ name: BytePath) -> BytePath { BytePath(bytes: name.bytes.dropFirst(base)) }

    /// Whether it may be more than one file.
    var isMany: Bool { kind != .one }
}
