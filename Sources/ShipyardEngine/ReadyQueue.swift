import ShipyardModel

/// Ordinals of tasks that may run, first come first served; a task that comes back goes to the front.
///
/// A ring in one array: four bytes a task, nothing moved at either end.
struct ReadyQueue: Sendable {
    private var ring: [UInt32] = []
    private var head = 0
    private(set) var count = 0

    var first: UInt32? { count == 0 ? nil : ring[head] }
    var byteCount: Int { ring.capacity * MemoryLayout<UInt32>.stride }

    mutating func append(_ ordinal: UInt32) {
        growIfFull()
        ring[(head + count) % ring.count] = ordinal
        count += 1
    }

    mutating func prepend(_ ordinal: UInt32) {
        growIfFull()
        head = head == 0 ? ring.count - 1 : head - 1
        ring[head] = ordinal
        count += 1
    }

    mutating func removeFirst() {
        invariant(count > 0, "an empty queue has no first")
        head = head + 1 == ring.count ? 0 : head + 1
        count -= 1
        if count == 0 {
            ring = []
            head = 0
        }
    }

    private mutating func growIfFull() {
        guard count == ring.count else { return }
        var grown: [UInt32] = []
        grown.reserveCapacity(max(16, count * 2))
        for offset in 0..<count { grown.append(ring[(head + offset) % ring.count]) }
        grown.append(contentsOf: repeatElement(0, count: max(16, count * 2) - count))
        ring = grown
        head = 0
    }
}
