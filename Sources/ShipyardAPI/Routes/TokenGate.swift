import ShipyardHTTPClient
import ShipyardModel
import ShipyardService

/// Stands before the routes: a request with a token is a task's, and may do what its job may. One without is the user's, who
/// is known by the socket.
struct TokenGate: Sendable {
    private let router: Router
    private let judge: @Sendable (String) throws(Refusal) -> TokenVerdict

    init(_ router: Router, _ loop: ServiceLoop) {
        self.init(router) { token throws(Refusal) in
            try loop.perform(isPromise: false) { core, now in core.verdict(on: token, at: now) }
        }
    }

    init(_ router: Router, judge: @escaping @Sendable (String) throws(Refusal) -> TokenVerdict) {
        self.router = router
        self.judge = judge
    }

    func reply(to request: HTTPRequest) -> HTTPReply {
        let given = request.headers.filter { $0.name.lowercased() == "authorization" }
        guard let first = given.first else { return router.reply(to: request) }
        guard given.count == 1, let token = Self.token(in: first.value) else {
            return Self.unknown("the header `Authorization` is not `Bearer TOKEN`")
        }
        do throws(Refusal) {
            switch try judge(token) {
            case .unknown: return Self.unknown("the token is none of this home's")
            case .over:
                return .error(403, "TokenExpired", "the token is of an attempt that has ended")
            case .valid(let caller):
                guard Self.mayDo(request, caller) else { return Self.notAllowed(request, caller) }
                var request = request
                request.caller = caller
                return router.reply(to: request)
            }
        } catch {
            return APIFailure(error).reply
        }
    }

    /// Also where a token should stand and none does: such a request is not the user's.
    private static func token(in header: String) -> String? {
        let parts = header.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    /// All documents, and what is to be read of its own job.
    private static func mayDo(_ request: HTTPRequest, _ caller: TaskCaller) -> Bool {
        switch request.segments.first {
        case BytePath("metadata"): return true
        case BytePath("jobs"):
            return (request.method == .get || request.method == .head) && request.segments.count > 1
                && request.segments[1] == BytePath(caller.job.text)
        default: return false
        }
    }

    private static func unknown(_ message: String) -> HTTPReply {
        var reply = HTTPReply.error(401, "InvalidToken", message)
        reply.headers.append(HTTPHeader("WWW-Authenticate", "Bearer"))
        return reply
    }

    private static func notAllowed(_ request: HTTPRequest, _ caller: TaskCaller) -> HTTPReply {
        .error(
            403, "AuthorizationPermissionMismatch",
            "a task of job `\(caller.job)` may work with /metadata and read /jobs/\(caller.job), and not "
                + "\(request.method.rawValue) \(request.path)")
    }
}
