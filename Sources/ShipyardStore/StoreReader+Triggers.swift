import ShipyardModel

/// Which rows of the ledger a listing is about.
package struct TriggerEventFilter: Sendable, Hashable {
    package var schedule: UInt32?
    package var state: TriggerState?
    package var account: String?
    package var container: String?
    package var path: BytePath?

    package init(
        schedule: UInt32? = nil, state: TriggerState? = nil, account: String? = nil,
        container: String? = nil, path: BytePath? = nil
    ) {
        self.schedule = schedule
        self.state = state
        self.account = account
        self.container = container
        self.path = path
    }
}

extension StoreReader {
    /// Events of a schedule about this writing of a file, whatever its name, the oldest first. More than one only where
    /// the file has or had several names.
    package func triggerEvents(
        of schedule: UInt32, about version: FileVersion
    ) throws(StoreError) -> [TriggerEventRecord] {
        try rows(
            .triggerEventsOfFile,
            bind: {
                $0.bind(1, Int64(schedule))
                $0.bind(2, Int64(bitPattern: version.inode))
                $0.bind(3, version.birth)
                $0.bind(4, version.size)
                $0.bind(5, version.modified)
            }
        ) { $0.triggerEvent() }
    }

    package func triggerEvent(_ number: Int64) throws(StoreError) -> TriggerEventRecord? {
        try firstRow(.triggerEvent, bind: { $0.bind(1, number) }) { $0.triggerEvent() }
    }

    /// A page of the ledger, the newest first.
    ///
    /// - Parameter before: the last number of the page before; nil for the first page.
    package func triggerEvents(
        before: Int64? = nil, limit: Int, where filter: TriggerEventFilter = TriggerEventFilter()
    ) throws(StoreError) -> [TriggerEventRecord] {
        try rows(
            .triggerEventPage,
            bind: {
                $0.bind(1, before ?? .max)
                $0.bind(2, filter.schedule.map(Int64.init))
                $0.bind(3, filter.state?.rawValue)
                $0.bind(4, filter.account)
                $0.bind(5, filter.container)
                $0.bind(6, filter.path?.shown)
                $0.bind(7, Int64(limit))
            }
        ) { $0.triggerEvent() }
    }

    /// Rows after a number, the oldest first: for whoever walks all of them.
    package func triggerEvents(after: Int64, limit: Int) throws(StoreError) -> [TriggerEventRecord] {
        try rows(
            .triggerEventsAfter,
            bind: {
                $0.bind(1, after)
                $0.bind(2, Int64(limit))
            }
        ) { $0.triggerEvent() }
    }

    /// Zero before the first.
    package func lastTriggerEvent() throws(StoreError) -> Int64 {
        try firstRow(.lastTriggerEvent, bind: { _ in }) { $0.integer(0) } ?? 0
    }

    /// Up to which moment files that are there are in the ledger; nil while nobody has looked for them.
    package func triggerBaseline(of schedule: UInt32) throws(StoreError) -> Instant? {
        try firstRow(.triggerBaseline, bind: { $0.bind(1, Int64(schedule)) }) {
            Instant(milliseconds: $0.integer(0))
        }
    }
}

extension StoreWriter {
    func addTriggerEvent(_ record: TriggerEventRecord) throws(StoreError) {
        try run(.addTriggerEvent, "addTriggerEvent") { $0.bind(record) }
        try run(.putLastTriggerEvent, "addTriggerEvent") { $0.bind(1, record.number) }
    }

    func markTriggerEvent(_ number: Int64, _ gone: Instant?) throws(StoreError) {
        try run(.markTriggerEvent, "markTriggerEvent") {
            $0.bind(1, gone?.milliseconds)
            $0.bind(2, number)
        }
    }

    func deleteTriggerEvent(_ number: Int64) throws(StoreError) {
        try run(.deleteTriggerEvent, "deleteTriggerEvent") { $0.bind(1, number) }
    }

