import ShipyardDiagnostics
import ShipyardModel
import ShipyardService
import ShipyardStore

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

    /// Heard by nobody where the client has gone, and by one whose service is about to exit.
    static var planningStopped: APIFailure {
        APIFailure(503, "PlanningStopped", "planning was stopped, so nothing was added; try again")
    }

    init(refused diagnostics: Diagnostics) {
        self.init(422, "SpecRefused", "the spec has errors; nothing was submitted")
        response.diagnosticsText = TextRenderer().render(diagnostics)
        response.diagnosticsJSON = JSONRenderer.render(diagnostics)
    }

    var reply: HTTPReply { .json(response, status: status) }
}
