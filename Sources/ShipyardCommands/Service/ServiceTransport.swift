import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// One request to the service.
package struct ServiceRequest: Sendable {
    package var method: HTTPMethod
    /// With its query, percent-encoded.
    package var path: String
    package var body: [UInt8]?
    package var contentType = "application/json"
    package var headers: [HTTPHeader] = []
    /// First byte wanted, for `Range: bytes=a-`.
    package var firstByte: Int64?
    /// How long the answer may take; a long poll asks for more.
    package var timeoutSeconds = 60
    /// The body names a submission that the service answers once, however often it comes.
    package var hasIdentity = false
    /// Asked while the answer is waited for; false ends the wait.
    package var isWanted: (@Sendable () -> Bool)?
    /// Why it cannot be sent.
    package var flaw: String?

    package init(_ method: HTTPMethod, _ path: ServicePath, body: [UInt8]? = nil) {
        self.init(method, path.text, body: body)
        flaw = path.flaw
    }

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
    /// It is not wanted any more.
    case cancelled
}

/// Carries requests to the service; in tests, to a table of answers.
package protocol ServiceTransport {
    /// `onBody` takes the body of a successful answer piece by piece and answers whether it wants more.
    func send(
        _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)?
    ) throws(TransportFailure) -> ServiceAnswer
}

/// Carries requests over the service's Unix socket.
final class SocketTransport: ServiceTransport {
    private let socket: String
    /// Made at the first request: loading libcurl takes longer than all else a short command does.
    private var client: HTTPClient?

    init(_ socket: String) { self.socket = socket }

    func send(
        _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)?
    ) throws(TransportFailure) -> ServiceAnswer {
        do throws(HTTPError) {
            let answer = try ready().send(outgoing(request), onBody: onBody)
            let headers = answer.headers.map { ($0.name.lowercased(), $0.value) }
            return ServiceAnswer(
                status: answer.status, headers: Dictionary(headers, uniquingKeysWith: { first, _ in first }),
                body: answer.body)
        } catch {
            switch error.kind {
            case .unreachable: throw .notListening
            case .interrupted: throw .interrupted(error.message)
            case .cancelled where request.isWanted?() == false: throw .cancelled
            default: throw .broken(error.message)
            }
        }
    }

    private func ready() throws(HTTPError) -> HTTPClient {
        if let client { return client }
        let made = try HTTPClient()
        client = made
        return made
    }

    private func outgoing(_ request: ServiceRequest) -> OutgoingRequest {
        var outgoing = OutgoingRequest(
            request.method, "http://shipyard" + request.path, unixSocket: socket, body: request.body ?? [])
        outgoing.timeout = .seconds(Int64(request.timeoutSeconds))
        outgoing.isWanted = request.isWanted
        if request.body != nil { outgoing.headers.append(HTTPHeader("Content-Type", request.contentType)) }
        outgoing.headers += request.headers
        if let first = request.firstByte { outgoing.headers.append(HTTPHeader("Range", "bytes=\(first)-")) }
        return outgoing
    }
}

/// The one question that is asked before any HTTP: does somebody listen?
enum UnixSocket {
    static func accepts(_ path: String) -> Bool {
        guard let slash = path.lastIndex(of: "/") else { return false }
        do throws(SystemError) {
            _ = try LocalSocket.connect(
                name: String(path[path.index(after: slash)...]), in: String(path[..<slash]))
            return true
        } catch {
            return false
        }
    }
}

/// How a command gets at the service; tests hand in a table of answers.
package struct ServiceConnection: Sendable {
    /// Starts the service where it does not run.
    package var open: @Sendable (HomeDirectory, Console) throws(CommandFailure) -> ServiceClient
    /// Nil where it does not run.
    package var openRunning: @Sendable (HomeDirectory) throws(CommandFailure) -> ServiceClient?
}

extension Invocation {
    /// The service of this command's home, started if need be.
    package func service() throws(CommandFailure) -> ServiceClient {
        try connection.open(HomeDirectory(self), console)
    }

    package func runningService() throws(CommandFailure) -> ServiceClient? {
        try connection.openRunning(HomeDirectory(self))
    }
}
