import ShipyardService
import ShipyardStaging
import Synchronization

/// An application package of a submission, which has come in before it: its bytes are too many to travel along.
package struct SubmittedPackage: Codable, Sendable {
    /// As the pool file has it.
    package var path: String
    /// Of its content; nil for a directory, which each node reads where it is, as a task would.
    package var sha256: String?

    package init(path: String, sha256: String? = nil) {
        self.path = path
        self.sha256 = sha256
    }
}

/// Takes the pieces of packages one by one: two clients may send the same package, and what is checked must be
/// what is kept.
final class PackageArrivals: Sendable {
    private let turn = Mutex(())

    func add(_ piece: PackagePiece, to store: PackageStore) throws(StagingFailure) -> PackageStore.Arrival {
        // No sweep takes what has just come.
        try turn.withLock { _ throws(StagingFailure) in
            try store.whileAdding { () throws(StagingFailure) in try store.add(piece) }
        }
    }
}

extension Submissions {
    private var packages: PackageStore { PackageStore(home: layout.home) }

    /// Whether the content of this hash need not be sent.
    package func hasPackage(_ digest: String) -> Bool {
        PackageStore.isDigest(digest) && packages.contains(digest)
    }

    /// Takes a piece of a package and answers whether all of it is there. A package that no pool names is swept
    /// sooner or later, so its submission comes next.
    package func addPackage(_ piece: PackagePiece) throws(SubmissionError) -> Bool {
        guard PackageStore.isDigest(piece.digest) else {
            throw .refused(.invalid, "InvalidDigest", "a package is named by its SHA-256 in lower case")
        }
        let arrival: PackageStore.Arrival
        do throws(StagingFailure) {
            arrival = try packageArrivals.add(piece, to: packages)
        } catch {
            throw .refused(.invalid, "ApplicationPackageError", error.message)
        }
        switch arrival {
        case .partial: return false
        case .whole: return true
        case .interrupted:
            throw .refused(
                .conflict, Self.packageInterrupted,
                "what came before of the package \(piece.name) is not there; send it from its beginning")
        case .different:
            throw .refused(
                .invalid, "PackageDiffers",
                "the content of the package \(piece.name) is not the one that its hash names")
        }
    }

    /// The codes of refusals after which a package is sent again.
    package static let packageInterrupted = "PackageInterrupted"
    package static let packageMissing = "ApplicationPackageMissing"
}
