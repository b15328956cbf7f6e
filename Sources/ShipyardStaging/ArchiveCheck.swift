import CArchive
import Glibc

/// Reads a compressed archive to the end of what is compressed, before anything of it is believed.
///
/// Unpacking alone ends at the archive's own end mark and never sees a checksum that comes after it; and
/// libarchive does not compare that of gzip at all, so zlib reads those.
struct ArchiveCheck {
    let limits: PackageLimits

    /// Of bytes that come out. A bomb is found here, where it takes time and no room.
    private var meter: PackageMeter
    private let path: String

    init(_ path: String, bytes: Int64, limits: PackageLimits) {
        self.path = path
        self.limits = limits
        meter = PackageMeter(limits, sourceBytes: bytes)
    }

    mutating func run() throws(StagingFailure) {
        var reader = try ArchiveReader.open(path, as: .raw)
        // What is no archive, the unpacking says better.
        guard (try? reader.next()) != nil else { return }
        switch reader.compression {
        case ARCHIVE_FILTER_NONE: return
        case ARCHIVE_FILTER_GZIP: try readGzip()
        default:
            try withCopyBuffer { buffer throws(StagingFailure) in
                while case let count = try reader.read(into: buffer), count > 0 {
                    try meter.addBytes(count)
                }
            }
        }
    }

    private mutating func readGzip() throws(StagingFailure) {
        if let reason = shipyard_gzip_load_error() {
            throw StagingFailure(
                .applicationPackageError, "\(String(cString: reason)); install the package zlib1g")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StagingFailure(
                .applicationPackageError, "the archive \(path) cannot be opened", errno: errno)
        }
        let stream = try GzipStream(descriptor)
        try withCopyBuffer { buffer throws(StagingFailure) in
            while case let count = try stream.read(into: buffer), count > 0 { try meter.addBytes(count) }
        }
    }
}

/// Owner of one reader of zlib.
private struct GzipStream: ~Copyable {
    private let stream: OpaquePointer

    /// Takes the descriptor over.
    init(_ descriptor: Int32) throws(StagingFailure) {
        guard let stream = shipyard_gzip_open(descriptor) else {
            close(descriptor)
            throw StagingFailure(.applicationPackageError, "out of memory while reading an archive")
        }
        self.stream = stream
    }

    deinit { _ = shipyard_gzip_close(stream) }

    /// 0 at the end, and only where every checksum and length was right.
    borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(StagingFailure) -> Int {
        let count = Int(shipyard_gzip_read(stream, buffer.baseAddress, UInt32(buffer.count)))
        // An early end is no failure of the read itself.
        guard count <= 0, let reason = shipyard_gzip_reason(stream) else { return count }
        throw StagingFailure(
            .applicationPackageError, "the archive cannot be read: \(String(cString: reason))")
    }
}
