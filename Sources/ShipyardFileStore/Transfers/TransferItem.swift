import ShipyardModel

/// One account with what opens it.
package struct StoreAccess: Sendable {
    package let account: StorageAccount
    private let opening: @Sendable (TransferGauge) throws(FileStoreError) -> any FileStore

    package init(_ account: StorageAccount, _ keys: StorageKeys, _ stores: FileStores) {
        self.init(account) { gauge throws(FileStoreError) in try stores.open(account, keys, gauge) }
    }

    /// - Parameter opening: gives one connection each time.
    package init(
        _ account: StorageAccount,
        opening: @escaping @Sendable (TransferGauge) throws(FileStoreError) -> any FileStore
    ) {
        self.account = account
        self.opening = opening
    }

    package func open(_ gauge: TransferGauge = TransferGauge()) throws(FileStoreError) -> any FileStore {
        try opening(gauge)
    }
}

/// Where files come from, and where they go.
package enum TransferEnd: Sendable {
    case local(LocalRoot)
    case store(StoreAccess, container: String)
}

/// One file to move, from a name below the one end to a name below the other.
package struct TransferItem: Sendable, Hashable {
    /// What is known of the target.
    package enum Present: Sendable, Hashable {
        case unknown
        case absent
        /// As a listing tells it.
        case file(StoredFile)
    }

    package var source: BytePath
    package var target: BytePath
    /// As it was listed. What is moved is what is there then.
    package var size: Int64
    /// Of a stored source: it must still be this one.
    package var identity: String?
    package var present = Present.unknown

    package init(source: BytePath, target: BytePath, size: Int64, identity: String? = nil) {
        self.source = source
        self.target = target
        self.size = size
        self.identity = identity
    }
}

package struct TransferOptions: Sendable {
    /// Nil for what the stores take well.
    package var connections: Int?
    /// Leaves alone what is there with the same content: the same hash, or size and time of the source.
    package var skipsSame = true
    /// False: what is there is a failure, `BlobAlreadyExists`.
    package var overwrites = true
    package var stopsAtFirstFailure = true
    package init() {}
}

package enum TransferReport: Sendable {
    case moved(TransferItem)
    /// Was there already.
    case same(TransferItem)
    case failed(TransferItem, FileStoreError)
}
