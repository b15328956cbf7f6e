import Foundation
import ShipyardHTTPClient
import ShipyardMetadata
import ShipyardModel
import ShipyardService
import ShipyardStore
import ShipyardSubmission
import Synchronization
import TestSupport
import Testing

@testable import ShipyardAPI

/// The routes of documents, on a service's loop without a socket.
@Suite(.blocking) struct MetadataRouteTests {
    struct Answer {
        var status: Int
        var headers: [String: String]
        var text: String
        var json: JSONValue? { try? JSONValue(parsing: text) }
        var code: String? { json?["code"]?.stringValue }
        var tag: String? { headers["etag"] }
        var ids: [String] { json?["value"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? [] }
    }

    struct Client: Sendable {
        var gate: TokenGate
        var database: String

        func callAsFunction(
            _ method: HTTPMethod, _ target: String, _ body: String = "", _ headers: [HTTPHeader] = []
        ) throws -> Answer {
            let request = try #require(
                HTTPRequest(method, target: target, headers: headers, body: Array(body.utf8)))
            let reply = gate.reply(to: request)
            guard case .bytes(let bytes) = reply.body else { throw ServiceFailure("no bytes") }
            return Answer(
                status: reply.status,
                headers: Dictionary(
                    reply.headers.map { ($0.name.lowercased(), $0.value) },
                    uniquingKeysWith: { $0 + "," + $1 }),
                text: String(decoding: bytes, as: UTF8.self))
        }
    }

    /// Runs `body` beside a loop, as the user.
    private static func run(_ body: @escaping @Sendable (Client) throws -> Void) throws {
        try RouteLoop.run { router, loop, layout in
            try body(Client(gate: TokenGate(router, loop), database: layout.database))
        }
    }

    @Test func aDocumentLivesByItsRoutes() throws {
        try Self.run { ask in
            #expect(try ask(.get, "/metadata/runs/x").code == "DocumentNotFound")
            #expect(try ask(.get, "/metadata").text == #"{"value":[]}"#)
            let made = try ask(
                .put, "/metadata/runs/x", #" {"price": 1.10, "n": 123456789012345678901234567890} "#)
            #expect(made.status == 201 && made.tag == "\"1\"" && made.json?["eTag"]?.stringValue == "1")
            #expect(made.json?["writer"] == .object([]))
            let read = try ask(.get, "/metadata/runs/x")
            #expect(read.text == #"{"price":1.10,"n":123456789012345678901234567890}"#)
            #expect(read.status == 200 && read.tag == made.tag)
            #expect(try ask(.head, "/metadata/runs/x").status == 200)

            let patched = try ask(.patch, "/metadata/runs/x", #"{"price": null, "state": "done"}"#)
            #expect(patched.status == 200 && patched.tag == "\"2\"")
            #expect(
                try ask(.get, "/metadata/runs/x").text
                    == #"{"n":123456789012345678901234567890,"state":"done"}"#)
            #expect(try ask(.patch, "/metadata/runs/new", #"{"a":1}"#).status == 201)

            let history = try ask(.get, "/metadata/runs/x/history")
            #expect(
                history.json?["value"]?.arrayValue?.map { $0["change"]?.stringValue } == ["patch", "put"])
            #expect(history.text.contains(#""document":{"price":1.10,"n":123456789012345678901234567890}}"#))
            let page = try ask(.get, "/metadata/runs/x/history?top=1").json
            #expect(page?["next"] == .integer(2))
            #expect(
                try ask(.get, "/metadata/runs/x/history?before=2").json?["value"]?.arrayValue?.count == 1)
            #expect(try ask(.get, "/metadata/runs/none/history").status == 404)

            #expect(try ask(.delete, "/metadata/runs/x").status == 204)
            #expect(try ask(.delete, "/metadata/runs/x").status == 404)
            #expect(try ask(.get, "/metadata/runs/x/history").json?["value"]?.arrayValue?.count == 3)
            let collections = try ask(.get, "/metadata").json?["value"]?.arrayValue
            #expect(collections?.count == 1 && collections?[0]["documents"] == .integer(1))
        }
    }

