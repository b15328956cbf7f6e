import ShipyardModel

/// Orders that wait for a slot, in the order in which they came.
struct WorkQueue {
    struct Entry {
        var order: WorkOrder
        var context: ContextState
        /// Monotonic microseconds.
        var arrival: Int64
    }

    private var entries: [Entry] = []
    private var first = 0

    var isEmpty: Bool { first == entries.count }
    var head: Entry? { isEmpty ? nil : entries[first] }
    var ids: [WorkID] { entries[first...].map(\.order.id) }

    func contains(_ id: WorkID) -> Bool { entries[first...].contains { $0.order.id == id } }

    mutating func append(_ entry: Entry) { entries.append(entry) }

    mutating func removeHead() -> Entry {
        let entry = entries[first]
        // Its place stays for a while, and must not keep them.
        if !entry.order.secrets.isEmpty { entries[first].order.secrets = [] }
        if !entry.order.secretFiles.isEmpty { entries[first].order.secretFiles = [] }
        first += 1
        // In bulk: removing the first of an array moves all others.
        if first == entries.count || first >= 64 {
            entries.removeFirst(first)
            first = 0
        }
        return entry
    }

    /// Nil when it does not wait here.
    mutating func remove(_ id: WorkID) -> Entry? {
        guard let index = entries[first...].firstIndex(where: { $0.order.id == id }) else { return nil }
        return entries.remove(at: index)
    }

    mutating func removeAll() { (entries, first) = ([], 0) }
}
