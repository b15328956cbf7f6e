import ShipyardModel

/// Opens stores by their accounts.
package struct FileStores: Sendable {
    /// `storage/` of the home: where the embedded store's accounts are. Empty where there is none to be reached.
    package let embeddedRoot: String

    package init(embeddedRoot: String) { self.embeddedRoot = embeddedRoot }

    /// One connection, for one thread.
    package func open(
        _ account: StorageAccount, _ keys: StorageKeys, _ gauge: TransferGauge = TransferGauge()
    ) throws(FileStoreError) -> TieredStore {
        try TieredStore(openBase(account, keys, gauge), gauge)
    }

    /// Without tiers: files as they lie there.
    func openBase(
        _ account: StorageAccount, _ keys: StorageKeys, _ gauge: TransferGauge
    ) throws(FileStoreError) -> any FileStore {
        switch account.kind {
        case .embedded: try EmbeddedStore(account, root: embeddedRoot, gauge)
        case .s3: try S3Store(account, keys, gauge)
        case .azureBlob: try AzureBlobStore(account, keys, gauge)
        }
    }
}
