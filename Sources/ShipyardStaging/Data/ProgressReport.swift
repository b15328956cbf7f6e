import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem
import Synchronization

/// Writes how far files have come to where the node's agent reads it: the beginning of standard output, which is a file in memory.
final class ProgressReport: Sendable {
    private let output: Int32
    private let state = Mutex(State())

    private struct State {
        var progress = TransferProgress(.download)
        var gauge: TransferGauge?
        var written: TransferProgress?
        var isEnded = false
    }

    // Twice as often as an agent looks.
    private static let pauseMicroseconds: UInt32 = 500_000

    init(output: Int32 = 1) { self.output = output }

    /// Once there is something to tell: most tasks that only get small files never start the thread.
    func begin() {
        _ = try? startThread { [self] in
            repeat { usleep(Self.pauseMicroseconds) } while write()
        }
    }

    /// False when no more is to be written. Nothing is written where nothing has moved.
    private func write() -> Bool {
        state.withLock { state in
            guard !state.isEnded else { return false }
            var progress = state.progress
            progress.bytes += state.gauge?.movedBytes ?? 0
            guard progress != state.written else { return true }
            state.written = progress
            _ = progress.record.withUnsafeBytes { pwrite(output, $0.baseAddress, $0.count, 0) }
            return true
        }
    }

    /// The answer takes its place.
    func end() {
        state.withLock { state in
            guard !state.isEnded else { return }
            state.isEnded = true
            if state.written != nil { _ = ftruncate(output, 0) }
        }
    }

    func follow(_ gauge: TransferGauge) {
        state.withLock { state in
            state.progress.bytes += state.gauge?.movedBytes ?? 0
            state.gauge = gauge
        }
    }

    func add(_ size: Int64) {
        state.withLock { state in
            state.progress.totalFiles += 1
            state.progress.totalBytes += size
        }
    }

    func moved() { state.withLock { $0.progress.files += 1 } }

    /// Nothing of it had to move.
    func wasThere(_ size: Int64) {
        state.withLock { state in
            state.progress.files += 1
            state.progress.bytes += size
        }
    }
}
