import Synchronization

/// What moves through all connections of a transfer: told by the stores, read by whoever shows it. Ends it, too.
package final class TransferGauge: Sendable {
    private let moved = Atomic<Int64>(0)
    private let cancelled = Atomic<Bool>(false)
    /// For each connection, in bytes a second; nil for as fast as it goes.
    package let rateOfConnection: Int64?

    package init(rateOfConnection: Int64? = nil) { self.rateOfConnection = rateOfConnection }

    package var movedBytes: Int64 { moved.load(ordering: .relaxed) }
    package var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    package func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// Negative where what had moved must be moved again. Answers whether the transfer shall go on.
    @discardableResult
    package func move(_ bytes: Int64) -> Bool {
        moved.wrappingAdd(bytes, ordering: .relaxed)
        return !isCancelled
    }
}
