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
        guard let pools = try? StoreReader(path: layout.database).pools() else { return nil }
        var needed: Set<String> = []
        for pool in pools where pool.id != leaving {
            let bytes = Array(pool.specification.utf8)
            guard let spec = try? JSONCoding.decode(PoolSpec.self, from: bytes) else { return nil }
            needed.formUnion(spec.applicationPackages.compactMap { store.digest(ofPackageAt: $0.path) })
        }
        return needed
    }
}
