/// Tasks of a job that a user wants to run again.
package struct RerunRequest: Sendable, Hashable {
    package enum Selection: Sendable, Hashable {
        /// Those that failed, and all that come after them.
        case failed
        case all
        /// Just these, by their ids.
        case tasks([String])
        /// These and all that come after them.
        case from([String])
    }

    package var job: String
    /// Refuses another job that has the id by now.
    package var number: UInt32?
    package var selection: Selection
    /// The same request sent again under it is answered as it was, and changes nothing.
    package var identity: String?

    package init(job: String, number: UInt32? = nil, _ selection: Selection, identity: String? = nil) {
        self.job = job
        self.number = number
        self.selection = selection
        self.identity = identity
    }
}

/// What came of it.
package struct RerunAnswer: Sendable, Hashable, Codable {
    package var job: String
    package var number: UInt32
    package var pool: String
    /// How many had ended and run again.
    package var tasks: Int
    /// How many of those that were asked for have yet to run anyway.
    package var waiting: Int
    /// How many others go on because the job, which had ended, does.
    package var others: Int
    /// The job had ended.
    package var wasReopened: Bool
    /// Its pool was gone.
    package var poolWasMade: Bool
    /// The job's state now.
    package var state: String

    package init(
        job: String, number: UInt32, pool: String, tasks: Int = 0, waiting: Int = 0, others: Int = 0,
        wasReopened: Bool = false, poolWasMade: Bool = false, state: String
    ) {
        self.job = job
        self.number = number
        self.pool = pool
        self.tasks = tasks
        self.waiting = waiting
        self.others = others
        self.wasReopened = wasReopened
        self.poolWasMade = poolWasMade
        self.state = state
    }
}
