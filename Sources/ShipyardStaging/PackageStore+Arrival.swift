import Glibc
import ShipyardModel
import ShipyardSystem

/// A piece of a package's content, on its way in over a connection.
package struct PackagePiece: Sendable {
    package var digest: String
    /// As whoever sends it calls the package, for messages.
    package var name: String
    /// Where in the package it begins.
    package var offset: Int64
    /// Bytes of the whole package.
    package var size: Int64
    package var bytes: [UInt8]

    package init(digest: String, name: String, offset: Int64, size: Int64, bytes: [UInt8]) {
        self.digest = digest
        self.name = name
        self.offset = offset
        self.size = size
        self.bytes = bytes
    }
}

extension PackageStore {
    package enum Arrival: Sendable {
        /// More is to come.
        case partial
        /// The package is there.
        case whole
        /// What came before is not there: a sweep took it, or there never was any.
        case interrupted
        /// All has come, and it is not what its name says.
        case different
    }

    static let partPrefix = ".package.part-"

    /// Adds a piece, pieces in order. They gather under a name of their own, so a package is there whole or not at
    /// all; two may send the same one, in turns. Not for use from several threads for one package.
    package func add(_ piece: PackagePiece) throws(StagingFailure) -> Arrival {
        precondition(Self.isDigest(piece.digest))
        guard !contains(piece.digest) else { return .whole }
        try makeDirectories(directory)
        let part = directory + "/" + Self.partPrefix + piece.digest
        if piece.offset == 0 { try checkSpace(for: piece.size, named: piece.name) }
        do throws(StagingFailure) {
            let arrival = try add(piece, to: part)
            if case .different = arrival { unlink(part) }
            return arrival
        } catch {
            unlink(part)
            throw error
        }
    }

    private func add(_ piece: PackagePiece, to part: String) throws(StagingFailure) -> Arrival {
        let creates = piece.offset == 0 ? O_CREAT : 0
        let opened = open(part, O_RDWR | O_CLOEXEC | O_NOFOLLOW | creates, 0o600)
        guard opened >= 0 else {
            if errno == ENOENT { return .interrupted }
            throw StagingFailure(.applicationPackageError, "create \(part)", errno: errno)
        }
        let file = FileDescriptor(owning: opened)
        let end = piece.offset + Int64(piece.bytes.count)
        guard lseek(file.number, 0, SEEK_END) >= piece.offset else { return .interrupted }
        guard end <= piece.size else { return .different }
        lseek(file.number, off_t(piece.offset), SEEK_SET)
        if let number = piece.bytes.withUnsafeBytes({ file.write(all: $0) }) {
            throw StagingFailure(.applicationPackageError, "write \(part)", errno: number)
        }
        guard end == piece.size else { return .partial }
        return try finish(file, piece, part)
    }

    private func finish(
        _ file: borrowing FileDescriptor, _ piece: PackagePiece, _ part: String
    ) throws(StagingFailure) -> Arrival {
        guard lseek(file.number, 0, SEEK_END) == piece.size, try digest(of: file, part) == piece.digest else {
            return .different
        }
        // The name promises the content: it must not outlive a power cut without it.
        guard fchmod(file.number, 0o400) == 0, fsync(file.number) == 0 else {
            throw StagingFailure(.applicationPackageError, "write \(part)", errno: errno)
        }
        // Over an equal file: whoever has that open keeps it.
        guard rename(part, path(of: piece.digest)) == 0 else {
            throw StagingFailure(
                .applicationPackageError, "create \(path(of: piece.digest))", errno: errno)
        }
        return .whole
    }

    private func digest(of file: borrowing FileDescriptor, _ name: String) throws(StagingFailure) -> String {
        lseek(file.number, 0, SEEK_SET)
        var hash = SHA256()
        try withCopyBuffer { buffer throws(StagingFailure) in
            while true {
                guard let count = file.read(into: buffer) else {
                    throw StagingFailure(.applicationPackageError, "read \(name)", errno: errno)
                }
                guard count > 0 else { return }
                hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
        return hash.hexDigest()
    }

    private func checkSpace(for bytes: Int64, named source: String) throws(StagingFailure) {
        guard let opened = FileDescriptor(opening: directory, O_RDONLY | O_DIRECTORY),
            let space = DiskSpace(of: opened.number), space.freeBytes - bytes < space.reserve
        else { return }
        throw StagingFailure(
            .applicationPackageError,
            "the package \(source) of \(sizeText(bytes)) would leave less than \(sizeText(space.reserve)) of the disk free"
        )
    }
}
