import ShipyardAPI
import ShipyardHTTPClient
import ShipyardModel
import Testing

@Suite struct RouterTests {
    private let router: Router = {
        var router = Router()
        router.on(.get, "/") { _ in HTTPReply(status: 200, body: .bytes(Array("root".utf8))) }
        router.on(.get, "/jobs/{job}") { echo($0, "job") }
        router.on(.get, "/jobs/{job}/tasks/{task}/files/{path...}") { echo($0, "job", "task", "path") }
        router.on(.delete, "/jobs/{job}") { _ in HTTPReply(status: 204) }
        return router
    }()

    private func ask(_ method: HTTPMethod, _ target: String) throws -> (status: Int, text: String) {
        let request = try #require(HTTPRequest(method, target: target))
        let reply = router.reply(to: request)
        guard case .bytes(let bytes) = reply.body else { return (reply.status, "") }
        return (reply.status, String(decoding: bytes, as: UTF8.self))
    }

    @Test(arguments: [
        ("/", "root"), ("/jobs/film", "film"), ("/jobs/a%2Fb?x=1", "a/b"), ("/jobs/%C3%A4/", "ä"),
        ("/jobs/f/tasks/t/files/wd/out%20put.csv", "f|t|wd/out put.csv"),
    ])
    func namesAreFilled(_ target: String, _ expected: String) throws {
        #expect(try ask(.get, target).text == expected)
        #expect(try ask(.head, target).status == 200)
    }

    @Test func whatIsNotServedIsSaidInJSON() throws {
        let missing = try ask(.get, "/pools")
        #expect(missing.status == 404)
        #expect(missing.text == #"{"code":"ResourceNotFound","message":"nothing is served under /pools"}"#)
        #expect(try ask(.get, "/jobs/f/tasks/t/files").status == 404)
        let wrong = try ask(.post, "/jobs/film")
        #expect(wrong.status == 405)
        #expect(wrong.text.contains("/jobs/film takes GET, DELETE, not POST"))
    }

    @Test func theNameOfAFileMayBeAnyBytes() throws {
        #expect(try ask(.get, "/jobs/%FF").status == 404)
        #expect(try ask(.get, "/jobs/f/tasks/t/files/wd/%FF%5c%0a").text == "f|t|wd/\\xff\\\\\n")
        let request = try #require(HTTPRequest(.get, target: "/%FF"))
        #expect(request.segments == [BytePath(bytes: [0xFF])])
    }

    @Test func queriesAreDecoded() throws {
        let request = try #require(HTTPRequest(.get, target: "/a?state=x+y&n=%26&empty&=v&n=2"))
        #expect(request.queryValue("state") == "x y")
        #expect(request.queryValue("n") == "&")
        #expect(request.queryValue("empty") == "")
        #expect(request.queryValue("none") == nil)
        #expect(request.query.count == 5)
    }

    @Test(arguments: [
        "/a%", "/a%2", "/%zz", "a", "", "/a?b=%", "/a%00", "/%00", "/a/..%00/b", "/a?b=%00", "/a?b=%FF",
        "/%+1", "/a\0b",
    ])
    func badEncodingIsRefused(_ target: String) { #expect(HTTPRequest(.get, target: target) == nil) }

    @Test func encodingComesBack() throws {
        let text = "ä b/c?d&e=f%+~.txt"
        #expect(percentEncoded("a/ä") == "a%2F%C3%A4")
        let request = try #require(
            HTTPRequest(.get, target: "/\(percentEncoded(text))?q=\(percentEncoded(text))"))
        #expect(request.segments == [BytePath(text)] && request.queryValue("q") == text)
    }
}

private func echo(_ request: HTTPRequest, _ names: String...) -> HTTPReply {
    let text = names.map { request.parameters[$0] ?? "?" }.joined(separator: "|")
    return HTTPReply(status: 200, body: .bytes(Array(text.utf8)))
}
