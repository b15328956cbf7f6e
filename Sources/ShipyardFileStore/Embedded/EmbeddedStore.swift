import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// `storage/ACCOUNT/CONTAINER/…` of a home, a regular file for each file.
///
/// A file is written beside its place under a name that begins with `EmbeddedStore.partialPrefix`, synced, and renamed. Links are
/// no files, and nothing is reached through one but a container itself, which may be a link to another disk.
package final class EmbeddedStore {
    package let account: StorageAccount
    let gauge: TransferGauge
    private let directory: String
    private var containerOpen: EmbeddedContainer?
    private var walk: EmbeddedWalk?
    private var unsettled: Set<BytePath> = []

    /// - Parameter root: `storage/` of the home.
    package init(_ account: StorageAccount, root: String, _ gauge: TransferGauge) throws(FileStoreError) {
        guard EmbeddedContainer.isName(account.name) else {
            throw FileStoreError(.invalidResourceName, "`\(account.name)` cannot be the name of an account")
        }
        guard !root.isEmpty else {
            throw FileStoreError(.unsupported, "there is no home here, and so no embedded store")
        }
        self.account = account
        self.gauge = gauge
        directory = "\(root)/\(account.name)"
    }

    /// The container, kept open while it is the one that is asked for and is still in its place.
    func container(_ name: String) throws(FileStoreError) -> EmbeddedContainer {
        if let containerOpen, containerOpen.name == name, containerOpen.isInPlace { return containerOpen }
        try settle()
        let opened = try EmbeddedContainer(name, in: directory, of: account)
        containerOpen = opened
        return opened
    }
}

extension EmbeddedStore: FileStore {
    /// Everything goes in one piece: the kernel copies as fast as the disk takes it.
    package var rules: StoreRules {
        StoreRules(largestWhole: .max, partBytes: 64 << 20, mostParts: .max, connections: 4)
    }

    package func containers() throws(FileStoreError) -> [String] {
        do throws(SystemError) {
            return try EmbeddedContainer.containers(in: directory)
        } catch {
            guard error.errno != ENOENT else { return [] }
            throw FileStoreError(error, "the containers of \(account.place) cannot be listed")
        }
    }

    package func makeContainer(_ container: String) throws(FileStoreError) {
        guard EmbeddedContainer.isName(container) else {
            throw FileStoreError(.invalidResourceName, "`\(container)` cannot be the name of a container")
        }
        do throws(SystemError) {
            // The home is made by the service or by whoever uses the store first.
            try makeDirectories(BytePath("\(directory)/\(container)"), mode: 0o700)
        } catch {
            throw FileStoreError(error, "\(container) cannot be made")
        }
        _ = try self.container(container)
    }

    package func list(
        _ container: String, prefix: BytePath, after: BytePath?, limit: Int
    ) throws(FileStoreError) -> FilePage {
        let opened = try self.container(container)
        if walk?.goesOn(in: opened, prefix, after) != true {
            walk = try EmbeddedWalk(opened, prefix, after: after)
        }
        guard let walk else { return FilePage(files: [], next: nil) }
        var files: [StoredFile] = []
        while files.count < limit {
            if gauge.isCancelled { throw FileStoreError.cancelled }
            guard let file = try walk.next() else { return FilePage(files: files, next: nil) }
            files.append(file)
        }
        return FilePage(files: files, next: try walk.isAtEnd() ? nil : files.last?.name)
    }

    package func stat(_ file: StorePath) throws(FileStoreError) -> StoredFile? {
        let container = try container(file.container)
        guard EmbeddedContainer.isName(file.name), let status = container.tree.status(file.name),
            status.isRegular
        else { return nil }
        var found = StoredFile(file.name, status)
        if let opened = try? container.open(file.name) {
            EmbeddedAttributes(of: opened.number, status)?.apply(to: &found)
        }
        return found
    }

    package func read(
        _ file: StorePath, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError) {
        let opened = try open(file)
        let status = opened.status
        guard identity == nil || identity == StoredFile(file.name, status).identity else {
            throw FileStoreError(
                .conditionNotMet, "\(file) of \(account.place) has been written anew meanwhile")
        }
        let whole = 0..<status.version.size
        let range = range.map { $0.clamped(to: whole) } ?? whole
        try ByteCopy(gauge, "\(file) of \(account.place)").copy(
            FileStretch(
                file: opened.descriptor.number, offset: range.lowerBound,
                count: range.upperBound - range.lowerBound),
            to: target)
    }

    package func write(
        _ file: StorePath, from source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        let container = try container(file.container)
        guard EmbeddedContainer.isName(file.name) else {
            throw FileStoreError(
                .invalidResourceName,
                "the embedded store cannot have a file named `\(file)`: each part between slashes needs 1 to 255 bytes, and "
                    + "`.`, `..` and what begins with `\(EmbeddedStore.partialPrefix)` are none")
        }
        let written = try EmbeddedWriting(container, file, gauge).write(source, attributes)
        unsettled.insert(file.name.parent)
        if unsettled.count > 1000 { try settle() }
        return written
    }

