import Glibc
import ShipyardModel
import ShipyardSystem

// Which directories are watched.

extension TriggerWatcher {
    /// Makes what is watched agree with what is there.
    ///
    /// - Parameter scanning: containers to be looked through even where nothing has changed.
    func resync(scanning: Set<ContainerPlace>) {
        if watch == nil { openWatch() }
        watchAncestors()
        for place in byPlace.keys.sorted(by: { $0.description < $1.description }) {
            var isNew = false
            if let known = containers[place], !known.isThere(in: layout) { drop(place) }
            if containers[place] == nil, let container = WatchedContainer(place, in: layout) {
                containers[place] = container
                isNew = true
                if container.isBlind {
                    sayOnce(
                        "changes in the container \(place) may go unheard, as it is not on a file system of this "
                            + "machine; it is looked through every few seconds")
                }
            }
            if isNew || scanning.contains(place) { lookThrough([place]) }
        }
    }

    private func openWatch() {
        do throws(SystemError) {
            watch = try DirectoryWatch()
        } catch {
            isBlind = true
            sayBlind(error)
        }
    }

    private func sayBlind(_ error: SystemError) {
        let hint =
            switch error.errno {
            case ENOSPC: ": there are as many as fs.inotify.max_user_watches allows"
            case EMFILE: ": there are as many as fs.inotify.max_user_instances allows"
            default: ""
            }
        sayOnce(
            "not every directory of storage triggers can be watched (\(error.reason)\(hint)); what is not is looked "
                + "through every few seconds")
    }

    /// So that containers are heard of that come, go or are replaced.
    private func watchAncestors() {
        guard watch != nil else { return }
        isBlind = false
        // There is always one to watch.
        mkdir(layout.storage, 0o700)
        let accounts = Set(byPlace.keys.filter(\.isUsable).map(\.account))
        for path in [layout.storage] + accounts.map({ "\(layout.storage)/\($0)" }) {
            guard let directory = FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY) else { continue }
            if let id = addWatch(directory.number, .ancestor) {
                table.ancestors.insert(id)
            } else {
                isBlind = true
            }
        }
    }

    private func addWatch(_ directory: Int32, _ kinds: DirectoryWatch.Kinds) -> DirectoryWatch.WatchID? {
        do throws(SystemError) {
            guard mayWatch() else { throw SystemError("watch a directory", errno: ENOSPC) }
            return try watch?.add(openDirectory: directory, kinds)
        } catch {
            sayBlind(error)
            return nil
        }
    }

    /// Before it is looked through: what comes meanwhile is heard.
    func watchDirectory(_ path: BytePath, _ directory: Int32, of container: WatchedContainer) {
        guard let id = addWatch(directory, .tree) else {
            container.isBlind = true
            return
        }
        let old = container.watches.updateValue((id, container.round), forKey: path)
        table.add(id, .init(place: container.place, path: path))
        if let old, old.id != id { forgetWatch(old.id, path, of: container) }
    }

    private func forgetWatch(
        _ id: DirectoryWatch.WatchID, _ path: BytePath, of container: WatchedContainer
    ) {
        if table.remove(id, .init(place: container.place, path: path)) { watch?.remove(id) }
    }

    /// Of the directory and of those in it, which may be watched anew under another name.
    func forgetWatches(below path: BytePath, of container: WatchedContainer) {
        for (known, watched) in container.watches where path.isEmpty || known == path || known.isBelow(path) {
            container.watches[known] = nil
            forgetWatch(watched.id, known, of: container)
        }
    }

    /// Of directories that are not where they were when the whole container was looked through. Only those: the end of
    /// each watch is an event too, and as many as there are directories may be more than the queue holds.
    func forgetStaleWatches(of container: WatchedContainer) {
        for (known, watched) in container.watches where watched.round != container.round {
            container.watches[known] = nil
            forgetWatch(watched.id, known, of: container)
        }
    }

    func drop(_ place: ContainerPlace) {
        guard let container = containers.removeValue(forKey: place) else { return }
        forgetWatches(below: BytePath(""), of: container)
        rescans[place] = nil
        crowded.remove(place)
        candidates.removeAll { subscriptions[$0.schedule]?.place == place }
    }
}

extension DirectoryWatch.Kinds {
    /// Not each write: a look at the file tells when it was the last.
    fileprivate static let tree: Self = [
        .created, .written, .touched, .movedIn, .movedOut, .deleted, .itselfMoved, .itselfDeleted,
    ]
    fileprivate static let ancestor: Self = tree
}
