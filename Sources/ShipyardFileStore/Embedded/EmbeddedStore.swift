import ShipyardModel

package final class EmbeddedStore {
    package let account: StorageAccount

    package init(_ account: StorageAccount, root: String, _ gauge: TransferGauge) throws(FileStoreError) {
        self.account = account
        throw FileStoreError(.unsupported, "\(account.place) cannot be reached yet")
    }
}

extension EmbeddedStore: FileStore {
    package var rules: StoreRules { StoreRules(largestWhole: 0, partBytes: 1, mostParts: 1, connections: 1) }
    package func containers() throws(FileStoreError) -> [String] { [] }
    package func makeContainer(_ container: String) throws(FileStoreError) {}
    package func list(
        _ container: String, prefix: BytePath, after: BytePath?, limit: Int
    ) throws(FileStoreError) -> FilePage { FilePage(files: [], next: nil) }
    package func stat(_ file: StorePath) throws(FileStoreError) -> StoredFile? { nil }
    package func read(
        _ file: StorePath, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError) {}
    package func write(
        _ file: StorePath, from source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile { throw FileStoreError(.unsupported, "") }
    package func beginParts(
        _ file: StorePath, _ attributes: FileAttributes
    ) throws(FileStoreError) -> PartialFile { throw FileStoreError(.unsupported, "") }
    package func unfinishedParts(_ file: StorePath) throws(FileStoreError) -> PartialFile? { nil }
    package func writePart(
        _ number: Int, of file: PartialFile, from source: ByteSource
    ) throws(FileStoreError) -> FilePart { throw FileStoreError(.unsupported, "") }
    package func finish(
        _ file: PartialFile, _ parts: [FilePart], _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile { throw FileStoreError(.unsupported, "") }
    package func abandon(_ file: PartialFile) throws(FileStoreError) {}
    package func copy(_ source: StorePath, to target: StorePath) throws(FileStoreError) -> StoredFile {
        throw FileStoreError(.unsupported, "")
    }
    package func remove(_ file: StorePath, identity: String?) throws(FileStoreError) {}
    package func setMetadata(_ metadata: [String: String], of file: StorePath) throws(FileStoreError) {}
}
