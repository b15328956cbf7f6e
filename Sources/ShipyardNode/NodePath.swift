import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// The path of a node's root or of a pool's directory.
///
/// What leads to the directory `nodes` of a home is the user's, and may go through links and mounts. What is in it is
/// ours, `<pool>` and `<pool>/<node>`: it is opened name by name, and where a link or a mount has come to one of the
/// names, nothing behind that is the node's.
package struct NodePath: Hashable, Sendable {
    /// As the kernel spells it, which is how working directories of processes are told.
    private let above: BytePath
    private let names: [BytePath]

    private init(above: BytePath, names: [BytePath]) { (self.above, self.names) = (above, names) }

    package init(_ path: String) {
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { BytePath(bytes: $0) }
        // In a place that is no home's, the last name alone.
        let isNode = parts.count >= 3 && parts[parts.count - 3] == BytePath("nodes")
        let (above, names) = (parts.dropLast(isNode ? 2 : 1), parts.suffix(isNode ? 2 : 1))
        self.init(above: Self.resolved(Self.joined(above)), names: Array(names))
    }

    /// The path itself where it leads nowhere: opening it fails then.
    private static func resolved(_ path: BytePath) -> BytePath {
        guard let found = path.withCString({ realpath($0, nil) }) else { return path }
        defer { free(found) }
        return BytePath(
            bytes: UnsafeBufferPointer(start: found, count: strlen(found)).map { UInt8(bitPattern: $0) })
    }

    private static func joined(_ names: some Sequence<BytePath>) -> BytePath {
        BytePath(bytes: [UInt8(ascii: "/")] + Array(names.map(\.bytes).joined(separator: "/".utf8)))
    }

    package var bytes: BytePath { path(names) }
    /// Where a byte of it cannot be shown, that is escaped.
    package var text: String { String(validating: bytes.bytes, as: UTF8.self) ?? bytes.description }
    var directory: BytePath { path(names.dropLast()) }
    /// In `directory`.
    package var name: BytePath { names.last ?? BytePath(".") }
    /// Directly below `/` is no node.
    var isUsable: Bool { directory.bytes.count > 1 && !names.isEmpty && !names.contains(where: \.isSpecial) }

    private func path(_ names: some Sequence<BytePath>) -> BytePath {
        names.reduce(above) {
            $0.bytes == [UInt8(ascii: "/")] ? BytePath(bytes: $0.bytes + $1.bytes) : $0 / $1
        }
    }

    // MARK: opening

    /// The error names where the way ends: ELOOP or ENOTDIR at a link, EXDEV at a mount.
    func open(_ flags: Int32 = O_RDONLY) throws(SystemError) -> FileDescriptor {
        try walk(names, flags, isMaking: false)
    }

    /// The directory in which it stands.
    func openDirectory() throws(SystemError) -> FileDescriptor {
        try walk(names.dropLast(), O_RDONLY, isMaking: false)
    }

    /// Makes what is missing on the way to it, and it. What is made is the user's own: mode 0700.
    static func make(_ path: String) throws(SystemError) -> NodePath {
        let before = NodePath(path)
        try DirectoryMaking.makePath(String(decoding: before.above.bytes, as: UTF8.self))
        // What has been made may be spelled otherwise than it was asked for.
        let place = NodePath(path)
        _ = try place.walk(place.names, O_RDONLY, isMaking: true)
        return place
    }

    private func walk(
        _ names: some Sequence<BytePath>, _ flags: Int32, isMaking: Bool
    ) throws(SystemError) -> FileDescriptor {
        guard isUsable else { throw SystemError("open", path: text, errno: EINVAL) }
        let top = above.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard top >= 0 else { throw SystemError("open", path: above.description, errno: errno) }
        var place = FileDescriptor(owning: top)
        let opener = BeneathOpener(top: top)
        var passed: [BytePath] = []
        for name in names {
            passed.append(name)
            let folder = place.number
            if isMaking, name.withCString({ mkdirat(folder, $0, 0o700) }) != 0, errno != EEXIST {
                throw SystemError("create directory", path: path(passed).description, errno: errno)
            }
            let (number, error) = opener.open(name, in: folder, flags)
            guard number >= 0 else {
                throw SystemError(
                    error == EXDEV ? "enter mount point" : "open", path: path(passed).description,
                    errno: error)
            }
            place = FileDescriptor(owning: number)
        }
        return place
    }

    // MARK: acting

    /// A descriptor of the file `name` in it, which may be no link.
    package func openFile(_ name: String, _ flags: Int32) throws(SystemError) -> FileDescriptor {
        let folder = try open()
        return try FileDescriptor.open(name, flags | O_NOFOLLOW, in: folder.number)
    }

    /// Renames it within its directory. Nil when it cannot be.
    package func moved(to name: BytePath) -> NodePath? {
        guard let folder = try? openDirectory() else { return nil }
        let isMoved = self.name.withCString { old in
            name.withCString { shipyard_rename_new(folder.number, old, folder.number, $0) == 0 }
        }
        return isMoved ? NodePath(above: above, names: names.dropLast() + [name]) : nil
    }

    /// Deletes the pool's directory that it stands in, if that is empty.
    package func removeEmptyPool() {
        guard names.count == 2, let nodes = try? walk([], O_RDONLY, isMaking: false) else { return }
        _ = names[0].withCString { unlinkat(nodes.number, $0, AT_REMOVEDIR) }
    }

    // MARK: finding

    /// A directory that looks like a node's or, where it cannot be looked into, a pool's.
    package struct Found: Sendable {
        package let path: NodePath
        package let pool: BytePath
        /// Why it is left alone.
        package let obstacle: SystemError?
    }

    /// All that there are in the directory `nodes` of a home.
    package static func all(in nodes: String) -> [Found] {
        let above = resolved(BytePath(nodes))
        guard let top = try? FileDescriptor.open(nodes, O_RDONLY | O_DIRECTORY) else { return [] }
        let opener = BeneathOpener(top: top.number)
        var found: [Found] = []
        for pool in directories(in: top.number) {
            let (number, error) = opener.open(pool, in: top.number)
            guard number >= 0 else {
                let path = NodePath(above: above, names: [pool])
                found.append(Found(path: path, pool: pool, obstacle: obstacle(path, error)))
                continue
            }
            let folder = FileDescriptor(owning: number)
            for node in directories(in: folder.number) {
                let path = NodePath(above: above, names: [pool, node])
                let (number, error) = opener.open(node, in: folder.number, shipyard_path_flag())
                if number >= 0 { close(number) }
                found.append(
                    Found(path: path, pool: pool, obstacle: number < 0 ? obstacle(path, error) : nil))
            }
        }
        return found
    }

    private static func obstacle(_ path: NodePath, _ error: Int32) -> SystemError {
        SystemError(
            error == EXDEV ? "enter mount point" : "open", path: path.bytes.description, errno: error)
    }

    private static func directories(in folder: Int32) -> [BytePath] {
        BytePath.entries(of: folder).filter { name in
            var status = stat()
            return name.withCString { fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0
                && status.st_mode & S_IFMT == S_IFDIR
        }.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }
}
