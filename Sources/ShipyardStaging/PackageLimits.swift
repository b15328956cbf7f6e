/// Bounds on what one package may become when it is unpacked. A file of 10 MB can hold terabytes of zeros.
package struct PackageLimits: Sendable {
    /// How many times its own size an archive may become. The best compressors make a thousandth of zeros, and
    /// nothing that people ship is zeros.
    package var ratio: Int64 = 1000
    /// What is smaller than this does no harm, whatever it is made of.
    package var ratioCountsFrom: Int64 = 1 << 30
    /// A node's disk has more inodes, but a package with more files than this was packed by mistake.
    package var entries = 2_000_000
    /// What stays free on the disk; nil for a share of it, see `DiskSpace.reserve`.
    package var reserve: Int64?

    package init() {}
}

/// Counts against the limits while a package is unpacked.
struct PackageMeter {
    /// The disk is asked after so many bytes: others fill it meanwhile too, and asking costs a microsecond.
    private static let bytesBetweenLooks: Int64 = 8 << 20
    /// What a file takes beside its bytes: an inode and the end of a block.
    private static let bytesForEntry: Int64 = 4096

    let limits: PackageLimits
    /// Size of the archive; nil for a directory, which is no larger than what is made of it.
    let sourceBytes: Int64?
    private var bytes: Int64 = 0
    private var entries = 0
    private var unseenBytes = Self.bytesBetweenLooks

    init(_ limits: PackageLimits, sourceBytes: Int64?) {
        self.limits = limits
        self.sourceBytes = sourceBytes
    }

    mutating func addEntry(on disk: Int32) throws(StagingFailure) {
        entries += 1
        guard entries <= limits.entries else {
            throw StagingFailure(
                .applicationPackageError, "the package holds more than \(limits.entries) entries")
        }
        try look(at: disk, after: Self.bytesForEntry)
    }

    /// Before they are written.
    mutating func addBytes(_ count: Int, on disk: Int32) throws(StagingFailure) {
        try addBytes(count)
        try look(at: disk, after: Int64(count))
    }

    mutating func addBytes(_ count: Int) throws(StagingFailure) {
        bytes += Int64(count)
        guard let sourceBytes, bytes > limits.ratioCountsFrom,
            bytes / max(limits.ratio, 1) > sourceBytes
        else { return }
        throw StagingFailure(
            .applicationPackageError,
            "the archive of \(sizeText(sourceBytes)) unpacks to more than \(sizeText(bytes)), which is"
                + " \(limits.ratio) times its size; no real package does")
    }

    private mutating func look(at disk: Int32, after count: Int64) throws(StagingFailure) {
        unseenBytes += count
        guard unseenBytes >= Self.bytesBetweenLooks, let space = DiskSpace(of: disk) else { return }
        // What comes until the next look is counted as gone.
        let reserve = limits.reserve ?? space.reserve
        unseenBytes = 0
        guard space.freeBytes - min(Self.bytesBetweenLooks, reserve) >= reserve, !space.isShortOfFiles else {
            throw StagingFailure(
                .applicationPackageError,
                "unpacking stopped after \(sizeText(bytes)) in \(entries) entries, because the disk would be left with less than "
                    + (space.isShortOfFiles ? "a twentieth of its inodes" : "\(sizeText(reserve)) free"))
        }
    }
}
