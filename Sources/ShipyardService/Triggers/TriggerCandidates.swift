import ShipyardModel
import ShipyardSystem

/// One file that may become an event of one schedule.
struct CandidateKey: Hashable, Sendable {
    var schedule: UInt32
    /// Within the schedule's container.
    var path: BytePath
}

/// What is known of a file that does not count yet.
struct Candidate: Sendable {
    var sighting: Sighting
    /// As it was looked at last, and since when it was seen so.
    var seen: (status: FileStatus, since: SteadyTime)?
    /// When it is looked at next.
    var due: SteadyTime
    /// What its manifest waits for.
    var missing: MissingFile?
}

/// The first file of a manifest that is not there yet.
package struct MissingFile: Hashable, Sendable {
    package var path: BytePath
    /// How many of the manifest's files are there, and how many it has.
    package var present: Int
    package var total: Int
    /// It is there, and still being written.
    package var isUnsettled: Bool
}

/// Files that wait, with the next to be looked at on top of a heap. What was put off stays in the heap until it comes up.
struct TriggerCandidates {
    /// Each has some hundred bytes. What is more is found by looking again.
    var limit = 100_000

    private(set) var entries: [CandidateKey: Candidate] = [:]
    private var heap: [(due: SteadyTime, key: CandidateKey)] = []

    var next: SteadyTime? { heap.first?.due }
    var count: Int { entries.count }

    subscript(key: CandidateKey) -> Candidate? { entries[key] }

    mutating func set(_ key: CandidateKey, _ candidate: Candidate) {
        if entries.updateValue(candidate, forKey: key)?.due != candidate.due { push(candidate.due, key) }
    }

    mutating func remove(_ key: CandidateKey) { entries[key] = nil }

    mutating func removeAll(where isUnwanted: (CandidateKey) -> Bool) {
        entries = entries.filter { !isUnwanted($0.key) }
        if entries.isEmpty { heap = [] }
    }

    /// Nobody has heard of the closing of files any more: events were lost.
    mutating func doubt(at now: SteadyTime) {
        for (key, var candidate) in entries where candidate.sighting == .created {
            candidate.sighting = .found
            candidate.due = now
            set(key, candidate)
        }
    }

    /// Nobody can look at any of them before then.
    mutating func postpone(until moment: SteadyTime) {
        entries = entries.mapValues { candidate in
            var candidate = candidate
            candidate.due = max(candidate.due, moment)
            return candidate
        }
        // Sorted, it is a heap.
        heap = entries.map { ($0.value.due, $0.key) }.sorted { $0.0 < $1.0 }
    }

    /// One that is to be looked at; it stays until it is removed, and comes up again only when it is set anew.
    mutating func takeDue(at now: SteadyTime) -> CandidateKey? {
        while let first = heap.first, first.due <= now {
            pop()
            if entries[first.key]?.due == first.due { return first.key }
        }
        return nil
    }

    // MARK: The heap

    private mutating func push(_ due: SteadyTime, _ key: CandidateKey) {
        // Stale entries are three quarters of it at most.
        if heap.count > 4 * entries.count + 64 {
            heap = entries.map { ($0.value.due, $0.key) }.sorted { $0.0 < $1.0 }
            return
        }
        heap.append((due, key))
        var child = heap.count - 1
        while child > 0, heap[child].due < heap[(child - 1) / 2].due {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func pop() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].due < heap[least].due { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
