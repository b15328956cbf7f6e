import CMicroHTTPD
import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// One request while it comes in, and its answer while it goes out.
final class Exchange {
    private let target: String
    let connection: OpaquePointer
    private var headers: [HTTPHeader] = []
    private var body: [UInt8] = []
    private(set) var hasHeaders = false
    private(set) var isTooLarge = false
    /// Why its head is refused.
    private(set) var problem: String?
    /// Whether it is counted among the server's active exchanges.
    var isActive = false

    init(target: String, connection: OpaquePointer) {
        self.target = target
        self.connection = connection
    }

    static func from(_ context: UnsafeMutableRawPointer?) -> Exchange? {
        context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
    }

    func readHeaders() {
        hasHeaders = true
        let visitor: MHD_KeyValueIterator = { context, _, name, value in
            guard let exchange = Exchange.from(context), let name else { return .NO }
            exchange.headers.append(
                HTTPHeader(String(cString: name), value.map { String(cString: $0) } ?? ""))
            return .YES
        }
        shipyard_mhd_each_header(connection, visitor, Unmanaged.passUnretained(self).toOpaque())
        problem = HeaderCheck.problem(in: headers)
        let length = headers.first { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) }
        isTooLarge = (length ?? 0) > HTTPServer.maximumBodyBytes
    }

    /// A body that grows too large is read to its end and forgotten, else the client could not hear why.
    func append(_ bytes: UnsafeRawBufferPointer) {
        guard !isTooLarge, body.count + bytes.count <= HTTPServer.maximumBodyBytes else {
            isTooLarge = true
            body = []
            return
        }
        body.append(contentsOf: bytes)
    }

    /// The request with its body, which is given away. Nil where the target is not well formed.
    func takeRequest(_ method: HTTPMethod) -> HTTPRequest? {
        defer { body = [] }
        return HTTPRequest(method, target: target, headers: headers, body: body)
    }

    /// Whether the client is another user's process. Who may connect is first of all the home's mode.
    var isFromStranger: Bool {
        let socket = shipyard_mhd_socket(connection)
        return PeerCredentials.isUnix(socket) && !PeerCredentials.isTrusted(socket)
    }

    /// Whether the client has closed its end.
    var hasHungUp: Bool { Self.hasHungUp(socket) }

    var socket: Int32 { shipyard_mhd_socket(connection) }

    static func hasHungUp(_ socket: Int32) -> Bool {
        // POLLRDHUP, hidden behind _GNU_SOURCE.
        var entry = pollfd(fd: socket, events: 0x2000, revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    func send(_ reply: HTTPReply) -> MHD_Result {
        let response: OpaquePointer? =
            switch reply.body {
            case .bytes(let bytes): bytes.withUnsafeBytes { shipyard_mhd_response($0.baseAddress, $0.count) }
            case .stream(let next): StreamedBody.response(next, count: nil)
            case .sized(let count, let next): StreamedBody.response(next, count: count)
            }
        guard let response else { return .NO }
        for header in reply.headers { shipyard_mhd_add_header(response, header.name, header.value) }
        return shipyard_mhd_reply(connection, UInt32(reply.status), response)
    }
}

/// A stream of pieces of any size, handed out in what fits the library's buffer.
private final class StreamedBody {
    /// Of the library's buffer: more in one write than a pipe or socket takes at once gains nothing.
    static let blockBytes = 64 << 10

    private let next: HTTPReply.Pieces
    private var piece: ArraySlice<UInt8> = []

    init(_ next: @escaping HTTPReply.Pieces) { self.next = next }

    /// - Parameter count: bytes in all; nil where nobody knows.
    static func response(_ next: @escaping HTTPReply.Pieces, count: Int64?) -> OpaquePointer? {
        let context = Unmanaged.passRetained(StreamedBody(next)).toOpaque()
        let response = shipyard_mhd_stream(
            count.map { UInt64($0) } ?? shipyard_mhd_size_unknown(), blockBytes,
            { context, _, buffer, count in
                guard let context, let buffer else { return shipyard_mhd_broken_stream() }
                let body = Unmanaged<StreamedBody>.fromOpaque(context).takeUnretainedValue()
                return body.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: count))
            }, context,
            { context in
                if let context { Unmanaged<StreamedBody>.fromOpaque(context).release() }
            })
        if response == nil { Unmanaged<StreamedBody>.fromOpaque(context).release() }
        return response
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if piece.isEmpty {
            do throws(HTTPReply.BrokenStream) {
                guard let received = try next() else { return shipyard_mhd_end_of_stream() }
                piece = received[...]
            } catch {
                return shipyard_mhd_broken_stream()
            }
        }
        let count = min(buffer.count, piece.count)
        buffer.copyBytes(from: piece.prefix(count))
        piece = piece.dropFirst(count)
        return count
    }
}
