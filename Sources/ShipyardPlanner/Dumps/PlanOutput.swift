/// Gathers bytes and hands them on in large pieces: a plan of a million lines makes a hundred writes.
package struct PlanOutput<Failure: Error> {
    /// Large enough that a write's cost vanishes, small enough to stay in the cache of one core.
    private static var pieceBytes: Int { 1 << 18 }

    package var bytes: [UInt8] = []
    private let write: ([UInt8]) throws(Failure) -> Void

    package init(_ write: @escaping ([UInt8]) throws(Failure) -> Void) {
        self.write = write
        bytes.reserveCapacity(Self.pieceBytes + 4096)
    }

    /// Hands on what has been gathered when it is enough.
    @inline(__always) package mutating func flushIfFull() throws(Failure) {
        if bytes.count >= Self.pieceBytes { try flush() }
    }

    package mutating func flush() throws(Failure) {
        guard !bytes.isEmpty else { return }
        try write(bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    package mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}

/// The forms a plan can be printed in.
package enum PlanFormat: String, Sendable, CaseIterable {
    case summary, jsonl, dot, mermaid
}
