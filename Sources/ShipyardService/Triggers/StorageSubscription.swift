import ShipyardFileStore
import ShipyardModel

/// A container: in the embedded store `storage/<account>/<container>` of a home.
package struct ContainerPlace: Hashable, Sendable, CustomStringConvertible {
    package var account: String
    package var container: String

    package init(account: String, container: String) {
        self.account = account
        self.container = container
    }

    /// Whether both are names, and so lead to no other place.
    package var isUsable: Bool {
        [account, container].allSatisfy { name in
            !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
                && !name.utf8.contains(0)
        }
    }

    package func path(in layout: HomeLayout) -> String { "\(layout.storage)/\(account)/\(container)" }
    package var description: String { "\(account)/\(container)" }
}

/// A schedule that wants to hear of files.
package struct StorageSubscription: Hashable, Sendable {
    package var schedule: UInt32
    package var place: ContainerPlace
    /// Both are compared by bytes, and empty ones match every path.
    package var pathBeginsWith: String
    package var pathEndsWith: String
    package var quietPeriod: TimeSpan
    package var hasManifest: Bool
    /// When the trigger was added: files that were there before do not count.
    package var since: Instant
    /// Where the container is; nil for the embedded store.
    package var store: StorageAccount?
    /// How often such a container is looked through.
    package var pollInterval = TimeSpan.seconds(15)

    package init(
        schedule: UInt32, place: ContainerPlace, pathBeginsWith: String = "", pathEndsWith: String = "",
        quietPeriod: TimeSpan = .zero, hasManifest: Bool = false, since: Instant
    ) {
        self.schedule = schedule
        self.place = place
        self.pathBeginsWith = pathBeginsWith
        self.pathEndsWith = pathEndsWith
        self.quietPeriod = quietPeriod
        self.hasManifest = hasManifest
        self.since = since
    }

    package func matches(_ path: BytePath) -> Bool {
        matchesBegin(path) && matchesEnd(path) && !path.components.contains(where: Self.isOurs)
    }

    /// What the store itself keeps in a container: files that are being written, and tiers.
    private static func isOurs(_ name: BytePath) -> Bool {
        name.bytes.starts(with: EmbeddedStore.partialPrefix.utf8) || name == StorageTier.root
    }

    package func matchesBegin(_ path: BytePath) -> Bool { path.bytes.starts(with: pathBeginsWith.utf8) }
    package func matchesEnd(_ path: BytePath) -> Bool {
        path.bytes.reversed().starts(with: pathEndsWith.utf8.reversed())
    }

    /// Whether a path below the directory may match.
    func mayMatch(below directory: BytePath) -> Bool {
        guard !directory.components.contains(where: Self.isOurs) else { return false }
        let inside = directory.isEmpty ? [] : directory.bytes + [UInt8(ascii: "/")]
        let begin = Array(pathBeginsWith.utf8)
        return inside.starts(with: begin) || begin.starts(with: inside)
    }
}
