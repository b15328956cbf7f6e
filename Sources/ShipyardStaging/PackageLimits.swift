/// Bounds on what one package may become when it is unpacked. A file of 10 MB can hold terabytes of zeros.
package struct PackageLimits: Sendable, Hashable {
    /// 64 GiB: several times the largest tool chains and models that people ship.
    package var totalBytes: Int64 = 64 << 30
    /// A node's disk has more inodes, but a package with more files than this was packed by mistake.
    package var entries = 2_000_000

    package init() {}
}

/// Counts against the limits while a package is unpacked.
struct PackageMeter {
    let limits: PackageLimits
    private var bytes: Int64 = 0
    private var entries = 0

    init(_ limits: PackageLimits) { self.limits = limits }

    mutating func addEntry() throws(StagingFailure) {
        entries += 1
        guard entries <= limits.entries else {
            throw StagingFailure(
                .applicationPackageError, "the package holds more than \(limits.entries) entries")
        }
    }

    mutating func addBytes(_ count: Int) throws(StagingFailure) {
        bytes += Int64(count)
        guard bytes <= limits.totalBytes else {
            throw StagingFailure(
                .applicationPackageError, "the package unpacks to more than \(limits.totalBytes) bytes")
        }
    }
}
