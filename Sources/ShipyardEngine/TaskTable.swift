import ShipyardModel

/// The tasks of one job, by ordinal.
///
/// A large job's tasks are mostly alike: those that have not begun, and those that have succeeded at once. So they are kept
/// in pages, and one whose tasks are all alike is one entry: what a job costs is what its tasks differ in, and 20 million that
/// wait take two megabytes.
struct TaskTable: Sendable, RandomAccessCollection, MutableCollection {
    static let pageSize = 1024

    private struct Page {
        /// What each of them is while `entries` is empty.
        var common: TaskEntry
        var entries: [TaskEntry] = []
        /// How many of `entries` have not ended.
        var open = 0
    }

    private var pages: [Page] = []
    private(set) var count = 0

    init() {}

    var startIndex: Int { 0 }
    var endIndex: Int { count }

    var byteCount: Int {
        pages.reduce(pages.capacity * MemoryLayout<Page>.stride) {
            $0 + $1.entries.capacity * MemoryLayout<TaskEntry>.stride
        }
    }

    subscript(ordinal: Int) -> TaskEntry {
        get {
            precondition(ordinal < count)
            let page = ordinal / Self.pageSize
            return pages[page].entries.isEmpty ? pages[page].common : pages[page].entries[ordinal % Self.pageSize]
        }
        _modify {
            precondition(ordinal < count)
            let (page, offset) = (ordinal / Self.pageSize, ordinal % Self.pageSize)
            spread(page)
            let wasOpen = pages[page].entries[offset].state != .completed
            defer {
                let isOpen = pages[page].entries[offset].state != .completed
                if wasOpen != isOpen { pages[page].open += isOpen ? 1 : -1 }
            }
            yield &pages[page].entries[offset]
        }
    }

    mutating func append(_ entry: TaskEntry) { append(entry, count: 1) }

    mutating func append(_ entry: TaskEntry, count added: Int) {
        var left = added
        while left > 0 {
            let offset = count % Self.pageSize
            if offset == 0 { pages.append(Page(common: entry)) }
            let page = pages.count - 1
            let room = Swift.min(left, Self.pageSize - offset)
            if !pages[page].entries.isEmpty || pages[page].common != entry {
                spread(page)
                pages[page].entries += repeatElement(entry, count: room)
                if entry.state != .completed { pages[page].open += room }
            }
            count += room
            left -= room
        }
    }

    /// Whether any of them, looked at once where they are alike.
    func contains(where isMeant: (TaskEntry) throws -> Bool) rethrows -> Bool {
        try pages.contains { try $0.entries.isEmpty ? isMeant($0.common) : $0.entries.contains(where: isMeant) }
    }

    /// Changes all of them in the same way.
    mutating func updateEach(_ change: (inout TaskEntry) -> Void) {
        for page in pages.indices {
            change(&pages[page].common)
            for offset in pages[page].entries.indices { change(&pages[page].entries[offset]) }
            pages[page].open = pages[page].entries.count { $0.state != .completed }
            fold(page)
        }
    }

    /// The task has ended and its row is written: where it was is of no interest any more.
    mutating func settle(_ ordinal: Int) {
        self[ordinal].node = -1
        self[ordinal].assigned = 0
        let page = ordinal / Self.pageSize
        if pages[page].open == 0 { fold(page) }
    }

    private func size(of page: Int) -> Int { Swift.min(Self.pageSize, count - page * Self.pageSize) }

    private mutating func spread(_ page: Int) {
        guard pages[page].entries.isEmpty else { return }
        let (common, size) = (pages[page].common, size(of: page))
        pages[page].entries.reserveCapacity(Self.pageSize)
        pages[page].entries += repeatElement(common, count: size)
        pages[page].open = common.state == .completed ? 0 : size
    }

    private mutating func fold(_ page: Int) {
        guard let first = pages[page].entries.first, pages[page].entries.allSatisfy({ $0 == first }) else { return }
        pages[page].common = first
        pages[page].entries = []
    }
}
