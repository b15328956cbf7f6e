import ShipyardModel
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore
import Synchronization

/// Removes the application packages, and the files that schedules keep, which no pool and no version of a schedule
/// names any more, nor a job that has made its own pool: when the service begins and when a pool has gone. A crash in between leaves a file that nobody
/// needs, for the next sweep.
///
/// Jobs of a schedule's runs use files that its versions name; it goes after its last job.
package struct PackageSweep: Sendable {
    private let layout: HomeLayout

    package init(_ layout: HomeLayout) { self.layout = layout }

    /// - Parameter leaving: a pool whose nodes are all gone, and which counts no more.
    package func run(without leaving: PoolID? = nil) {
        let store = PackageStore(home: layout.home)
        store.sweep { needed(in: store, without: leaving) }
    }

    /// Nil where a pool cannot be read: then everything stays.
    private func needed(in store: PackageStore, without leaving: PoolID?) -> Set<String>? {
        guard let reader = try? StoreReader(path: layout.database) else { return nil }
        let state = try? reader.snapshot { () throws(StoreError) in
            let named = try reader.pools().map(\.id).filter { $0 != leaving } + reader.poolsOfJobs()
            return (Set(named), try reader.poolSpecs(), try KeptBundles.digests(reader))
        }
        guard let (pools, specs, kept) = state, var needed = kept else { return nil }
        for pool in pools {
            guard let spec = try? PoolSpec(specs[pool], named: "") else { return nil }
            let files = spec.resourceFiles + (spec.startTask?.resourceFiles ?? [])
            let paths = spec.applicationPackages.map(\.path) + files.map(\.blobSource.place)
            needed.formUnion(paths.compactMap { store.digest(ofPackageAt: $0) })
        }
        return needed
    }
}

/// What the bundles of schedules name. A bundle is called by its content, so each is read once: there may be
/// thousands, and a sweep comes with every pool that goes.
private enum KeptBundles {
    private static let known = Mutex<[String: Set<String>]>([:])

    /// As much of a `Submission` as a sweep must know.
    private struct Files: Decodable {
        struct File: Decodable { var sha256: String? }
        var packages: [File]?
        var resources: [File]?
    }

    /// Nil where one cannot be read.
    static func digests(_ reader: StoreReader) throws(StoreError) -> Set<String>? {
        var all: Set<String> = []
        var present: [String: Set<String>] = [:]
        let before = known.withLock { $0 }
        for digest in try reader.bundleDigests() {
            var files = before[digest]
            if files == nil {
                guard let text = try reader.bundle(digest),
                    let bundle = try? JSONCoding.decode(Files.self, from: text)
                else { return nil }
                files = Set(((bundle.packages ?? []) + (bundle.resources ?? [])).compactMap(\.sha256))
            }
            present[digest] = files
            all.formUnion(files ?? [])
        }
        known.withLock { [present] in $0 = present }
        return all
    }
}
