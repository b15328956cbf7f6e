import ShipyardHTTPClient
import ShipyardModel
import ShipyardService
import Testing

@testable import ShipyardAPI

/// What a request may do by its token.
struct TokenGateTests {
    /// Answers with who has asked.
    private static var gate: TokenGate {
        var router = Router()
        let paths = [
            "/jobs", "/jobs/{job}", "/jobs/{job}/{rest...}", "/metadata", "/metadata/{rest...}",
            "/service/stop",
            "/pools", "/packages/{x}",
        ]
        for path in paths {
            for method in [HTTPMethod.get, .put, .post, .patch, .delete] {
                router.on(method, path) { request in
                    HTTPReply(status: 200, body: .bytes(Array((request.caller?.job.text ?? "user").utf8)))
                }
            }
        }
        return TokenGate(router) { token throws(Refusal) in
            switch token {
            case "good":
                .valid(
                    TaskCaller(
                        work: WorkID(TaskKey(job: 1, ordinal: 0), attempt: 1), jobNumber: 1, job: JobID("j")!)
                )
            case "old": .over
            case "full": throw Refusal(.unavailable, code: "StoreFailed", "no state")
            default: .unknown
            }
        }
    }

    private func ask(_ method: HTTPMethod, _ target: String, _ headers: String...) throws -> (Int, String) {
        let headers = headers.map { HTTPHeader("authorization", $0) }
        let reply = Self.gate.reply(to: try #require(HTTPRequest(method, target: target, headers: headers)))
        guard case .bytes(let bytes) = reply.body else { return (reply.status, "") }
        return (reply.status, String(decoding: bytes, as: UTF8.self))
    }

    @Test func withoutATokenItIsTheUser() throws {
        for target in ["/jobs", "/metadata/c/x", "/pools"] {
            #expect(try ask(.get, target) == (200, "user"))
            #expect(try ask(.delete, target) == (200, "user"))
        }
    }

    @Test func aTaskMayWorkWithDocumentsAndReadItsJob() throws {
        let allowed: [(HTTPMethod, String)] = [
            (.get, "/metadata"), (.put, "/metadata/c/x"), (.patch, "/metadata/c/x"),
            (.delete, "/metadata/c/x"),
            (.get, "/jobs/j"), (.get, "/jobs/%6a"), (.get, "/jobs/j/tasks/t"), (.head, "/jobs/j/tasks"),
        ]
        for (method, target) in allowed {
            #expect(try ask(method, target, "Bearer good") == (200, "j"), "\(target)")
        }
        let refused: [(HTTPMethod, String)] = [
            (.get, "/jobs"), (.get, "/jobs/other"), (.get, "/jobs/J"), (.get, "/jobs/j%2Fx"),
            (.get, "/jobs/jj"),
            (.post, "/jobs/j/terminate"), (.delete, "/jobs/j"), (.put, "/jobs/j"), (.patch, "/jobs/j"),
            (.post, "/jobs"), (.post, "/service/stop"), (.get, "/pools"), (.put, "/packages/x"),
            (.get, "/none"),
            (.get, "/"), (.get, "/jobs/../pools"), (.get, "/metadataX"), (.get, "/Metadata"),
        ]
        for (method, target) in refused {
            #expect(try ask(method, target, "bearer  good").0 == 403, "\(method) \(target)")
        }
    }

    /// Who shows a token that is none is not taken for the user.
    @Test func aTokenThatIsNoneOpensNothing() throws {
        let wrong = [
            "", "Bearer", "Bearer ", "Bearer none", "good", "Basic good", "Bearer good x", "Bearer good,",
            "Bearergood",
        ]
        for header in wrong { #expect(try ask(.get, "/metadata", header).0 == 401, "\(header)") }
        #expect(try ask(.get, "/metadata", "Bearer good", "Bearer good").0 == 401)
        #expect(try ask(.get, "/metadata", "Bearer none", "Bearer good").0 == 401)
        let old = try ask(.get, "/metadata", "Bearer old")
        #expect(old.0 == 403 && old.1.contains("TokenExpired") && !old.1.contains("old"))
        #expect(try ask(.get, "/metadata", "Bearer full").0 == 503)
        #expect(!(try ask(.get, "/metadata", "Bearer s3cret").1.contains("s3cret")))
    }
}
