import Glibc
import ShipyardModel
import ShipyardSystem

/// Goes through a container in the byte order of whole names, in which `a.txt` stands before `a/b`: within a directory a
/// subdirectory is sorted as if it ended in a slash. Holds the names of the directories that it is in, and of no others.
final class EmbeddedWalk {
    private struct Level {
        /// Of the directory, with a slash behind it; empty at the top.
        var path: BytePath
        /// From the last to the first; those of directories end in a slash.
        var names: [BytePath]
    }

    private let container: EmbeddedContainer
    private let prefix: BytePath
    private var levels: [Level] = []
    private var last: BytePath?
    private var ahead: StoredFile?

    init(_ container: EmbeddedContainer, _ prefix: BytePath, after: BytePath?) throws(FileStoreError) {
        self.container = container
        self.prefix = prefix
        last = after
        try enter(BytePath(""))
    }

    /// Whether the next page of this listing is that one.
    func goesOn(in container: EmbeddedContainer, _ prefix: BytePath, _ after: BytePath?) -> Bool {
        after != nil && after == last && prefix == self.prefix && container === self.container
    }

    func next() throws(FileStoreError) -> StoredFile? {
        defer { ahead = nil }
        let found: StoredFile? = if let ahead { ahead } else { try find() }
        if let found { last = found.name }
        return found
    }

    func isAtEnd() throws(FileStoreError) -> Bool {
        if ahead == nil { ahead = try find() }
        return ahead == nil
    }

    private func find() throws(FileStoreError) -> StoredFile? {
        while let level = levels.last {
            guard let name = level.names.last else {
                levels.removeLast()
                continue
            }
            levels[levels.count - 1].names.removeLast()
            let path = BytePath(bytes: level.path.bytes + name.bytes)
            if name.bytes.last == UInt8(ascii: "/") {
                try enter(path)
            } else if let status = container.tree.status(path), status.isRegular {
                return StoredFile(path, status)
            }
        }
        return nil
    }

    /// A directory that has gone has no files; one that cannot be read would make a listing that is not whole.
    private func enter(_ path: BytePath) throws(FileStoreError) {
        do throws(SystemError) {
            try list(path)
        } catch {
            guard ![ENOENT, ENOTDIR, ELOOP].contains(error.errno) else { return }
            throw FileStoreError(error, "\(container.name)/\(path) cannot be listed")
        }
    }

    private func list(_ path: BytePath) throws(SystemError) {
        let directory = try container.tree.directory(path)
        var stream = try DirectoryStream(of: directory.number)
        var names: [BytePath] = []
        while let entry = stream.next() {
            guard !entry.name.isPartial else {
                PartialFiles.sweep(directory.number, EmbeddedStore.partialPrefix)
                continue
            }
            var isDirectory = entry.isDirectory
            if entry.isOfUnknownType {
                isDirectory = FileStatus(of: entry.name, in: directory.number)?.isDirectory == true
            }
            guard isDirectory || entry.mayBeFile else { continue }
            let name = isDirectory ? BytePath(bytes: entry.name.bytes + [UInt8(ascii: "/")]) : entry.name
            if isWanted(BytePath(bytes: path.bytes + name.bytes), isDirectory) { names.append(name) }
        }
        levels.append(Level(path: path, names: names.sorted(by: >)))
    }

    private func isWanted(_ path: BytePath, _ isDirectory: Bool) -> Bool {
        let begins = path.bytes.starts(with: prefix.bytes)
        guard begins || isDirectory && prefix.bytes.starts(with: path.bytes) else { return false }
        guard let last else { return true }
        // A directory whose last possible name may still come after `last`.
        return path > last || isDirectory && last.bytes.starts(with: path.bytes)
    }
}
