import ShipyardModel

/// When the ledger is compared with what is there.
struct LedgerUpkeepTimes {
    /// So many new rows, or a quarter of what there is.
    private static let leastRows = 10_000
    private static let period = TimeSpan.seconds(86_400)

    private var due: SteadyTime?
    private var isOwed = true
    private var newRows = 0
    private var rows = 0

    mutating func recorded(_ count: Int) {
        newRows += count
        if newRows > max(Self.leastRows, rows / 4) { isOwed = true }
    }

    func next(isIdle: Bool) -> SteadyTime? { isIdle ? nil : isOwed ? SteadyTime(milliseconds: 0) : due }

    func isDue(at now: SteadyTime) -> Bool { isOwed || due.map { $0 <= now } ?? false }

    mutating func done(rows: Int, at now: SteadyTime) {
        (isOwed, newRows, self.rows) = (false, 0, rows)
        due = now + Self.period
    }

    mutating func failed(at now: SteadyTime) {
        isOwed = false
        due = now + TriggerWatcher.Pace.retry
    }
}

extension TriggerWatcher {
    /// How long the row of a file that is gone is kept: longer than a disk is away, since a file that comes back with its
    /// disk must be known.
    static let keptGone = TimeSpan.seconds(7 * 86_400)
    /// And how many of one schedule at most, some hundred bytes each.
    static let mostGone = 100_000

    /// Marks rows whose files are gone, and deletes those that have been for long. Rows of files that are there stay:
    /// without them, the files would be new.
    func keepUp(mostGone: Int = mostGone) {
        do throws(Refusal) {
            upkeep.done(rows: try compareLedger(mostGone: mostGone), at: clock().steady)
        } catch {
            upkeep.failed(at: clock().steady)
        }
    }

    private func compareLedger(mostGone: Int) throws(Refusal) -> Int {
        // Rows of other stores are known to whoever looks at them.
        try LedgerComparison(ledger, now: clock().wall, mostGone: mostGone).run(
            isMine: { !polled.contains($0.schedule) }, isThere: { isThere($0) })
    }

    /// Whether the row's file would be found again.
    private func isThere(_ row: TriggerEventRecord) -> Bool {
        guard let subscription = subscriptions[row.schedule],
            subscription.place == ContainerPlace(account: row.file.account, container: row.file.container)
        else { return false }
        return containers[subscription.place]?.opener.status(row.file.path)?.version == row.file.version
    }
}

/// Compares the ledger with what is there.
struct LedgerComparison {
    private let ledger: any TriggerLedger
    private let now: Instant
    private let mostGone: Int

    init(_ ledger: any TriggerLedger, now: Instant, mostGone: Int = TriggerWatcher.mostGone) {
        self.ledger = ledger
        self.now = now
        self.mostGone = mostGone
    }

    /// Answers how many rows there are.
    func run(
        isMine: (TriggerEventRecord) -> Bool, isThere: (TriggerEventRecord) -> Bool
    ) throws(Refusal) -> Int {
        var (last, count) = (Int64(0), 0)
        /// By schedule, the oldest first.
        var gone: [UInt32: [Int64]] = [:]
        var changes: [LedgerUpkeep] = []
        while true {
            let rows = try ledger.rows(after: last, limit: TriggerWatcher.Pace.slice)
            guard let newest = rows.last else { break }
            last = newest.number
            for row in rows where isMine(row) {
                count += 1
                switch (isThere(row), row.gone) {
                case (true, nil): break
                case (true, _?): changes.append(.mark(row.number, gone: nil))
                case (false, let since?) where now - since > TriggerWatcher.keptGone:
                    changes.append(.delete(row.number))
                case (false, let since):
                    if since == nil { changes.append(.mark(row.number, gone: now)) }
                    gone[row.schedule, default: []].append(row.number)
                }
            }
            try tell(&changes)
        }
        for numbers in gone.values {
            for number in numbers.prefix(max(0, numbers.count - mostGone)) {
                changes.append(.delete(number))
                if changes.count >= TriggerWatcher.Pace.slice { try tell(&changes) }
            }
        }
        try tell(&changes)
        return count
    }

    private func tell(_ changes: inout [LedgerUpkeep]) throws(Refusal) {
        if !changes.isEmpty { try ledger.upkeep(changes) }
        changes = []
    }
}
