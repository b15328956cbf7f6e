import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import ShipyardStaging

/// What somebody wants made: the texts of spec files with all that they lead to, so that nothing else is opened
/// on the word of who asks, and the value may wait in a file until a later day.
package struct Submission: Codable, Sendable {
    package struct File: Sendable {
        package var kind: SpecKind
        /// As whoever asks calls it, for messages. Its ending says how it is read.
        package var name: String
        /// Absolute: where relative paths in it start.
        package var directory: String
        /// Whatever is in it: users write keys into every kind of file.
        package var text: Secret

        package init(kind: SpecKind, name: String, directory: String, text: String) {
            self.kind = kind
            self.name = name
            self.directory = directory
            self.text = Secret(text)
        }

        /// Absolute path of the file.
        package var path: String {
            // Credentials that are no file.
            if kind == .credentials, CredentialsSpec.secret(ofPath: name) != nil { return name }
            let last = name.split(separator: "/").last.map(String.init) ?? name
            return directory == "/" ? "/\(last)" : "\(directory)/\(last)"
        }
    }

    package struct Options: Codable, Sendable {
        /// Completed jobs, and a pool, of the same id go first.
        package var recreates = false
        /// Refused where a job of one of its ids is there already, in whatever state.
        package var mustBeNew = false
        /// Every warning refuses the submission as an error does.
        package var isStrict = false
        /// `ALIAS/CONTAINER/PATH`: where all files of each task go besides, below directories of job and task.
        package var output: String?
        /// Pools that its jobs make for themselves stay for a moment when these have ended, for who follows them.
        package var holdsPools: Bool?
        package init() {}
    }

    package var requester: Requester
    package var files: [File]
    /// What the references of the jobs file stand for.
    package var context = RunContext()
    /// What the generators of the jobs file gave where they ran.
    package var generated: [GeneratorRun] = []
    /// The application packages of the pool file.
    package var packages: [SubmittedPackage] = []
    /// Resource files of this machine that are kept with it, by their absolute paths.
    package var resources: [SubmittedPackage] = []
    package var options = Options()
    /// The run of a schedule that this is.
    package var run: SubmittedRun?
    /// What was once found out about the world, where that is to stay.
    package var frozen: FrozenWorld?

    package init(from requester: Requester, files: [File]) {
        self.requester = requester
        self.files = files
    }

    /// Under which the answer is kept; nil where nothing is. The parameters that a client gives belong to what it asks
    /// for; a run of a schedule or a trigger is one and the same whatever it gets.
    func identity(of kind: String) throws(SubmissionError) -> String? {
        guard let identity = try requester.identity(of: kind) else { return nil }
        guard case .client = requester, !context.parameters.isEmpty else { return identity }
        let text = context.parameters.sorted { $0.key < $1.key }.map { "\($0.key)\0\($0.value)\0" }.joined()
        return identity + "/" + SHA256.hexDigest(of: Array(text.utf8)).prefix(16)
    }

    func contains(_ kind: SpecKind) -> Bool { files.contains { $0.kind == kind } }

    /// Where relative paths of the files of a kind start.
    func directory(of kind: SpecKind) -> String { files.last { $0.kind == kind }?.directory ?? "/" }
}

/// What may wait in a file: the texts, but of credentials what names accounts and no more. Keys are read where they are
/// used, each time; they are not laid down.
extension Submission.File: Codable {
    private enum CodingKeys: String, CodingKey { case kind, name, directory, text }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            kind: try fields.decode(SpecKind.self, forKey: .kind),
            name: try fields.decode(String.self, forKey: .name),
            directory: try fields.decode(String.self, forKey: .directory),
            text: try fields.decode(String.self, forKey: .text))
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(kind, forKey: .kind)
        try fields.encode(name, forKey: .name)
        try fields.encode(directory, forKey: .directory)
        try fields.encode(storedText, forKey: .text)
    }

    var storedText: String {
        guard kind == .credentials else {
            return text.withExposedBytes { String(decoding: $0, as: UTF8.self) }
        }
        let source = SourceText(name: name, bytes: text.withExposedBytes { Array($0) })
        return SpecLoader.load([SpecSource(kind, source)]).specs.credentials.withoutSecrets
    }
}

/// Who asks for a submission. What is made depends on its files and options alone; who asks decides what counts
/// as the same request, which is answered twice and done once.
package enum Requester: Codable, Sendable, Hashable {
    /// `request` is 1 to 64 characters of an id, made at random; without one no two requests are the same.
    case client(request: String?)
    /// Each attempt at a run is made once, whatever dies meanwhile.
    case schedule(RunKey, attempt: Int)

    /// Under which the answer is kept; nil where nothing is. No two requesters can have the same.
    func identity(of kind: String) throws(SubmissionError) -> String? {
        switch self {
        case .client(nil): return nil
        case .client(let request?):
            guard isID(request) else { throw .invalidIdentity }
            // A pool and jobs of one client may carry the same.
            return "\(kind)/\(request)"
        case .schedule(let run, let attempt):
            return "\(kind)/schedule/\(run.schedule)/\(run.number)/\(attempt)"
        }
    }
}

/// One attempt at a run of a schedule.
package struct SubmittedRun: Codable, Sendable {
    package var key: RunKey
    package var attempt: Int
    package var schedule: ScheduleID
    /// The schedule is that of a job with a `recurrence`.
    package var isRecurrence: Bool
    /// Only this job of the jobs file.
    package var jobID: String?
    /// The pool that the schedule names.
    package var poolID: String?

    package init(
        _ key: RunKey, attempt: Int, of schedule: ScheduleID, isRecurrence: Bool, jobID: String? = nil,
        poolID: String? = nil
    ) {
        self.key = key
        self.attempt = attempt
        self.schedule = schedule
        self.isRecurrence = isRecurrence
        self.jobID = jobID
        self.poolID = poolID
    }

    /// What the job of the file is called in this run.
    func id(of job: JobID) -> JobID {
        JobID(isRecurrence ? "job" : job.text, run: key.number, attempt: attempt, of: schedule)
    }
}

/// The jobs that were made, or had tasks added. Kept in the database under the identity of its submission.
package struct SubmittedJobs: Codable, Sendable {
    package struct Job: Codable, Sendable {
        package var id: String
        package var poolId: String
        package var tasksAdded: Int
        package var isNew: Bool
        /// Tells this job from every other that has had its id, or will.
        package var number: UInt32
    }
    package var jobs: [Job]
    /// The schedules of jobs with a `recurrence`.
    package var schedules: [String]? = nil
    /// As text, one for each, since the answer outlives the specs that they point into.
    package var warnings: [String]
}
