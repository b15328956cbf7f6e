import CArchive
import Glibc
import ShipyardModel
import ShipyardSystem

/// What one entry of an archive is.
enum ArchiveItem: Hashable {
    case file
    case directory
    case symbolicLink(to: BytePath)
    case hardLink(to: BytePath)
    /// A device, socket or pipe.
    case special
}

struct ArchiveEntry {
    var path: BytePath
    var item: ArchiveItem
    /// Permission bits, with set-uid and its like.
    var mode: UInt32
    var isEncrypted: Bool
}

/// Owner of one libarchive reader on an open file: zip, or tar with any compression.
struct ArchiveReader: ~Copyable {
    private let archive: OpaquePointer
    private let file: FileDescriptor

    enum Kind { case archive, raw }

    /// The size of a block of tar, and of each half of its end mark.
    private static let blockBytes: Int64 = 512
    private var hasEntry = false

    static func open(_ path: String, as kind: Kind = .archive) throws(StagingFailure) -> ArchiveReader {
        if let reason = shipyard_archive_load_error() {
            throw StagingFailure(
                .applicationPackageError, "\(String(cString: reason)); install the package libarchive13")
        }
        guard let file = FileDescriptor(opening: path, O_RDONLY) else {
            throw StagingFailure(
                .applicationPackageError, "the archive \(path) cannot be opened", errno: errno)
        }
        guard let archive = shipyard_archive_new(kind == .raw ? 1 : 0) else {
            throw StagingFailure(.applicationPackageError, "out of memory while reading \(path)")
        }
        let reader = ArchiveReader(archive: archive, file: file)
        guard shipyard_archive_open(archive, reader.file.number) == ARCHIVE_OK else { throw reader.failure() }
        return reader
    }

    private init(archive: OpaquePointer, file: consuming FileDescriptor) {
        self.archive = archive
        self.file = file
    }

    deinit { shipyard_archive_free(archive) }

    /// The next entry; nil after the last.
    mutating func next() throws(StagingFailure) -> ArchiveEntry? {
        if hasEntry, shipyard_archive_skip(archive) < ARCHIVE_WARN { throw failure() }
        let before = shipyard_archive_position(archive)
        var entry: OpaquePointer?
        switch shipyard_archive_next(archive, &entry) {
        case ARCHIVE_EOF:
            // For libarchive a tar file that just stops between two entries is as good as one with its end mark.
            let mark = shipyard_archive_position(archive) - before
            guard shipyard_archive_is_tar(archive) == 0 || mark >= Self.blockBytes else {
                throw StagingFailure(
                    .applicationPackageError,
                    "the archive cannot be read: it has no end mark, so a part of it may be missing")
            }
            return nil
        // A warning concerns what we do not use, such as an owner's name in another character set.
        case ARCHIVE_OK, ARCHIVE_WARN: break
        default: throw failure()
        }
        hasEntry = true
        guard let entry, let path = shipyard_entry_path(entry) else {
            throw StagingFailure(.applicationPackageError, "an entry of the archive has no readable name")
        }
        return ArchiveEntry(
            path: bytes(path), item: item(entry), mode: shipyard_entry_mode(entry),
            isEncrypted: shipyard_entry_is_encrypted(entry) != 0)
    }

    /// Bytes of the current entry, 0 at its end. Holes are filled with zeros.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StagingFailure) -> Int {
        let count = shipyard_archive_read(archive, buffer.baseAddress, buffer.count)
        guard count >= 0 else { throw failure() }
        return count
    }

    /// What the outermost layer of the file is: a code of libarchive's.
    var compression: Int32 { shipyard_archive_compression(archive) }

    private func bytes(_ text: UnsafePointer<CChar>) -> BytePath {
        BytePath(bytes: UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    private func item(_ entry: OpaquePointer) -> ArchiveItem {
        if let target = shipyard_entry_hardlink(entry) { return .hardLink(to: bytes(target)) }
        if let target = shipyard_entry_symlink(entry) { return .symbolicLink(to: bytes(target)) }
        return switch shipyard_entry_type(entry) {
        case S_IFREG: .file
        case S_IFDIR: .directory
        default: .special
        }
    }

    private func failure() -> StagingFailure {
        let reason = shipyard_archive_reason(archive).map { String(cString: $0) } ?? "unknown error"
        return StagingFailure(.applicationPackageError, "the archive cannot be read: \(reason)")
    }
}
