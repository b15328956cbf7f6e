import ShipyardDiagnostics
import ShipyardService
import ShipyardSubmission
import Testing

@testable import ShipyardAPI

/// Errors of the domain become statuses here and nowhere else.
@Suite struct SubmissionStatusTests {
    @Test func everyErrorHasItsStatus() {
        func status(_ error: SubmissionError) -> String {
            let failure = APIFailure(error)
            return "\(failure.status) \(failure.response.code)"
        }
        func refused(_ kind: Refusal.Kind) -> SubmissionError {
            .refused(Refusal(kind, code: "Why", "because"))
        }
        #expect(status(.specs(Diagnostics())) == "422 SpecRefused")
        #expect(status(refused(.invalid)) == "400 Why")
        #expect(status(refused(.notFound)) == "404 Why")
        #expect(status(refused(.conflict)) == "409 Why")
        #expect(status(refused(.unavailable)) == "503 Why")
        #expect(status(.abandoned) == "503 PlanningStopped")
        #expect(status(.broken("odd")) == "500 InternalError")
    }
}
