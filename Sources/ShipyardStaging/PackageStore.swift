import Glibc
import ShipyardModel

/// The application packages of a home: files named by the hash of their content, `packages/<sha256>`.
///
/// So the same file is kept once however often it is added, and a job that runs keeps the version that it
/// began with when a package is added again under the same id and version.
package struct PackageStore: Sendable {
    package let directory: String

    package init(home: String) { directory = home + "/packages" }

    package func path(of digest: String) -> String { "\(directory)/\(digest)" }

    package func contains(_ digest: String) -> Bool { access(path(of: digest), F_OK) == 0 }

    /// Copies a package file in and answers its hash. Safe to do twice, also at once.
    package func add(_ source: String) throws(StagingFailure) -> String {
        guard let file = Descriptor(opening: source, O_RDONLY) else {
            throw StagingFailure(
                .applicationPackageError, "the package \(source) cannot be read", errno: errno)
        }
        var status = stat()
        guard fstat(file.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StagingFailure(
                .applicationPackageError, "the package \(source) is not a file; pack it as zip or tar first")
        }
        try makeDirectories(directory)
        try checkSpace(for: Int64(status.st_size), named: source)
        let temporary = "\(directory)/\(temporaryName(for: Self.partName))"
        do throws(StagingFailure) {
            let digest = try copy(file, to: temporary, named: source)
            // Over an equal file: whoever has that open keeps it.
            guard rename(temporary, path(of: digest)) == 0 else {
                throw StagingFailure(.applicationPackageError, "create \(path(of: digest))", errno: errno)
            }
            return digest
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private static let partName = BytePath("package")

    private func checkSpace(for bytes: Int64, named source: String) throws(StagingFailure) {
        guard let opened = Descriptor(opening: directory, O_RDONLY | O_DIRECTORY),
            let space = DiskSpace(of: opened.raw), space.freeBytes - bytes < space.reserve
        else { return }
        throw StagingFailure(
            .applicationPackageError,
            "the package \(source) of \(sizeText(bytes)) would leave less than \(sizeText(space.reserve)) of the disk free"
        )
    }

    // MARK: Removal

    /// Runs `body`, which adds packages and says in the state who needs them; nothing is swept meanwhile.
    package func whileAdding<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try? makeDirectories(directory)
        let lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if lock >= 0 { flock(lock, LOCK_SH) }
        // The lock goes with it.
        defer { close(lock) }
        return try body()
    }

    /// Removes every package that `needed` does not name, and what an import that was killed has left. Does nothing
    /// while packages are added, for these nobody names yet; what stays then, the next sweep finds.
    ///
    /// - Parameter needed: asked once nothing can be added any more; digests, or nil where nobody knows.
    package func sweep(keeping needed: () -> Set<String>?) {
        guard let lock = Descriptor(opening: directory, O_RDONLY | O_DIRECTORY),
            flock(lock.raw, LOCK_EX | LOCK_NB) == 0, let needed = needed()
        else { return }
        for name in (try? directoryNames(BytePath(directory))) ?? [] {
            let text = name.shown
            let isPackage =
                text.utf8.count == 64 && text.utf8.allSatisfy { hexadecimalByte([0x30, $0]) != nil }
            let isPart = text.hasPrefix(".\(Self.partName).part-")
            if isPart || (isPackage && !needed.contains(text)) { unlinkat(lock.raw, name.cString, 0) }
        }
    }

    /// The digest of a package that stands at `path`; nil for a path elsewhere.
    package func digest(ofPackageAt path: String) -> String? {
        path.hasPrefix(directory + "/") ? String(path.dropFirst(directory.utf8.count + 1)) : nil
    }

    // MARK: Parts

    private func copy(
        _ source: borrowing Descriptor, to temporary: String, named name: String
    ) throws(StagingFailure) -> String {
        let opened = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o400)
        guard opened >= 0 else {
            throw StagingFailure(.applicationPackageError, "create \(temporary)", errno: errno)
        }
        let target = Descriptor(taking: opened)
        var hash = SHA256()
        try withCopyBuffer { buffer throws(StagingFailure) in
            while true {
                guard let count = source.read(into: buffer) else {
                    throw StagingFailure(.applicationPackageError, "read \(name)", errno: errno)
                }
                guard count > 0 else { return }
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                hash.update(bytes)
                if let number = target.write(all: bytes) {
                    throw StagingFailure(.applicationPackageError, "write \(temporary)", errno: number)
                }
            }
        }
        // The name promises the content: it must not outlive a power cut without it.
        guard fsync(target.raw) == 0 else {
            throw StagingFailure(.applicationPackageError, "write \(temporary)", errno: errno)
        }
        return hash.hexDigest()
    }
}
