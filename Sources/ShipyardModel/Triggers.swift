/// Which writing of which file: it differs for every file that was ever made on one file system, and changes when a file
/// is written to or its time is set. Its name, owner, mode and links are no part of it (docs/adr/0033).
package struct FileVersion: Hashable, Sendable {
    package var inode: UInt64
    /// Nanoseconds since 1970 at which the inode was made, as inodes are used again; 0 where the file system keeps none.
    package var birth: Int64
    package var size: Int64
    /// Nanoseconds since 1970; of times that do not fit, the lower bits.
    package var modified: Int64

    package init(inode: UInt64, birth: Int64, size: Int64, modified: Int64) {
        self.inode = inode
        self.birth = birth
        self.size = size
        self.modified = modified
    }
}

/// A file that has come into a container of the embedded store, or was written anew.
package struct FileEvent: Hashable, Sendable {
    /// The storage account's name, which is its directory's.
    package var account: String
    package var container: String
    /// Within the container.
    package var path: BytePath
    package var version: FileVersion

    package init(account: String, container: String, path: BytePath, version: FileVersion) {
        self.account = account
        self.container = container
        self.path = path
        self.version = version
    }

    /// Nil where it is no UTF-8: then it cannot be the value of a parameter.
    package var pathText: String? { String(validating: path.bytes, as: UTF8.self) }
}

/// What came of an event for one schedule.
package enum TriggerState: String, Sendable, CaseIterable {
    /// It has a run.
    case started
    /// The file can start nothing, as the reason says. Paths that do not match leave no row at all.
    case filtered
    /// The very file, under another name, is an event already.
    case duplicate
    /// The schedule's rule for overlapping runs has left it out.
    case overlap
    /// The schedule was disabled, or past its end.
    case disabled
    /// It was there before the trigger was.
    case existing
}

/// A row of the ledger: one event and one schedule.
package struct TriggerEventRecord: Hashable, Sendable {
    /// Never given twice.
    package var number: Int64
    package var schedule: UInt32
    package var file: FileEvent
    package var found: Instant
    package var state: TriggerState
    /// The run in its schedule, where there is one.
    package var run: UInt32?
    /// For people; nil where the state says it all.
    package var reason: String?
    /// Since when the file is known to be gone, or to have been written anew. Set by whoever looks, long after.
    package var gone: Instant?

    package init(
        number: Int64, schedule: UInt32, file: FileEvent, found: Instant, state: TriggerState,
        run: UInt32? = nil, reason: String? = nil, gone: Instant? = nil
    ) {
        self.number = number
        self.schedule = schedule
        self.file = file
        self.found = found
        self.state = state
        self.run = run
        self.reason = reason
        self.gone = gone
    }
}
