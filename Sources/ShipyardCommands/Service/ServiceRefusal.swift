import ShipyardAPI
import ShipyardModel

/// Turns the service's error answers into what the user is told.
enum ServiceRefusal {
    static func failure(status: Int, body: [UInt8]) -> CommandFailure {
        guard let error = try? JSONCoding.decode(ErrorResponse.self, from: body) else {
            let text = String(decoding: body.prefix(200), as: UTF8.self)
            return CommandFailure(.internalError, "the service answered \(status): \(text)")
        }
        let code = exitCode(status: status)
        if let diagnostics = error.diagnosticsText {
            // Rendered diagnostics come with their own frame; `error:` once more would only repeat it.
            let separator = diagnostics.hasSuffix("\n") ? "" : "\n"
            return CommandFailure(code, error.message, help: nil).preceded(by: diagnostics + separator)
        }
        var failure = CommandFailure(ofSpec.contains(error.code) ? .specRefused : code, error.message)
        failure.serviceCode = error.code
        return failure
    }

    /// The word for programs; nil when the answer is none of the service's errors.
    static func code(of body: [UInt8]) -> String? {
        (try? JSONCoding.decode(ErrorResponse.self, from: body))?.code
    }

    /// Refusals of what stands in the specs, found when they meet what the service knows.
    private static let ofSpec: Set = [
        "JobHasRecurrence", "MultiInstanceNotSupported", "InvalidPoolId", "StorageAliasUnknown", "ConnectionUnknown",
        "GeneratorOfRun", "InvalidTarget",
    ]

    private static func exitCode(status: Int) -> ExitCode {
        switch status {
        case 400, 413: .usage
        case 422: .specRefused
        case 503: .serviceUnreachable
        case 500...: .internalError
        // Not found, in conflict: what was asked for did not happen.
        default: .failed
        }
    }
}
