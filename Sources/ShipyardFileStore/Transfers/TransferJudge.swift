import Glibc
import ShipyardModel
import ShipyardSystem

extension Transfer {
    /// For one thread.
    package func judge() throws(FileStoreError) -> TransferJudge { TransferJudge(try TransferHand(self)) }
}

/// Says what a transfer would do, without doing it.
package struct TransferJudge {
    private let hand: TransferHand

    init(_ hand: TransferHand) { self.hand = hand }

    /// Whether what the item stands for is at its place already, so that nothing would be moved.
    package func isThere(_ item: TransferItem) throws(FileStoreError) -> Bool {
        do throws(FileStoreError) {
            return try hand.isThere(item)
        } catch {
            // Files that are found are in a container; so it is the target's, which will be made.
            if error.code == .containerNotFound { return false }
            throw error
        }
    }
}

extension TransferHand {
    /// As `begin` finds it out.
    fileprivate func isThere(_ item: TransferItem) throws(FileStoreError) -> Bool {
        switch (transfer.from, transfer.to) {
        case (.local(let root), .store):
            guard let target else { return false }
            let opened = try root.open(item.source)
            guard let status = FileStatus(of: BytePath(""), in: opened.number) else { return false }
            return try isSame(
                item, size: status.version.size, time: status.version.modified, opened.number, target)
        case (.store, .local(let root)):
            guard let stored = try source?.stat(StorePath(sourceContainer, item.source)),
                let local = root.stat(item.target)
            else { return false }
            return local.isSame(as: stored, of: source)
        case (.store, .store):
            guard let stored = try source?.stat(StorePath(sourceContainer, item.source)),
                let known = try target?.stat(StorePath(targetContainer, item.target))
            else { return false }
            return isSame(stored, known)
        case (.local, .local): return false
        }
    }
}

extension LocalFile {
    /// By size and time. Services tell times to the second; the embedded store knows them as exactly as a copy has them, so that a
    /// file that was changed within a second of its arrival is not taken for the one that came.
    func isSame(as stored: StoredFile, of store: (any FileStore)?) -> Bool {
        guard size == stored.size else { return false }
        let (here, there) = (modified / 1_000_000, stored.modified.milliseconds)
        return store?.account.kind == .embedded ? here == there : here / 1000 == there / 1000
    }
}
