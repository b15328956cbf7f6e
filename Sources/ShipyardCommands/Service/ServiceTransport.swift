import ShipyardHTTPClient

/// One request to the service.
package struct ServiceRequest: Sendable {
    package var method: HTTPMethod
    /// With its query, percent-encoded.
    package var path: String
    package var body: [UInt8]?
    package var contentType = "application/json"
    /// First byte wanted, for `Range: bytes=a-`.
    package var firstByte: Int64?
    /// How long the answer may take; a long poll asks for more.
    package var timeoutSeconds = 60
    /// The body names a submission that the service answers once, however often it comes.
    package var hasIdentity = false

    package init(_ method: HTTPMethod, _ path: String, body: [UInt8]? = nil) {
        self.method = method
        self.path = path
        self.body = body
    }
}

package struct ServiceAnswer: Sendable {
    package var status: Int
    /// By name in lower case.
    package var headers: [String: String]
    package var body: [UInt8]

    package init(status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

package enum TransportFailure: Error, Sendable {
    /// Nobody listens on the socket: the service does not run.
    case notListening
    /// The service does not run and could not be started; why is for the user.
    case cannotStart(CommandFailure)
    /// The connection ended before the answer did.
    case interrupted(String)
    /// No answer in time, or one that is no HTTP; the text says how.
    case broken(String)
}

/// Carries requests to the service; in tests, to a table of answers.
package protocol ServiceTransport {
    /// `onBody` takes the body of a successful answer piece by piece and answers whether it wants more.
    func send(
        _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)?
    ) throws(TransportFailure) -> ServiceAnswer
}