    @Test func anOldETagChangesNothing() throws {
        try Self.run { ask in
            func match(_ tag: String) -> [HTTPHeader] { [HTTPHeader("if-match", tag)] }
            let none = [HTTPHeader("If-None-Match", "*")]
            let absent = try ask(.put, "/metadata/c/x", "{}", match("\"1\""))
            #expect(absent.status == 412 && absent.tag == nil && absent.code == "ConditionNotMet")
            let first = try #require(try ask(.put, "/metadata/c/x", "{}", none).tag)
            let second = try ask(.put, "/metadata/c/x", "{}", none)
            #expect(second.status == 412 && second.tag == first)
            let third = try #require(try ask(.patch, "/metadata/c/x", #"{"n":1}"#, match(first)).tag)
            for method in [HTTPMethod.put, .patch, .delete] {
                let lost = try ask(method, "/metadata/c/x", #"{"n":2}"#, match(first))
                #expect(lost.status == 412 && lost.tag == third && lost.text.contains("nothing was changed"))
            }
            #expect(try ask(.get, "/metadata/c/x").text == #"{"n":1}"#)
            #expect(try ask(.put, "/metadata/c/x", "{}", match("x y")).code == "InvalidHeaderValue")
            #expect(try ask(.get, "/metadata/c/x", "", match(first)).status == 412)
            let known = try ask(.get, "/metadata/c/x", "", [HTTPHeader("If-None-Match", third)])
            #expect(known.status == 304 && known.text.isEmpty && known.tag == third)
            #expect(try ask(.delete, "/metadata/c/x", "", match(third)).status == 204)

            // Many at once, and each round one of them.
            _ = try ask(.put, "/metadata/c/count", #"{"n":0}"#)
            let winners = Mutex(0)
            for _ in 0..<5 {
                let tag = try #require(try ask(.get, "/metadata/c/count").tag)
                DispatchQueue.concurrentPerform(iterations: 8) { index in
                    let answer = try? ask(
                        .put, "/metadata/c/count", "{\"n\":\(index)}", [HTTPHeader("If-Match", tag)])
                    if answer?.status == 200 { winners.withLock { $0 += 1 } }
                }
            }
            #expect(winners.withLock { $0 } == 5)
        }
    }

    @Test func whatIsNoDocumentIsRefused() throws {
        try Self.run { ask in
            let bodies = [
                "", "{", "[]", "1", "null", "\"x\"", #"{"a":1,"a":2}"#, #"{"a":1e999}"#, #"{"a":"\u0000"}"#,
                #"{"a":"\ud800"}"#, #"{"a":"\udc00\ud800"}"#, #"{"\ud83d":1}"#, #"{"a":"\ud83d\u0061"}"#,
            ]
            for body in bodies {
                for method in [HTTPMethod.put, .patch] {
                    let answer = try ask(method, "/metadata/c/x", body)
                    #expect(answer.status == 400 && answer.code == "InvalidRequestBody", "\(body)")
                }
            }
            let content = String(repeating: "x", count: MetadataLimits.documentBytes - 8)
            #expect(try ask(.put, "/metadata/c/x", "{\"a\":\"\(content)\"}").status == 201)
            #expect(try ask(.put, "/metadata/c/x", "{\"a\":\"\(content)x\"}").status == 413)
            #expect(try ask(.patch, "/metadata/c/x", "{\"b\":1}").status == 413)
            for path in [
                "c/%2E%2E", "c/a%2Fb", "c/a%20b", "c.d/x", "c/\(String(repeating: "a", count: 129))",
            ] {
                #expect(try ask(.put, "/metadata/\(path)", "{}").status == 400, "\(path)")
            }
            #expect(try ask(.post, "/metadata/c/x", "{}").status == 405)
            #expect(try ask(.get, "/metadata/c/x/y").status == 404)
        }
    }

    @Test func queriesArePagedAndTheirWordsChecked() throws {
        try Self.run { ask in
            for number in 10..<30 {
                _ = try ask(.put, "/metadata/c/d\(number)", #"{"n":\#(number % 3),"price":\#(number).10}"#)
            }
            let found = try ask(.get, "/metadata/c?where=%24.n%20%3D%201&order=%24.price:desc&top=3")
            #expect(found.ids == ["d28", "d25", "d22"])
            #expect(found.text.contains(#""document":{"n":1,"price":28.10}}"#))
            let next = try #require(found.json?["next"]?.stringValue)
            let rest = "/metadata/c?where=%24.n+%3D+1&order=%24.price:desc&after=\(next)"
            #expect(try ask(.get, rest).ids == ["d19", "d16", "d13", "d10"])
            #expect(try ask(.get, rest).json?["next"] == nil)
            #expect(try ask(.get, "/metadata/c?after=\(next)").code == "InvalidQueryParameter")
            #expect(try ask(.get, "/metadata/c?where=%24.n%3D1&where=id%3E'd27'").ids == ["d28"])
            #expect(try ask(.get, "/metadata/c?top=1000").ids.count == 20)
            #expect(try ask(.get, "/metadata/none").text == #"{"value":[]}"#)
            for query in ["wher=x", "where=n%3D1", "order=n", "top=0", "top=x", "after=zz", "limit=3"] {
                #expect(try ask(.get, "/metadata/c?\(query)").code == "InvalidQueryParameter", "\(query)")
            }
        }
    }

    @Test func aRowThatIsNoJSONIsNamed() throws {
        try Self.run { ask in
            _ = try ask(.put, "/metadata/c/x", "{}")
            _ = try ask(.put, "/metadata/c/y", #"{"a":1}"#)
            let edit = Process()
            edit.executableURL = URL(filePath: "/usr/bin/env")
            edit.arguments = [
                "python3", "-c",
                "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(\"UPDATE documents SET document='{' "
                    + "WHERE id='x'\"); c.commit()", ask.database,
            ]
            try edit.run()
            edit.waitUntilExit()
            #expect(edit.terminationStatus == 0)
            #expect(try ask(.get, "/metadata/c/x").code == "StateUnreadable")
            let page = try ask(.get, "/metadata/c?where=%24.a%3D1")
            #expect(page.ids == ["y"] && page.json?["unreadable"] == ["x"])
            #expect(try ask(.patch, "/metadata/c/x", "{}").code == "StateUnreadable")
            #expect(try ask(.put, "/metadata/c/x", "{}").status == 200)
            #expect(try ask(.get, "/metadata/c?where=%24.a%3D1").json?["unreadable"] == nil)
        }
    }
}
