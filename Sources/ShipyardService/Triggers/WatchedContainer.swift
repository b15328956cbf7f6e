import Glibc
import ShipyardModel
import ShipyardSystem

/// One container that is there: its open directory, and which of its directories are watched.
final class WatchedContainer {
    let place: ContainerPlace
    let opener: TreeOpener
    let identity: FileIdentity
    /// Watched directories by their paths within the container, each with the round in which it was seen last.
    var watches: [BytePath: (id: DirectoryWatch.WatchID, round: Int)] = [:]
    /// How many times the whole container was looked through.
    var round = 0
    /// Something in it cannot be watched, so that it must be looked through now and then.
    var isBlind = false
    /// Candidates whose manifests list a file that is not there.
    var waiting: [BytePath: Set<CandidateKey>] = [:]

    /// Nil where there is none. Account and container may be links, as for everything else that reads the embedded
    /// store; whatever is below may not.
    init?(_ place: ContainerPlace, in layout: HomeLayout) {
        guard place.isUsable,
            let top = FileDescriptor(opening: place.path(in: layout), O_RDONLY | O_DIRECTORY),
            let identity = FileIdentity(of: top.number)
        else { return nil }
        self.place = place
        self.identity = identity
        opener = TreeOpener(top)
        isBlind = opener.isRemote
    }

    /// Whether its path still leads to this directory.
    func isThere(in layout: HomeLayout) -> Bool { FileIdentity(at: place.path(in: layout)) == identity }
}

/// Which watch is whose. Two paths may lead to one directory, so a watch may have several.
struct WatchTable {
    struct Directory: Hashable {
        var place: ContainerPlace
        var path: BytePath
    }

    private var directories: [DirectoryWatch.WatchID: Set<Directory>] = [:]
    /// Of the store itself and of accounts.
    var ancestors: Set<DirectoryWatch.WatchID> = []

    func directories(of watch: DirectoryWatch.WatchID) -> Set<Directory> { directories[watch] ?? [] }

    mutating func add(_ watch: DirectoryWatch.WatchID, _ directory: Directory) {
        directories[watch, default: []].insert(directory)
    }

    /// Answers whether the watch is nobody's any more.
    mutating func remove(_ watch: DirectoryWatch.WatchID, _ directory: Directory) -> Bool {
        directories[watch]?.remove(directory)
        guard directories[watch]?.isEmpty ?? true else { return false }
        directories[watch] = nil
        return !ancestors.contains(watch)
    }

    mutating func forget(_ watch: DirectoryWatch.WatchID) {
        directories[watch] = nil
        ancestors.remove(watch)
    }
}
