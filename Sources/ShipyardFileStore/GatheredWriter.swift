import Glibc
import ShipyardSystem
import Synchronization

/// Writes what comes in small pieces to a file in large ones.
///
/// Several connections write the parts of one file, and the file system lets one write at a time: with the 16 KiB that libcurl
/// hands over they would do little but wait for each other. They wait here, as the kernel would have them spin.
final class GatheredWriter {
    private static let bytes = 1 << 20
    private static let turns = (0..<16).map { _ in Turn() }

    private final class Turn: Sendable {
        let lock = Mutex(())
    }

    private let file: Int32
    /// Where in the file the buffer begins.
    private var start: Int64
    private var buffer: [UInt8] = []

    /// - Parameter expected: how much will come, in bytes.
    init(_ file: Int32, at position: Int64, expected: Int64?) {
        self.file = file
        start = position
        buffer.reserveCapacity(Int(min(expected ?? .max, Int64(Self.bytes))))
    }

    /// The number of the error.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int32? {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Self.bytes - buffer.count)
            buffer.append(contentsOf: piece)
            rest = rest.dropFirst(piece.count)
            if buffer.count == Self.bytes, let failure = flush() { return failure }
        }
        return nil
    }

    /// Writes what has been gathered. The number of the error.
    func flush() -> Int32? {
        guard !buffer.isEmpty else { return nil }
        let turn = Self.turns[Int(file) % Self.turns.count]
        let failure = turn.lock.withLock { _ in buffer.withUnsafeBytes { writeAll($0, to: file, at: start) } }
        if let failure { return failure }
        start += Int64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
        return nil
    }

    /// What comes next belongs there, and what has not been written is of no use.
    func restart(at position: Int64) {
        start = position
        buffer.removeAll(keepingCapacity: true)
    }
}
