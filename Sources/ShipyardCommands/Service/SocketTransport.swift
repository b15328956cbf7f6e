import ShipyardHTTPClient
import ShipyardModel

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
        if request.body != nil { outgoing.headers.append(HTTPHeader("Content-Type", request.contentType)) }
        if let first = request.firstByte { outgoing.headers.append(HTTPHeader("Range", "bytes=\(first)-")) }
        return outgoing
    }
}