    func putTriggerBaseline(_ schedule: UInt32, _ since: Instant) throws(StoreError) {
        try run(.putTriggerBaseline, "putTriggerBaseline") {
            $0.bind(1, Int64(schedule))
            $0.bind(2, since.milliseconds)
        }
    }
}

extension Statement {
    fileprivate func bind(_ record: TriggerEventRecord) {
        bind(1, record.number)
        bind(2, Int64(record.schedule))
        bind(3, record.file.account)
        bind(4, record.file.container)
        bind(5, record.file.path.shown)
        bind(6, Int64(bitPattern: record.file.version.inode))
        bind(7, record.file.version.birth)
        bind(8, record.file.version.size)
        bind(9, record.file.version.modified)
        bind(10, record.found.milliseconds)
        bind(11, record.state.rawValue)
        bind(12, record.run.map(Int64.init))
        bind(13, record.reason)
        bind(14, record.gone?.milliseconds)
    }

    fileprivate func triggerEvent() -> TriggerEventRecord? {
        guard let schedule = key(UInt32(exactly: integer(1)), 1) else { return nil }
        let version = FileVersion(
            inode: UInt64(bitPattern: integer(5)), birth: integer(6), size: integer(7), modified: integer(8))
        let file = FileEvent(
            account: text(2), container: text(3), path: BytePath(shown: text(4)), version: version)
        // A state of which nothing is known still says that the file was dealt with.
        return TriggerEventRecord(
            number: integer(0), schedule: schedule, file: file, found: instant(9),
            state: known(TriggerState(rawValue: text(10)), 10, else: .filtered),
            run: optionalInteger(11).map { UInt32(truncatingIfNeeded: $0) }, reason: optionalText(12),
            gone: optionalInstant(13))
    }
}

extension SQL {
    private static let triggerColumns = """
        number, schedule, account, container, path, inode, birth, size, modified, found, state, run, reason, gone
        """
    fileprivate static let addTriggerEvent = SQL(
        "INSERT INTO trigger_events (\(triggerColumns)) VALUES (\(marks(14)))")
    fileprivate static let putLastTriggerEvent = SQL(
        "UPDATE counters SET value = max(value, ?) WHERE name = 'last_trigger_event'")
    fileprivate static let lastTriggerEvent = SQL(
        "SELECT value FROM counters WHERE name = 'last_trigger_event'")
    fileprivate static let markTriggerEvent = SQL("UPDATE trigger_events SET gone = ? WHERE number = ?")
    fileprivate static let deleteTriggerEvent = SQL("DELETE FROM trigger_events WHERE number = ?")
    fileprivate static let triggerEvent = SQL("SELECT \(triggerColumns) FROM trigger_events WHERE number = ?")
    fileprivate static let triggerEventsOfFile = SQL(
        """
        SELECT \(triggerColumns) FROM trigger_events
        WHERE schedule = ? AND inode = ? AND birth = ? AND size = ? AND modified = ? ORDER BY number
        """)
    fileprivate static let triggerEventPage = SQL(
        """
        SELECT \(triggerColumns) FROM trigger_events
        WHERE number < ?1 AND (?2 IS NULL OR schedule = ?2) AND (?3 IS NULL OR state = ?3)
            AND (?4 IS NULL OR account = ?4) AND (?5 IS NULL OR container = ?5) AND (?6 IS NULL OR path = ?6)
        ORDER BY number DESC LIMIT ?7
        """)
    fileprivate static let triggerEventsAfter = SQL(
        "SELECT \(triggerColumns) FROM trigger_events WHERE number > ? ORDER BY number LIMIT ?")
    fileprivate static let triggerBaseline = SQL("SELECT since FROM trigger_baselines WHERE schedule = ?")
    static let deleteTriggerBaseline = SQL("DELETE FROM trigger_baselines WHERE schedule = ?")
    fileprivate static let putTriggerBaseline = SQL("INSERT OR REPLACE INTO trigger_baselines VALUES (?,?)")
}
