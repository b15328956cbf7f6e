import Glibc
import ShipyardModel
import ShipyardSystem
import Synchronization

/// Tells whether the home is still the one that this service has locked.
///
/// A path is only a name: directory, lock and state file may be deleted, moved away or replaced while we have
/// them open, and whatever is written to them then is read by nobody. So they are known by their inodes.
package final class HomeGuard: Sendable {
    /// How often an idle service looks. Before each turn it looks anyway.
    static let pause = TimeSpan.seconds(2)

    private struct Place: Sendable {
        var what: String
        var path: String
        var identity: FileIdentity
    }

    private let layout: HomeLayout
    private let places: Mutex<[Place]>
    private let found = Mutex<String?>(nil)

    /// - Parameter lock: the open and locked lock file. Nil when its path leads to another file by now.
    package init?(_ layout: HomeLayout, lock: Int32) {
        guard let directory = FileIdentity(at: layout.home), let file = FileIdentity(of: lock),
            FileIdentity(at: layout.lock) == file
        else { return nil }
        self.layout = layout
        places = Mutex([
            Place(what: "home", path: layout.home, identity: directory),
            Place(what: "lock", path: layout.lock, identity: file),
        ])
    }

    /// The state file was opened, and may have been made, just now.
    func addStateFile() {
        guard let identity = FileIdentity(at: layout.database) else { return }
        places.withLock {
            $0.append(Place(what: "state file", path: layout.database, identity: identity))
        }
    }

    /// What is not there any more, as a sentence. It never comes back: the first answer stays.
    package var loss: String? {
        found.withLock { found in
            if found == nil { found = places.withLock { $0.lazy.compactMap(Self.loss).first } }
            return found
        }
    }

    private static func loss(of place: Place) -> String? {
        var information = stat()
        if stat(place.path, &information) == 0 {
            guard FileIdentity(information) != place.identity else { return nil }
            return "the \(place.what) \(place.path) is not the one that this service was started on"
        }
        // What cannot be looked at now, such as for want of memory, proves nothing.
        guard errno == ENOENT || errno == ENOTDIR else { return nil }
        return "the \(place.what) \(place.path) was deleted or moved away"
    }
}
