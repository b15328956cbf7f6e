/// One event of the ledger.
package struct TriggerEventResponse: Codable, Sendable {
    package var id: Int64
    /// Left out where the schedule is gone.
    package var scheduleId: String?
    package var account: String
    package var container: String
    /// Within the container; bytes that are no UTF-8 are `\xHH`, and a backslash is two.
    package var path: String
    package var size: Int64
    package var lastModified: String
    /// When the event was recorded.
    package var time: String
    /// `started`, `filtered`, `duplicate`, `overlap`, `disabled` or `existing`.
    package var state: String
    /// The number of its run in its schedule.
    package var run: Int?
    package var reason: String?
    /// Since when the file is known to be gone, or written anew.
    package var goneTime: String?
}

/// A page of the ledger.
package struct TriggerPageResponse: Codable, Sendable {
    package var value: [TriggerEventResponse]
    /// Where the next page starts; absent on the last one.
    package var next: Int?
    /// Containers of other stores whose files cannot be seen now; absent where there are none.
    package var troubles: [TriggerTroubleResponse]?
}

package struct TriggerTroubleResponse: Codable, Sendable {
    package var account: String
    package var container: String
    package var reason: String
    package var since: String
    /// When it is tried again.
    package var nextTime: String
}

/// The body of `POST /triggers/{event}/replay`.
package struct TriggerReplayRequest: Codable, Sendable {
    /// Given twice it makes one run.
    package var submissionId: String?

    package init(submissionId: String? = nil) { self.submissionId = submissionId }
}

package struct TriggerReplayResponse: Codable, Sendable {
    package var scheduleId: String
    package var run: Int
}

/// What schedules make of one file.
package struct TriggerExplanationResponse: Codable, Sendable {
    package var account: String
    package var container: String
    package var path: String
    package var schedules: [Schedule]

    package struct Schedule: Codable, Sendable {
        package var scheduleId: String
        package var scheduleState: String
        /// Left out where nobody knows which account the alias of the schedule means.
        package var account: String?
        package var container: String
        package var pathBeginsWith: String
        package var pathEndsWith: String
        package var matchesContainer: Bool
        package var matchesBegin: Bool
        package var matchesEnd: Bool
        /// A sentence: what came of the file, or what it waits for.
        package var verdict: String
        /// Of this path, the newest first.
        package var events: [TriggerEventResponse]
    }
}
