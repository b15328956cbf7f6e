import Glibc

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
        let temporary = directory + "/" + temporaryName(for: "package")
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
