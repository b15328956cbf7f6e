import ShipyardModel

/// Ordinals of tasks that may run, first come first served; a task that comes back goes to the front.
///
/// A ring of stretches: tasks mostly come in the order of their ordinals, so a million of them are one. Nothing is moved at
/// either end.
struct ReadyQueue: Sendable {
    private struct Stretch {
        var first: UInt32 = 0
        var count: UInt32 = 0
    }

    private var ring: [Stretch] = []
    private var head = 0
    private var stretches = 0
    private(set) var count = 0

    var first: UInt32? { count == 0 ? nil : ring[head].first }
    var byteCount: Int { ring.capacity * MemoryLayout<Stretch>.stride }

    mutating func append(_ ordinal: UInt32) {
        count += 1
        if stretches > 0 {
            let last = (head + stretches - 1) % ring.count
            if ring[last].first + ring[last].count == ordinal {
                ring[last].count += 1
                return
            }
        }
        growIfFull()
        ring[(head + stretches) % ring.count] = Stretch(first: ordinal, count: 1)
        stretches += 1
    }

    mutating func prepend(_ ordinal: UInt32) {
        count += 1
        if stretches > 0, ring[head].first == ordinal + 1 {
            ring[head].first -= 1
            ring[head].count += 1
            return
        }
        growIfFull()
        head = head == 0 ? ring.count - 1 : head - 1
        ring[head] = Stretch(first: ordinal, count: 1)
        stretches += 1
    }

    mutating func removeFirst() {
        invariant(count > 0, "an empty queue has no first")
        count -= 1
        ring[head].first += 1
        ring[head].count -= 1
        guard ring[head].count == 0 else { return }
        head = head + 1 == ring.count ? 0 : head + 1
        stretches -= 1
        if stretches == 0 {
            ring = []
            head = 0
        }
    }

    private mutating func growIfFull() {
        guard stretches == ring.count else { return }
        var grown: [Stretch] = []
        let size = max(16, stretches * 2)
        grown.reserveCapacity(size)
        for offset in 0..<stretches { grown.append(ring[(head + offset) % ring.count]) }
        grown += repeatElement(Stretch(), count: size - stretches)
        ring = grown
        head = 0
    }
}
