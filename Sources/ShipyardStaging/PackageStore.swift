import Glibc
import ShipyardModel
import ShipyardSystem

/// The application packages of a home: files named by the hash of their content, `packages/<sha256>`.
///
/// So the same file is kept once however often it is added, and a job that runs keeps the version that it
/// began with when a package is added again under the same id and version.
package struct PackageStore: Sendable {
    package let directory: String

    package init(home: String) { directory = home + "/packages" }

    package func path(of digest: String) -> String { "\(directory)/\(digest)" }

    package func contains(_ digest: String) -> Bool { access(path(of: digest), F_OK) == 0 }

    /// Whether `text` may name a package: nothing else of a name ever gets into a path.
    package static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
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
        guard let lock = FileDescriptor(opening: directory, O_RDONLY | O_DIRECTORY),
            flock(lock.number, LOCK_EX | LOCK_NB) == 0, let needed = needed()
        else { return }
        for name in (try? directoryNames(BytePath(directory))) ?? [] {
            let text = name.shown
            let isPart = text.hasPrefix(Self.partPrefix)
            if isPart || (Self.isDigest(text) && !needed.contains(text)) {
                unlinkat(lock.number, name.cString, 0)
            }
        }
    }

    /// The digest of a package that stands at `path`; nil for a path elsewhere.
    package func digest(ofPackageAt path: String) -> String? {
        path.hasPrefix(directory + "/") ? String(path.dropFirst(directory.utf8.count + 1)) : nil
    }
}
