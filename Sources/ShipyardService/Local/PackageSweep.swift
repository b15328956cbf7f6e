import ShipyardModel
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore

/// Removes the application packages that no pool names any more: when the service begins and when a pool has
/// gone. A crash in between leaves a file that nobody needs, for the next sweep.
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
            (try reader.pools(), try reader.poolSpecs())
        }
        guard let (pools, specs) = state else { return nil }
        var needed: Set<String> = []
        for pool in pools where pool.id != leaving {
            guard let spec = try? PoolSpec(specs[pool.id], named: "") else { return nil }
            needed.formUnion(spec.applicationPackages.compactMap { store.digest(ofPackageAt: $0.path) })
        }
        return needed
    }
}
