import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem
import Synchronization

/// A hash of a large content: SHA-256 of the SHA-256s of its parts, which can be computed in any order and at the same time.
///
/// What a service makes of the hashes of many parts is its own affair, so this one is kept in the file's metadata.
package struct PartsHash: Hashable, Sendable, CustomStringConvertible {
    /// As many as a file has at most on any service. Metadata may say anything.
    private static let mostParts: Int64 = 50_000

    /// Of each part but the last.
    package let partBytes: Int64
    /// 64 lower-case digits.
    package let digits: String

    package init(partBytes: Int64, of parts: [[UInt8]]) throws(FileStoreError) {
        self.partBytes = partBytes
        digits = hexadecimalText(try Digest.of(parts.flatMap { $0 }, .sha256))
    }

    /// What `description` has made, of a file of this size. Nil also for parts that nobody writes.
    package init?(_ text: String, size: Int64) {
        let words = text.split(separator: "-", omittingEmptySubsequences: false)
        guard words.count == 2, let partBytes = Int64(words[0]), partBytes > 0, size / partBytes < Self.mostParts,
            hexadecimalBytes(String(words[1]))?.count == 32
        else { return nil }
        self.partBytes = partBytes
        digits = words[1].lowercased()
    }

    package var description: String { "\(partBytes)-\(digits)" }

    static func count(_ size: Int64, _ partBytes: Int64) -> Int {
        Int(size / partBytes) + (size % partBytes == 0 ? 0 : 1)
    }

    /// Of a file that has been read to its `size`.
    static func of(
        _ file: Int32, size: Int64, partBytes: Int64, _ gauge: TransferGauge
    ) throws(FileStoreError) -> PartsHash {
        try PartsHash(partBytes: partBytes, of: hashes(of: file, size: size, partBytes: partBytes, gauge))
    }

    /// SHA-256 of each part, by several threads.
    static func hashes(
        of file: Int32, size: Int64, partBytes: Int64, _ gauge: TransferGauge
    ) throws(FileStoreError) -> [[UInt8]] {
        let count = count(size, partBytes)
        let work = PartsHashing(file, size: size, partBytes: partBytes, count: count, gauge)
        let ended = Semaphore()
        var started = 0
        // More of them wait for the disk.
        for _ in 1..<max(1, min(4, count, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) {
            let isStarted: Void? = try? startThread {
                work.run()
                ended.signal()
            }
            if isStarted != nil { started += 1 }
        }
        work.run()
        for _ in 0..<started { ended.wait() }
        return try work.result()
    }
}

/// Whether two hashes are of different contents. One that is not known may be the same.
package func areOfDifferentContents<Hash: Equatable>(_ one: Hash?, _ other: Hash?) -> Bool {
    one != nil && other != nil && one != other
}

private final class PartsHashing: Sendable {
    private struct State {
        var next = 0
        var hashes: [[UInt8]]
        var failure: FileStoreError?
    }

    private let file: Int32
    private let size: Int64
    private let partBytes: Int64
    private let gauge: TransferGauge
    private let state: Mutex<State>

    init(_ file: Int32, size: Int64, partBytes: Int64, count: Int, _ gauge: TransferGauge) {
        self.file = file
        self.size = size
        self.partBytes = partBytes
        self.gauge = gauge
        state = Mutex(State(hashes: Array(repeating: [], count: count)))
    }

    func run() {
        while let number = next() {
            let start = Int64(number) * partBytes
            let stretch = FileStretch(file: file, offset: start, count: min(partBytes, size - start))
            do throws(FileStoreError) {
                let hash = try Digest.of(stretch, .sha256)
                state.withLock { $0.hashes[number] = hash }
            } catch {
                state.withLock { $0.failure = error }
            }
        }
    }

    private func next() -> Int? {
        state.withLock { state in
            guard state.failure == nil, state.next < state.hashes.count, !gauge.isCancelled else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    func result() throws(FileStoreError) -> [[UInt8]] {
        let (hashes, failure) = state.withLock { ($0.hashes, $0.failure) }
        if let failure { throw failure }
        if gauge.isCancelled { throw FileStoreError.cancelled }
        return hashes
    }
}

/// The same of bytes that come one after the other.
final class PartsDigest {
    private let partBytes: Int64
    private var left: Int64
    private var part: Digest?
    private var hashes: [[UInt8]] = []

    init(partBytes: Int64) throws(FileStoreError) {
        self.partBytes = partBytes
        left = partBytes
        part = try Digest(.sha256)
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if left == 0 {
                endPart()
                part = try? Digest(.sha256)
                left = partBytes
            }
            let piece = rest.prefix(Int(min(left, Int64(rest.count))))
            part?.update(UnsafeRawBufferPointer(rebasing: piece))
            left -= Int64(piece.count)
            rest = rest.dropFirst(piece.count)
        }
    }

    private func endPart() {
        if let hash = part.take()?.bytes() { hashes.append(hash) }
    }

    /// Of what has come. Nothing can be added afterwards.
    func hash() throws(FileStoreError) -> PartsHash {
        endPart()
        return try PartsHash(partBytes: partBytes, of: hashes)
    }
}
