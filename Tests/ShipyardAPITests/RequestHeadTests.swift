import Foundation
import Glibc
import ShipyardAPI
import ShipyardHTTPClient
import Synchronization
import TestSupport
import Testing

/// Requests that two readers may understand differently, byte by byte.
@Suite(.blocking) struct RequestHeadTests {
    private let socket = ListeningSocket()

    /// What one connection is answered, with how many requests reached the handler.
    private func ask(_ text: String, isReadToEnd: Bool = false) throws -> (answer: String, calls: Int) {
        let calls = Mutex(0)
        let server = try HTTPServer(listeningSocket: socket.descriptor) { _ in
            calls.withLock { $0 += 1 }
            return HTTPReply(status: 200)
        }
        defer { server.stop() }
        let connection = socket.connect()
        defer { close(connection) }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        _ = text.utf8.withContiguousStorageIfAvailable { write(connection, $0.baseAddress, $0.count) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while isReadToEnd || !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
            let count = read(connection, &piece, piece.count)
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        return (String(decoding: bytes, as: UTF8.self), calls.withLock { $0 })
    }

    private let head = "GET /service HTTP/1.1\r\nHost: h\r\n"
    private let post = "POST /x HTTP/1.1\r\nHost: h\r\n"

    @Test func whatIsWellFormedIsServed() throws {
        for text in [
            head + "\r\n", head + "Authorization: Bearer x\r\n\r\n", head + "AUTHORIZATION:Bearer\tx \r\n\r\n",
            head + "X-y!#$%&'*+.^_`|~: \u{FC}\r\n\r\n", post + "Content-Length: 2\r\n\r\nab", head + "If-Range: \"x\"\r\n\r\n",
            post + "Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", head + "Proxy-Authorization: x\r\n\r\n",
        ] {
            let (answer, calls) = try ask(text)
            #expect(answer.hasPrefix("HTTP/1.1 200") && calls == 1, "\(text): \(answer)")
        }
    }

    @Test func headThatMayMeanTwoThingsIsRefusedAndEndsTheConnection() throws {
        let heads = [
            "Authorization : Bearer x\r\n", "Authorization\t: Bearer x\r\n", " Authorization: Bearer x\r\n",
            "Authorization:\r\n Bearer x\r\n", "Authorization: Bearer\r\n\tx\r\n", "Authorization:\r\n x\r\n",
            "Authorization\r\n : Bearer x\r\n", "Authorization Bearer x\r\n", "X: y\rAuthorization: Bearer x\r\n",
            "If-None-Match:\r\n *\r\n", "If-Match:\r\n x\r\n", "Range:\r\n x\r\n", "Host: i\r\n", "X\u{FC}: y\r\n", "X: \u{1}\r\n", "X: \u{7F}\r\n",
            "X(y): z\r\n",
        ].map { head + $0 + "\r\n" } + [
            "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "Content-Length : 2\r\n\r\nab",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: identity\r\n\r\n", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "Content-Length: -1\r\n\r\n", "Content-Length: +2\r\n\r\nab", "Content-Length: 2, 2\r\n\r\nab", "Content-Length: 0x2\r\n\r\nab",
        ].map { post + $0 }
        for text in heads {
            // What follows would be taken for a request of its own.
            let (answer, calls) = try ask(text + head + "\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400") && calls == 0, "\(text): \(answer)")
        }
    }

    @Test func refusalSaysWhatIsWrong() throws {
        for (text, expected) in [
            ("Authorization : x", "the name of a header has a character that none may have, as a space before the colon"),
            ("X: \u{1}", "the value of the header `X` has a control character"),
            ("Authorization: Bearer\r\n x", "there is no header `Authorizationx`; is it `authorization` in two lines?"),
            ("Transfer-Encoding: gzip", "the only `Transfer-Encoding` that is known is `chunked`"),
            ("Content-Length: 1\r\nContent-Length: 2", "it says more than once how long its body is (`Content-Length`, `Transfer-Encoding`)"),
            ("Host: i", "it has more than one header `Host`"),
        ] {
            let answer = try ask(head + text + "\r\n\r\n", isReadToEnd: true).answer
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(answer)")
            let body = #"{"code":"InvalidHeaderValue","message":"the request is not well formed: \#(expected)"}"#
            #expect(answer.hasSuffix(body), "\(answer)")
        }
    }
}
