import Synchronization

/// Lends a reader to each thread that asks, and keeps it for the next: opening one costs a millisecond.
package final class StoreReaderPool: Sendable {
    /// More than this many threads at once is rare; what they open beyond is closed again.
    static let keptReaders = 8

    private let path: String
    private let idle = Mutex<[StoreReader]>([])

    package init(path: String) { self.path = path }

    package func read<Result>(
        _ body: (StoreReader) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let known = idle.withLock { $0.popLast() }
        let reader = if let known { known } else { try StoreReader(path: path) }
        defer {
            idle.withLock { readers in
                if readers.count < Self.keptReaders { readers.append(reader) }
            }
        }
        return try body(reader)
    }
}
