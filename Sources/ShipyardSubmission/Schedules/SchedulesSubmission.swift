import ShipyardModel
import ShipyardSpecs

/// Schedules that somebody wants, with everything that they run: nothing is opened for them later.
package struct SchedulesSubmission: Sendable {
    /// What schedules run that name the same files.
    package struct Bundle: Sendable {
        /// Their ids.
        package var schedules: [String]
        /// The jobs file, and the pool file where there is one.
        package var files: [Submission.File]
        package var generated: [GeneratorRun] = []
        package var packages: [SubmittedPackage] = []
        package var resources: [SubmittedPackage] = []

        package init(schedules: [String], files: [Submission.File]) {
            self.schedules = schedules
            self.files = files
        }
    }

    /// The same request is answered twice and done once; as with jobs.
    package var request: String?
    /// The schedules file with what is given along for all: credentials, config.
    package var files: [Submission.File]
    package var bundles: [Bundle]
    package var isStrict = false

    package init(request: String?, files: [Submission.File], bundles: [Bundle]) {
        self.request = request
        self.files = files
        self.bundles = bundles
    }

    /// What a schedule of this bundle runs. Files are called by their paths: a bundle is the same from wherever
    /// it was sent.
    func kept(_ bundle: Bundle) -> Submission {
        var submission = checked(bundle)
        for index in submission.files.indices { submission.files[index].name = submission.files[index].place }
        submission.options.isStrict = false
        return submission
    }

    /// The same as it is checked: messages name the files as whoever asks does.
    func checked(_ bundle: Bundle) -> Submission {
        let along = files.filter { $0.kind == .credentials || $0.kind == .config }
        var submission = Submission(from: .client(request: nil), files: along + bundle.files)
        submission.generated = bundle.generated
        submission.packages = bundle.packages
        submission.resources = bundle.resources
        submission.options.isStrict = isStrict
        return submission
    }
}

extension Submission.File {
    /// Its name below its directory, which keeps the ending.
    fileprivate var place: String {
        let last = name.lastIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name
        return directory == "/" ? "/" + last : "\(directory)/\(last)"
    }
}

/// What became of schedules that somebody wanted. Kept in the database under the identity of its submission.
package struct SubmittedSchedules: Codable, Sendable {
    package struct Schedule: Codable, Sendable {
        package var id: String
        /// `added`, `changed`, `unchanged`
        package var change: String
        package var version: Int
        /// Between this version and the one before.
        package var differences: [String]
        /// The moment at which it is due next, in UTC; nil where nothing is due by the clock.
        package var nextRunTime: String?
        /// The same by the clock of the schedule.
        package var nextRunTimeLocal: String?
        package var state: String
    }
    package var schedules: [Schedule]
    /// Schedules of this home that the file has not: they stay as they are.
    package var others: [String]
    /// As text, one for each.
    package var warnings: [String]
}
