import ShipyardModel
import ShipyardSubmission

// Schedules in the API. Field names are those of Azure Batch's job schedules where it has the thing.

/// What `POST /schedules` takes: the schedules file with all that its schedules run, read by the client.
package struct SchedulesRequest: Codable, Sendable {
    /// What schedules run that name the same files.
    package struct Bundle: Codable, Sendable {
        /// The ids of the schedules.
        package var schedules: [String]
        /// Their jobs file, and their pool file.
        package var files: [SubmissionRequest.File]
        package var generated: [GeneratorRun]?
        package var packages: [SubmittedPackage]?
        package var resources: [SubmittedPackage]?

        package init(schedules: [String], files: [SubmissionRequest.File]) {
            self.schedules = schedules
            self.files = files
        }
    }
    /// The schedules file, and perhaps credentials and config.
    package var files: [SubmissionRequest.File]
    /// Where relative paths start that no file gives a place.
    package var workingDirectory: String
    package var bundles: [Bundle]
    package var isStrict: Bool?
    package var submissionId: String?
    /// As `SubmissionRequest.variables`.
    package var variables: [String: String]?

    package init(files: [SubmissionRequest.File], workingDirectory: String, bundles: [Bundle]) {
        self.files = files
        self.workingDirectory = workingDirectory
        self.bundles = bundles
    }
}

package struct ScheduleResponse: Codable, Sendable {
    package struct Key: Codable, Sendable {
        package var name: String
        package var value: String
    }
    package struct ExecutionInfo: Codable, Sendable {
        package struct RecentJob: Codable, Sendable { package var id: String }
        package var nextRunTime: String?
        package var recentJob: RecentJob?
        package var endTime: String?
    }

    package var id: String
    package var state: String
    /// Made of the `recurrence` of a job.
    package var isRecurrence: Bool
    package var version: Int
    package var creationTime: String
    package var stateTransitionTime: String
    package var timezone: String
    /// By the clock of the schedule; `executionInfo` has it in UTC.
    package var nextRunTimeLocal: String?
    package var executionInfo: ExecutionInfo
    package var activeRuns: [UInt32]
    package var queuedRuns: Int
    /// How many runs in a row could not be started, and why the latest could not.
    package var failedStarts: Int
    package var failedStartReason: String?
    /// The latest run that is over.
    package var lastRun: RunResponse?
    /// Why nothing can be done with it but to delete it, or to add it again.
    package var problem: String?
    /// The keys of the schedules file; only in the answer for one schedule.
    package var keys: [Key]?
}

extension ScheduleResponse {
    /// So many in a row are no accident.
    package static let failedStartsToTell = 3
}

package struct RunResponse: Codable, Sendable {
    package struct Job: Codable, Sendable {
        package var id: String
        package var number: UInt32
        package var attempt: Int
        /// Nil where it was deleted.
        package var state: String?
    }

    package var number: UInt32
    /// The logical time, in UTC and by the clock of the schedule.
    package var dueTime: String
    package var dueTimeLocal: String?
    /// Of several that were missed together the latest.
    package var dueUntilTime: String?
    /// `clock`, `after`, `trigger`, `user`, `backfill`
    package var cause: String
    package var state: String
    package var beginTime: String
    package var startTime: String?
    package var startTimeLocal: String?
    /// From the due time to the start.
    package var delayMilliseconds: Int64?
    package var endTime: String?
    package var attempt: Int
    package var version: Int
    /// A word for programs, and a sentence for people.
    package var skipReason: String?
    package var reason: String?
    package var parameters: [String: String]?
    package var jobs: [Job]
}

/// The body of `POST /schedules/{id}/run`.
package struct RunRequestBody: Codable, Sendable {
    package var parameters: [String: String]?
    /// The same request sent again under it is answered with the run that the first has made.
    package var submissionId: String?

    package init(parameters: [String: String]?, submissionId: String?) {
        self.parameters = parameters
        self.submissionId = submissionId
    }
}

/// The body of `POST /schedules/{id}/backfill`.
package struct BackfillRequest: Codable, Sendable {
    package var from: String
    package var to: String
    package var parallel: Int?
    package var dryRun: Bool?

    package init(from: String, to: String, parallel: Int?, dryRun: Bool) {
        self.from = from
        self.to = to
        self.parallel = parallel
        self.dryRun = dryRun
    }
}

package struct BackfillResponse: Codable, Sendable {
    /// The logical times of the runs, by the clock of the schedule.
    package var times: [String]
    package var isDryRun: Bool
}
