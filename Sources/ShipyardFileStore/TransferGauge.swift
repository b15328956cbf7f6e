import Glibc
import ShipyardSystem
import Synchronization

/// What moves through all connections of a transfer: told by the stores, read by whoever shows it. Holds them to a rate and ends them, too.
package final class TransferGauge: Sendable {
    /// Less would make a connection look as if it were dead.
    package static let slowest: Int64 = 64 << 10

    private let moved = Atomic<Int64>(0)
    private let cancelled = Atomic<Bool>(false)
    private let bytesPerSecond: Int64?
    /// When what has moved so far may have, in microseconds of the steady clock.
    private let allowed = Mutex<Int64>(0)

    /// - Parameter bytesPerSecond: of all connections together; nil for as fast as it goes.
    package init(bytesPerSecond: Int64? = nil) {
        self.bytesPerSecond = bytesPerSecond.map { max($0, Self.slowest) }
    }

    package var movedBytes: Int64 { moved.load(ordering: .relaxed) }
    package var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    package func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// What one call should move at most, so that a rate is held to smoothly.
    package func slice(of wanted: Int64) -> Int64 { min(wanted, max(bytesPerSecond ?? .max, 4096)) }

    /// Negative where what had moved must be moved again. Waits where that is too fast; answers whether the transfer shall go on.
    @discardableResult
    package func move(_ bytes: Int64) -> Bool {
        moved.wrappingAdd(bytes, ordering: .relaxed)
        if let bytesPerSecond, bytes > 0 { wait(for: bytes, bytesPerSecond) }
        return !isCancelled
    }

    private func wait(for bytes: Int64, _ rate: Int64) {
        let time = allowed.withLock { allowed in
            allowed = max(allowed, SystemClock.monotonicMicroseconds()) + bytes * 1_000_000 / rate
            return allowed
        }
        while !isCancelled, case let rest = time - SystemClock.monotonicMicroseconds(), rest > 0 {
            usleep(UInt32(min(rest, 100_000)))
        }
    }
}