    package func copy(_ source: StorePath, to target: StorePath) throws(FileStoreError) -> StoredFile {
        let opened = try open(source)
        var known = StoredFile(source.name, opened.status)
        EmbeddedAttributes(of: opened.descriptor.number, opened.status)?.apply(to: &known)
        var attributes = FileAttributes()
        attributes.metadata = known.metadata
        attributes.sourceTime = attributes.metadata.removeValue(forKey: FileAttributes.sourceTimeName)
            .flatMap { Int64($0) }
        attributes.md5 = known.md5
        return try write(
            target,
            from: .file(
                FileStretch(file: opened.descriptor.number, offset: 0, count: opened.status.version.size)),
            attributes)
    }

    package func remove(_ file: StorePath, identity: String?) throws(FileStoreError) {
        let container = try container(file.container)
        guard EmbeddedContainer.isName(file.name), let name = file.name.components.last,
            let parent = try? container.tree.directory(file.name.parent),
            let status = FileStatus(of: name, in: parent.number), status.isRegular
        else { return }
        guard identity == nil || identity == StoredFile(file.name, status).identity else {
            throw FileStoreError(
                .conditionNotMet, "\(file) of \(account.place) has been written anew meanwhile")
        }
        guard name.withCString({ unlinkat(parent.number, $0, 0) }) == 0 || errno == ENOENT else {
            throw FileStoreError(
                SystemError("remove", path: file.description, errno: errno),
                "\(file) of \(account.place) is still there")
        }
        unsettled.insert(file.name.parent)
    }

    package func setMetadata(_ metadata: [String: String], of file: StorePath) throws(FileStoreError) {
        let opened = try open(file)
        let known = EmbeddedAttributes(of: opened.descriptor.number, opened.status)
        try EmbeddedAttributes(metadata: metadata, md5: known?.md5).write(
            to: opened.descriptor.number, opened.status, file)
    }

    package func makeFolder(_ folder: StorePath) throws(FileStoreError) {
        let container = try container(folder.container)
        guard EmbeddedContainer.isName(folder.name) else {
            throw FileStoreError(.invalidResourceName, "`\(folder)` cannot be a folder of the embedded store")
        }
        do throws(SystemError) {
            _ = try container.tree.makeDirectory(folder.name)
        } catch {
            throw FileStoreError(error, "\(folder) cannot be made: on the way to it is a file or a link")
        }
        unsettled.insert(folder.name.parent)
    }

    package func settle() throws(FileStoreError) {
        guard let containerOpen, !unsettled.isEmpty else { return }
        for path in unsettled {
            // What has gone since needs nothing.
            guard let directory = try? containerOpen.tree.directory(path) else { continue }
            guard fsync(directory.number) == 0 else {
                throw FileStoreError(
                    SystemError("sync", path: "\(containerOpen.name)/\(path)", errno: errno),
                    "what was written to \(account.place) may be lost in a power cut")
            }
        }
        unsettled = []
    }

    // Parts are for stores that take no large file in one piece.

    package func beginParts(
        _ file: StorePath, _ attributes: FileAttributes
    ) throws(FileStoreError) -> PartialFile { throw noParts }

    package func unfinishedParts(_ file: StorePath) throws(FileStoreError) -> PartialFile? { nil }

    package func writePart(
        _ number: Int, of file: PartialFile, from source: ByteSource
    ) throws(FileStoreError) -> FilePart { throw noParts }

    package func finish(
        _ file: PartialFile, _ parts: [FilePart], _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile { throw noParts }

    package func abandon(_ file: PartialFile) throws(FileStoreError) {}

    private var noParts: FileStoreError { FileStoreError(.unsupported, "the embedded store has no parts") }

    private func missing(_ file: StorePath) -> FileStoreError {
        FileStoreError(.blobNotFound, "there is no file \(file) in \(account.place)")
    }

    private struct OpenFile: ~Copyable {
        let descriptor: FileDescriptor
        let status: FileStatus
    }

    /// For reading. Not blocking, as by now it may be a pipe that nobody writes to.
    private func open(_ file: StorePath) throws(FileStoreError) -> OpenFile {
        let container = try container(file.container)
        guard EmbeddedContainer.isName(file.name) else { throw missing(file) }
        let opened: FileDescriptor
        do throws(SystemError) {
            opened = try container.open(file.name)
        } catch {
            if [ENOENT, ELOOP, ENOTDIR].contains(error.errno) { throw missing(file) }
            throw FileStoreError(error, "\(file) of \(account.place) cannot be read")
        }
        guard let status = FileStatus(of: BytePath(""), in: opened.number), status.isRegular else {
            throw missing(file)
        }
        return OpenFile(descriptor: opened, status: status)
    }
}

extension EmbeddedStore {
    /// Of files that are being written. No listing has them.
    package static let partialPrefix = ".shipyard-partial-"
}

extension StoredFile {
    init(_ name: BytePath, _ status: FileStatus) {
        let version = status.version
        let identity = [Int64(bitPattern: version.inode), version.birth, version.size, version.modified].map {
            String(UInt64(bitPattern: $0), radix: 16)
        }
        self.init(
            name: name, size: version.size, modified: Instant(milliseconds: version.modified / 1_000_000),
            identity: identity.joined(separator: "-"))
    }
}
