import ShipyardModel
import ShipyardSpecs

/// What the planner must know of the world. It opens nothing itself, so that planning is a function of its
/// inputs: tests hand in values, the command line and the service hand in files, Python and the database.
package protocol PlannerWorld {
    /// Whether tasks would be added to a job that is there already.
    func jobExists(_ job: JobID) throws(PlannerWorldError) -> Bool
    func hasTask(_ id: String, in job: JobID) throws(PlannerWorldError) -> Bool
    /// The ids of a job's tasks that begin with `prefix`, in any order; none where the job does not exist.
    func forEachTaskID(
        in job: JobID, prefix: String, _ body: (String) -> Void
    ) throws(PlannerWorldError)
    /// The names below a container, relative to it. `body` answers false to stop.
    ///
    /// Blobs: every name that begins with the text `prefix`, in byte order. File shares: the files below the
    /// directory `prefix`, those of a directory first, then its subdirectories.
    func forEachFile(in listing: FileListing, _ body: (String) -> Bool) throws(PlannerWorldError)
    /// The tuples that a `custom` factory's generator yields. Called twice for each factory, on the same
    /// loaded module, as Batch Shipyard does. `body` answers false to stop.
    func forEachRow(
        of generator: CustomFactorySpec, in call: GeneratorCall, _ body: ([PythonValue]) -> Bool
    ) throws(PlannerWorldError)
    /// Fresh randomness for a generator that no seed was given for; at least one word.
    func entropy() -> [UInt32]
    /// Whether planning shall end as soon as it can, because nobody waits for the plan any more. Asked some
    /// thousand times a second.
    var isStopped: Bool { get }
}

extension PlannerWorld {
    /// Who plans for itself ends with its process.
    package var isStopped: Bool { false }
}

/// Which names a `file` factory asks for.
package struct FileListing: Hashable, Sendable {
    package var account: StorageAccount
    package var container: String
    /// Empty where the remote path is a container alone.
    package var prefix: String
    package var isFileShare: Bool

    package init(account: StorageAccount, container: String, prefix: String = "", isFileShare: Bool = false) {
        self.account = account
        self.container = container
        self.prefix = prefix
        self.isFileShare = isFileShare
    }
}

/// Why the world has no answer: a fact in lower case without a full stop, and what to do about it.
package struct PlannerWorldError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        case fact
        /// It may be another answer in a moment, with nothing changed by anybody.
        case passing
        /// Whoever asks may not know.
        case denied
    }

    package var message: String
    package var help: String?
    package var kind: Kind

    package init(_ message: String, help: String? = nil, kind: Kind = .fact) {
        self.message = message
        self.help = help
        self.kind = kind
    }

    package var description: String { message }

    /// Never shown: whoever stopped the planner does not ask why.
    package static let planningStopped = PlannerWorldError("planning was stopped")
}
