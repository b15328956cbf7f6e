import ShipyardHTTPClient
import ShipyardModel

/// What this server answers.
package struct HTTPReply {
    package enum Body {
        case bytes([UInt8])
        /// Called on the connection's thread for piece after piece until it answers nil. It may wait; an
        /// empty piece, best after a second at most, lets the server look whether the client is still there.
        case stream(Pieces)
        /// As `stream`, with the number of bytes that all pieces have together.
        case sized(Int64, Pieces)
    }

    /// Throws where the rest cannot be had: then the connection is cut, so that nobody takes a part for the whole.
    package typealias Pieces = () throws(BrokenStream) -> [UInt8]?

    package struct BrokenStream: Error {
        package init() {}
    }

    package var status: Int
    package var headers: [HTTPHeader]
    package var body: Body

    package init(status: Int, headers: [HTTPHeader] = [], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package static func json(_ value: some Encodable, status: Int = 200) -> HTTPReply {
        do {
            return json(bytes: try JSONCoding.encode(value), status: status)
        } catch {
            return .error(500, "InternalError", "the answer cannot be written as JSON: \(error)")
        }
    }

    package static func json(bytes: [UInt8], status: Int = 200) -> HTTPReply {
        HTTPReply(
            status: status, headers: [HTTPHeader("Content-Type", "application/json")], body: .bytes(bytes))
    }

    /// - Parameter code: a word for programs, as in `ErrorResponse`.
    package static func error(_ status: Int, _ code: String, _ message: String) -> HTTPReply {
        let response = ErrorResponse(code: code, message: message)
        guard let bytes = try? JSONCoding.encode(response) else {
            invariantFailure("an error response is text and always encodes")
        }
        return json(bytes: bytes, status: status)
    }
}
