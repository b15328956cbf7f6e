import ShipyardDiagnostics
import ShipyardModel
import ShipyardService
import ShipyardStore

/// Why a submission came to nothing. It is taken whole or not at all.
package enum SubmissionError: Error, Sendable {
    /// The specs have errors.
    case specs(Diagnostics)
    /// The specs are good, and something else is in the way.
    case refused(Refusal)
    /// Nobody waits for the answer any more, or the service is about to end.
    case abandoned
    /// What cannot be did happen.
    case broken(String)

    static func refused(_ kind: Refusal.Kind, _ code: String, _ message: String) -> SubmissionError {
        .refused(Refusal(kind, code: code, message))
    }

    static var invalidIdentity: SubmissionError {
        .refused(
            .invalid, "InvalidSubmissionId",
            "`submissionId` is 1 to 64 letters, digits, hyphens and underscores")
    }

    /// The code of the refusal, where it is one.
    var code: String? { if case .refused(let refusal) = self { refusal.code } else { nil } }
}
