import Foundation
import ShipyardHTTPClient
import ShipyardModel
import ShipyardService
import ShipyardStore
import ShipyardSubmission
import TestSupport
import Testing

@testable import ShipyardAPI

/// The routes of schedules, on a service's loop without a socket.
@Suite(.blocking) struct ScheduleRouteTests {
    /// Runs `body` beside a loop, with a function that asks the routes: status, and the body as JSON.
    private static func run(
        _ body: @escaping @Sendable ((String, String, String?) throws -> (Int, JSONValue)) throws -> Void
    ) throws {
        try RouteLoop.run { router, _, _ in
            try body { method, target, text in
                let request = try #require(
                    HTTPRequest(
                        HTTPMethod(rawValue: method)!, target: target,
                        body: Array((text ?? "").utf8)))
                let reply = router.reply(to: request)
                guard case .bytes(let bytes) = reply.body else {
                    throw ServiceFailure("no bytes")
                }
                return (reply.status, bytes.isEmpty ? .null : try JSONValue(parsing: bytes))
            }
        }
    }

    private static func body(_ cron: String) throws -> String {
        func file(_ kind: String, _ text: String) -> String {
            "{\"kind\": \"\(kind)\", \"text\": \(JSONValue.string(text).compactText)}"
        }
        let schedules = "schedule_specifications: [{id: nightly, cron: '\(cron)', timezone: Asia/Kolkata}]\n"
        let jobs =
            "job_specifications: [{id: film, parameters: {day: {default: x}}, tasks: [{command: 'true'}]}]\n"
        return """
            {"files": [\(file("schedules", schedules))], "workingDirectory": "/specs",
            "bundles": [{"schedules": ["nightly"], "files": [\(file("jobs", jobs))]}]}
            """
    }

    @Test func aScheduleLivesByItsRoutes() throws {
        try Self.run { ask in
            #expect(try ask("GET", "/schedules", nil).1["value"]?.arrayValue?.isEmpty == true)
            let (refusedStatus, refused) = try ask("POST", "/schedules", Self.body("61 * * * *"))
            #expect(
                refusedStatus == 422 && refused["diagnosticsText"]?.stringValue?.contains("SY3031") == true)
            let (status, added) = try ask("POST", "/schedules", Self.body("30 2 * * *"))
            let first = try #require(added["schedules"]?.arrayValue?.first)
            #expect(status == 201 && first["change"]?.stringValue == "added")
            #expect(first["nextRunTimeLocal"]?.stringValue?.hasSuffix("T02:30:00+05:30") == true)

            let one = try ask("GET", "/schedules/nightly", nil).1
            #expect(one["state"]?.stringValue == "active" && one["timezone"]?.stringValue == "Asia/Kolkata")
            #expect(one["keys"]?.arrayValue?.first?["value"]?.stringValue == "30 2 * * *")
            #expect(
                try ask("GET", "/schedules", nil).1["value"]?.arrayValue?.map { $0["id"]?.stringValue } == [
                    "nightly"
                ])

            #expect(try ask("POST", "/schedules/nightly/disable", nil).0 == 202)
            let disabled = try ask("GET", "/schedules/nightly", nil).1
            #expect(disabled["state"]?.stringValue == "disabled")
            #expect(disabled["executionInfo"]?["nextRunTime"] == nil)
            #expect(try ask("POST", "/schedules/nightly/enable", nil).0 == 202)
            #expect(try ask("GET", "/service", nil).1["activeSchedules"] == .integer(1))

            // A run, twice under one identity, and another.
            func run(_ text: String) throws -> JSONValue? {
                try ask("POST", "/schedules/nightly/run", text).1["number"]
            }
            #expect(try run(#"{"submissionId": "a", "parameters": {"day": "mon"}}"#) == .integer(1))
            #expect(try run(#"{"submissionId": "a"}"#) == .integer(1))
            #expect(try ask("POST", "/schedules/nightly/run", #"{"parameters": {"dya": "mon"}}"#).0 == 422)
            #expect(try run("{}") == .integer(2))
            let (_, runs) = try ask("GET", "/schedules/nightly/runs?limit=1", nil)
            #expect(
                runs["value"]?.arrayValue?.map { $0["number"] } == [.integer(2)]
                    && runs["next"] == .integer(2))
            let (_, rest) = try ask("GET", "/schedules/nightly/runs?before=2", nil)
            #expect(rest["value"]?.arrayValue?.map { $0["number"] } == [.integer(1)] && rest["next"] == nil)
            let known = try ask("GET", "/schedules/nightly/runs/1", nil).1
            #expect(
                known["cause"]?.stringValue == "user" && known["parameters"]?["day"]?.stringValue == "mon")
            #expect(try ask("GET", "/schedules/nightly/runs/9", nil).0 == 404)

            let stretch = #""from": "2024-01-01", "to": "2024-01-02T12:00""#
            let (dry, times) = try ask(
                "POST", "/schedules/nightly/backfill", "{\(stretch), \"dryRun\": true}")
            #expect(
                dry == 200
                    && times["times"]?.arrayValue == [
                        .string("2024-01-01T02:30:00+05:30"), .string("2024-01-02T02:30:00+05:30"),
                    ])
            #expect(try ask("POST", "/schedules/nightly/backfill", "{\(stretch)}").0 == 202)
            let (_, none) = try ask("POST", "/schedules/nightly/backfill", "{\(stretch)}")
            #expect(none["times"]?.arrayValue?.isEmpty == true)

            #expect(try ask("POST", "/schedules/nightly/terminate", nil).0 == 202)
            #expect(try ask("POST", "/schedules/nightly/enable", nil).0 == 409)
            #expect(try ask("DELETE", "/schedules/nightly", nil).0 == 202)
            for path in ["", "/runs", "/runs/1"] {
                #expect(try ask("GET", "/schedules/gone\(path)", nil).0 == 404)
            }
            for word in ["enable", "disable", "terminate"] {
                #expect(try ask("POST", "/schedules/gone/\(word)", nil).0 == 404)
            }
        }
    }
}
