import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// One file on its way into the embedded store.
struct EmbeddedWriting {
    private let container: EmbeddedContainer
    private let path: StorePath
    private let gauge: TransferGauge

    init(_ container: EmbeddedContainer, _ path: StorePath, _ gauge: TransferGauge) {
        self.container = container
        self.path = path
        self.gauge = gauge
    }

    func write(_ source: ByteSource, _ attributes: FileAttributes) throws(FileStoreError) -> StoredFile {
        let parent = try parentDirectory()
        PartialFiles.sweep(parent.number, EmbeddedStore.partialPrefix)
        let temporary = BytePath(EmbeddedStore.partialPrefix + randomSuffix())
        let number = temporary.withCString {
            openat(parent.number, $0, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        }
        guard number >= 0 else { throw failure("create", errno) }
        let file = FileDescriptor(owning: number)
        // Says that somebody is writing it.
        _ = flock(file.number, LOCK_EX | LOCK_NB)
        do throws(FileStoreError) {
            try fill(file.number, source, attributes)
            if attributes.comparesSource { try compare(source, attributes.sourceTime) }
            let status = try settled(file.number, attributes)
            try rename(temporary, in: parent.number, isNew: attributes.mustBeNew)
            return StoredFile(path.name, status, attributes)
        } catch {
            _ = temporary.withCString { unlinkat(parent.number, $0, 0) }
            throw error
        }
    }

    private func parentDirectory() throws(FileStoreError) -> FileDescriptor {
        do throws(SystemError) {
            return try container.tree.makeDirectory(path.name.parent)
        } catch {
            let isBlocked = error.errno == ENOTDIR || error.errno == ELOOP
            throw FileStoreError(
                error,
                isBlocked
                    ? "\(path) cannot be written: on the way to it is a file or a link"
                    : "\(path) cannot be written")
        }
    }

    private func fill(
        _ file: Int32, _ source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) {
        switch source {
        case .bytes(let bytes):
            guard gauge.move(Int64(bytes.count)) else { throw FileStoreError.cancelled }
            if let number = bytes.withUnsafeBytes({ writeAll($0, to: file) }) {
                throw failure("write", number)
            }
        case .file(let stretch):
            // A full disk is known before anything is written, and the file lies in one piece.
            if stretch.count > PartialFiles.reservedBytes, shipyard_reserve(file, stretch.count) != 0,
                errno == ENOSPC
            {
                throw failure("reserve", ENOSPC)
            }
            try ByteCopy(gauge, path.description).copy(stretch, to: .file(file, at: 0))
        }
    }

    /// Two halves of different contents must not take the place of a whole one.
    private func compare(_ source: ByteSource, _ time: Int64?) throws(FileStoreError) {
        guard case .file(let stretch) = source else { return }
        let status = FileStatus(of: BytePath(""), in: stretch.file)
        guard status?.version.size == stretch.count, status?.version.modified == time else {
            throw FileStoreError.sourceHasChanged(path.description)
        }
    }

    /// On the disk before it has its name: else a power cut could leave the name with nothing behind it.
    private func settled(_ file: Int32, _ attributes: FileAttributes) throws(FileStoreError) -> FileStatus {
        guard let status = FileStatus(of: BytePath(""), in: file) else { throw failure("look at", errno) }
        var kept = EmbeddedAttributes(metadata: attributes.metadata, md5: attributes.md5)
        if let time = attributes.sourceTime { kept.metadata[FileAttributes.sourceTimeName] = String(time) }
        if !kept.metadata.isEmpty || kept.md5 != nil { try kept.write(to: file, status, path) }
        guard fdatasync(file) == 0 else { throw failure("sync", errno) }
        return status
    }

    private func rename(_ temporary: BytePath, in parent: Int32, isNew: Bool) throws(FileStoreError) {
        guard let name = path.name.components.last else { return }
        let result = temporary.withCString { from in
            name.withCString { to in
                isNew ? shipyard_rename_new(parent, from, parent, to) : renameat(parent, from, parent, to)
            }
        }
        guard result != 0 else { return }
        switch errno {
        case EEXIST where isNew:
            throw FileStoreError(.blobAlreadyExists, "\(path) is there already")
        case EISDIR, ENOTEMPTY, EEXIST, ENOTDIR:
            throw FileStoreError(
                .invalidResourceName,
                "\(path) cannot be written: there are files below `\(path)/`, and the embedded store keeps those in a directory of that name"
            )
        case let number: throw failure("rename", number)
        }
    }

    private func failure(_ operation: String, _ number: Int32) -> FileStoreError {
        FileStoreError(
            SystemError(operation, path: path.description, errno: number), "\(path) cannot be written")
    }
}

extension StoredFile {
    fileprivate init(_ name: BytePath, _ status: FileStatus, _ attributes: FileAttributes) {
        self.init(name, status)
        md5 = attributes.md5
        metadata = attributes.metadata
    }
}
