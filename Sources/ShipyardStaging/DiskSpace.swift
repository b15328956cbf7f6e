import Glibc

/// How much room a file system has, and how much of it is not for packages.
struct DiskSpace {
    var totalBytes: Int64
    /// For this user.
    var freeBytes: Int64
    var totalFiles: UInt64
    var freeFiles: UInt64

    /// Nil where the kernel does not say.
    init?(of descriptor: Int32) {
        var information = statvfs()
        guard fstatvfs(descriptor, &information) == 0 else { return nil }
        let block = UInt64(information.f_frsize)
        totalBytes = Int64(
            clamping: UInt64(information.f_blocks).multipliedReportingOverflow(by: block).partialValue)
        freeBytes = Int64(
            clamping: UInt64(information.f_bavail).multipliedReportingOverflow(by: block).partialValue)
        totalFiles = UInt64(information.f_files)
        freeFiles = UInt64(information.f_favail)
    }

    /// A twentieth of the disk and a GiB at least, so that tasks, logs and the state file go on; on a small disk a
    /// tenth, since a GiB may be all of it.
    var reserve: Int64 { min(max(totalBytes / 20, 1 << 30), totalBytes / 10) }

    /// Some file systems make inodes as they go and count none.
    var isShortOfFiles: Bool { totalFiles > 0 && freeFiles < totalFiles / 20 }
}

/// Bytes for people: `1.5 GiB`.
func sizeText(_ bytes: Int64) -> String {
    var (value, unit) = (bytes, "bytes")
    var tenths: Int64 = 0
    for larger in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
        (tenths, value, unit) = (value % 1024 * 10 / 1024, value / 1024, larger)
    }
    return unit == "bytes" ? "\(value) bytes" : "\(value).\(tenths) \(unit)"
}
