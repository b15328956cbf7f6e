import ShipyardDiagnostics
import ShipyardModel
import ShipyardService
import ShipyardStore
import ShipyardSubmission

/// Why a request is not answered with what it asked for.
struct APIFailure: Error {
    var status: Int
    var response: ErrorResponse

    init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        response = ErrorResponse(code: code, message: message)
    }

    init(_ refusal: Refusal) {
        let status =
            switch refusal.kind {
            case .notFound: 404
            case .conflict: 409
            case .invalid: 400
            case .unavailable: 503
            }
        self.init(status, refusal.code, refusal.message)
    }

    init(_ error: StoreError) { self.init(Refusal(error)) }

    init(_ error: SubmissionError) {
        switch error {
        case .specs(let diagnostics):
            self.init(422, "SpecRefused", "the spec has errors; nothing was submitted")
            response.diagnosticsText = TextRenderer().render(diagnostics)
            response.diagnosticsJSON = JSONRenderer.render(diagnostics)
        case .refused(let refusal): self.init(refusal)
        // Heard by nobody where the client has gone, and by one whose service is about to exit.
        case .abandoned:
            self.init(503, "PlanningStopped", "planning was stopped, so nothing was added; try again")
        case .broken(let message): self.init(500, "InternalError", message)
        }
    }

    var reply: HTTPReply { .json(response, status: status) }
}
