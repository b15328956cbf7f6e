import ShipyardModel
import Testing

/// The ends of attempts: one form to keep, and the words of Azure Batch.
struct OutcomeTests {
    private static let killHint = " If nobody did that, the machine may have run out of memory."

    /// What users and scripts have seen since the first version, to the letter.
    private static let told: [(outcome: Outcome, exitCode: Int32?, words: FailureInfo?)] = [
        (.exited(0), 0, nil),
        (.exited(3), 3, user("FailureExitCode", "The command ended with exit code 3.")),
        (
            .signalled(9), 137,
            user("FailureExitCode", "The command was ended by signal 9 (SIGKILL)." + killHint)
        ),
        (.signalled(15), 143, user("FailureExitCode", "The command was ended by signal 15 (SIGTERM).")),
        (.signalled(40), 168, user("FailureExitCode", "The command was ended by signal 40.")),
        (.endedByUser, nil, user("TaskEnded", "Task Was Ended by User Request")),
        (
            .overWallTime(.seconds(90)), nil,
            user("TaskEnded", "The task ran longer than its max_wall_time of 90 s and was ended.")
        ),
        (
            .overWallTime(TimeSpan(milliseconds: 1_050)), nil,
            user("TaskEnded", "The task ran longer than its max_wall_time of 1.050 s and was ended.")
        ),
        (.notStarted(.programNotFound, "m"), nil, user("CommandProgramNotFound", "m")),
        (.notStarted(.launchFailed, "m"), nil, user("CommandLaunchFailed", "m")),
        (.notStarted(.directoryNotMade, "m"), nil, server("ResourceDirectoryCreateFailed", "m")),
        (.notStarted(.fileNotMade, "m"), nil, server("ResourceFileCreateFailed", "m")),
        (.notStarted(.diskFull, "m"), nil, server("DiskFull", "m")),
        (.notStarted(.nodeCannotStartWork, "m"), nil, server("NodeCannotStartWork", "m")),
        (.notStarted(.rowMissing, "m"), nil, server("TaskRowMissing", "m")),
        (.stagingFailed(.blobNotFound, "m"), nil, user("BlobNotFound", "m")),
        (.stagingFailed(.diskFull, "m"), nil, user("DiskFull", "m")),
        (.stagingFailed(.resourceFileCreateFailed, "m"), nil, user("ResourceFileCreateFailed", "m")),
        (.stagingFailed(.unknown, "m"), nil, server("Unknown", "m")),
        (.outputRefused(.tooLarge, "m"), 0, user("TaskOutputTooLarge", "m")),
        (.notStarted(.outputMissing, "m"), nil, user("TaskOutputNotFound", "m")),
        (.nodeLost(.died, "m"), nil, server("NodeLost", "m")),
        (.nodeLost(.left, "m"), nil, server("NodeRemoved", "m")),
        (.nodeLost(.diedOfPreparation, "m"), nil, server("PreparationLosesNodes", "m")),
        (.unreadable("m"), nil, server("RowUnreadable", "m")),
    ]

    private static func user(_ code: String, _ message: String) -> FailureInfo {
        FailureInfo(category: .userError, code: code, message: message)
    }
    private static func server(_ code: String, _ message: String) -> FailureInfo {
        FailureInfo(category: .serverError, code: code, message: message)
    }

    @Test func outcomesAreToldInAzureBatchsWords() {
        for (outcome, exitCode, words) in Self.told {
            #expect(outcome.exitCode == exitCode)
            #expect(outcome.failure == words)
            #expect(outcome.isSuccess == (words == nil))
        }
    }

    /// Rows and journals of versions that kept words instead.
    @Test func wordsAreReadBack() {
        for case (let outcome, nil, let words?) in Self.told { #expect(Outcome(words: words) == outcome) }
        for fault in StagingFault.allCases {
            let outcome = Outcome.stagingFailed(fault, "m")
            #expect(outcome.failure.map(Outcome.init) == outcome)
        }
        #expect(Outcome(words: Self.user("Odd", "m")) == .unreadable("m"))
        // A limit that nobody can read: it was ended all the same.
        for text in ["", "x", "1.x", "1.2.3"] {
            let message = "The task ran longer than its max_wall_time of \(text) s and was ended."
            #expect(Outcome(words: Self.user("TaskEnded", message)) == .endedByUser)
        }
    }

    @Test func partsMakeTheSameOutcomeAgain() {
        let all =
            Self.told.map(\.outcome) + [.outOfMemory, .skipped]
            + StartFault.allCases.map { .notStarted($0, "a") }
            + StagingFault.allCases.flatMap { [.stagingFailed($0, ""), .inputFailed($0, "")] }
            + UploadFault.allCases.map { .uploadFailed($0, "u") }
            + OutputFault.allCases.map { .outputRefused($0, "o") }
            + NodeLoss.allCases.map { .nodeLost($0, "ö") }
        for outcome in all { #expect(Outcome(outcome.parts) == outcome) }
        #expect(Set(all.map(\.parts)).count == Set(all).count)
    }

    /// Tags and numbers are in databases and journals: none may change.
    @Test func storedFormsStay() {
        let forms: [(Outcome, UInt8, Int64)] = [
            (.exited(7), 1, 7), (.signalled(9), 2, 9), (.notStarted(.rowMissing, ""), 3, 7),
            (.stagingFailed(.unknown, ""), 4, 11), (.nodeLost(.diedOfPreparation, ""), 5, 3),
            (.endedByUser, 6, 0), (.overWallTime(TimeSpan(milliseconds: 5)), 7, 5), (.outOfMemory, 8, 0),
            (.skipped, 9, 0), (.unreadable(""), 10, 0), (.inputFailed(.diskFull, ""), 11, 9),
            (.uploadFailed(.insufficientSpace, ""), 12, 5), (.outputRefused(.notReadable, ""), 13, 4),
        ]
        for (outcome, tag, number) in forms {
            #expect((outcome.parts.tag, outcome.parts.number) == (tag, number))
        }
        #expect(StartFault.allCases.map(\.rawValue) == Array(1...10))
        #expect(OutputFault.allCases.map(\.rawValue) == Array(1...4))
        #expect(UploadFault.allCases.map(\.rawValue) == Array(1...5))
        #expect(StagingFault.allCases.map(\.rawValue) == Array(1...11))
        #expect(NodeLoss.allCases.map(\.rawValue) == Array(1...3))
    }

    @Test func partsOfNothingAreRefused() {
        for parts in [
            Outcome.Parts(tag: 0), .init(tag: 11), .init(tag: 12), .init(tag: 13), .init(tag: 255),
            .init(tag: 3),
            .init(tag: 3, number: 11), .init(tag: 12, number: 6), .init(tag: 13, number: 5), .init(tag: 14),
            .init(tag: 4, number: 12), .init(tag: 5, number: 257), .init(tag: 5, number: -1),
        ] {
            #expect(Outcome(parts) == nil)
        }
    }
}
