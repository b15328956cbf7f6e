import ShipyardModel

package enum HTTPMethod: String, Sendable, Hashable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"

    /// Whether sending it twice does what sending it once does (RFC 9110, 9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete: true
        case .post, .patch: false
        }
    }
}

package struct HTTPHeader: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What a client asks.
package struct OutgoingRequest: Sendable {
    package var method: HTTPMethod
    /// `http:` or `https:`. Over a Unix socket the host is only a name: `http://shipyard/jobs`.
    package var url: String
    /// Path of the socket to connect to, however long; nil for TCP.
    package var unixSocket: String?
    package var headers: [HTTPHeader] = []
    package var body: [UInt8] = []
    /// Sent in place of `body`.
    package var stretch: FileStretch?
    /// For the whole exchange; nil for none, where an answer may take as long as a job.
    package var timeout: TimeSpan? = .seconds(60)
    /// How often to connect before giving up. Only idempotent requests are sent again.
    package var attempts = 1
    /// Off for the API; a download follows ten at most.
    package var followsRedirects = false
    /// A transfer in which nothing moves for this long is dead, however long a live one takes. Nil for the API, where an
    /// answer may take as long as a job.
    package var stallTime: TimeSpan?
    /// Of an answer that is read into memory.
    package var maximumBodyBytes = HTTPClient.maximumBodyBytes
    /// `.` and `..` in the path are sent as they are written: they are names of files to a store.
    package var keepsDots = false
    /// Asked while the answer is waited for, soon after a signal too; false ends the exchange (`cancelled`).
    package var isWanted: (@Sendable () -> Bool)?

    package init(_ method: HTTPMethod, _ url: String, unixSocket: String? = nil, body: [UInt8] = []) {
        self.method = method
        self.url = url
        self.unixSocket = unixSocket
        self.body = body
    }

    /// The URL without its query and user, which may hold keys: for messages.
    package var place: String {
        unixSocket ?? BlobSource.place(ofURL: url)
    }
}

/// A stretch of an open file, sent as a body. Read by position, so that it can be sent again and the file's own position
/// stays.
package struct FileStretch: Sendable, Hashable {
    package var file: Int32
    package var offset: Int64
    package var count: Int64

    package init(file: Int32, offset: Int64, count: Int64) {
        self.file = file
        self.offset = offset
        self.count = count
    }
}

/// What the server answered, whatever the status.
package struct HTTPResponse: Sendable, Hashable {
    package var status: Int
    package var headers: [HTTPHeader]
    /// Empty where the body was streamed.
    package var body: [UInt8]

    package init(status: Int, headers: [HTTPHeader] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package var isSuccess: Bool { (200..<300).contains(status) }

    /// The first header of this name, in any case of letters.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Why no answer came, or only a part of one.
package struct HTTPError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nobody listens there, or no way leads there.
        case unreachable
        case unknownHost
        case timedOut
        /// The connection ended before the answer did.
        case interrupted
        case certificate
        /// The receiver of the body wanted no more of it.
        case cancelled
        case tooLarge
        case invalidURL
        /// The file that a download goes to; `errno` of the failed write.
        case writeFailed(errno: Int32)
        /// The file that is sent: `errno` of the failed read, 0 where it has become shorter.
        case readFailed(errno: Int32)
        /// libcurl is not installed.
        case libraryMissing
        case other
    }
    package var kind: Kind
    /// URL without its query, or path of the socket.
    package var place: String
    package var message: String

    package init(kind: Kind, place: String, message: String) {
        self.kind = kind
        self.place = place
        self.message = message
    }

    package var description: String { "\(place): \(message)" }
}
