import CCurl
import Glibc
import ShipyardModel

/// Sends HTTP requests and waits for their answers. One thread at a time; a second client for a second thread.
package final class HTTPClient {
    /// Of an answer that is read into memory: the longest page of a listing is far below.
    package static let maximumBodyBytes = 256 << 20
    /// A host that does not answer at all is given up after this.
    static let connectTimeoutMilliseconds = 15_000
    static let maximumRedirects = 10
    /// Less than this for `stallTime` is no transfer: a byte now and then would hold whoever waits for ever.
    static let stallBytesPerSecond = 256
    /// Before the second attempt; doubled for each later one.
    static let firstPauseMilliseconds: UInt32 = 200

    private let handle: CurlHandle

    package init() throws(HTTPError) { handle = try CurlHandle() }

    /// The answer, whatever its status.
    ///
    /// - Parameter onBody: takes the body of a successful answer piece by piece instead of collecting it, and
    ///   answers whether it wants more.
    package func send(
        _ request: OutgoingRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)? = nil
    ) throws(HTTPError) -> HTTPResponse {
        var attempt = 1
        while true {
            do {
                return try sendOnce(request, onBody: onBody)
            } catch {
                let mayRetry = error.kind == .unreachable && request.method.isIdempotent
                guard mayRetry, attempt < request.attempts else { throw error }
                pause(beforeAttempt: attempt + 1)
                attempt += 1
            }
        }
    }

    func pause(beforeAttempt attempt: Int) {
        usleep(Self.firstPauseMilliseconds * 1000 << UInt32(min(attempt - 2, 6)))
    }

    /// - Parameters:
    ///   - onHead: sees status and headers of a successful answer before `onBody` gets the first piece of its body, and
    ///     answers whether it is wanted. Not called where the body is empty.
    ///   - onSent: hears how many bytes of a stretch were taken from its file, negative where they are taken again,
    ///     and answers whether to go on.
    package func sendOnce(
        _ request: OutgoingRequest, onHead: ((HTTPResponse) -> Bool)? = nil,
        onBody: ((UnsafeRawBufferPointer) -> Bool)?, onSent: ((Int64) -> Bool)? = nil
    ) throws(HTTPError) -> HTTPResponse {
        let scheme = request.url.prefix(8).lowercased()
        guard scheme.hasPrefix("http://") || scheme.hasPrefix("https://") else {
            throw HTTPError(kind: .invalidURL, place: request.place, message: "not an http or https URL")
        }
        for header in request.headers
        where (header.name + header.value).utf8.contains(where: { $0 == 0x0A || $0 == 0x0D || $0 == 0 }) {
            throw HTTPError(
                kind: .invalidURL, place: request.place, message: "a header would hold the end of a line")
        }
        let socket = try request.unixSocket.map { path throws(HTTPError) in try UnixSocketPath(path) }
        let sender = request.stretch.map { StretchSender($0, onSent) }
        let transfer = Transfer(
            handle.pointer, maximumBytes: request.maximumBodyBytes, onHead: onHead, onBody: onBody,
            isWanted: request.isWanted)
        var lines = CurlList()
        // libcurl's way to send a header without a value; a colon with nothing behind it would leave the header out.
        for header in request.headers {
            lines.append(header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
        }
        // Else libcurl waits up to a second for leave to send a large body.
        lines.append("Expect:")

        shipyard_curl_reset(handle.pointer)
        configure(request, socketPath: socket?.text)
        _ = shipyard_curl_set_pointer(handle.pointer, CURLOPT_HTTPHEADER, lines.pointer)
        transfer.connectCallbacks()
        let code = request.body.withUnsafeBytes { body in
            if let sender { sender.connect(to: handle.pointer) } else { setBody(body, of: request) }
            if request.method != .head, request.method != .get {
                _ = shipyard_curl_set_text(handle.pointer, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
            }
            return shipyard_curl_perform(handle.pointer)
        }
        // `transfer`, `sender`, `lines` and the socket's directory must outlive the call above.
        let result = withExtendedLifetime((transfer, sender, socket)) { sender?.refusal ?? transfer.refusal }
        guard code == CURLE_OK else { throw failure(code, refusal: result, of: request) }
        return HTTPResponse(status: transfer.status, headers: transfer.headers, body: transfer.body)
    }

    private func configure(_ request: OutgoingRequest, socketPath: String?) {
        let curl = handle.pointer
        shipyard_curl_only_http(curl)
        _ = shipyard_curl_set_text(curl, CURLOPT_URL, request.url)
        _ = shipyard_curl_set_text(curl, CURLOPT_USERAGENT, "shipyard-swift")
        // Without it libcurl uses SIGALRM for its timeouts, which belongs to no one thread.
        _ = shipyard_curl_set_number(curl, CURLOPT_NOSIGNAL, 1)
        _ = shipyard_curl_set_number(curl, CURLOPT_CONNECTTIMEOUT_MS, Self.connectTimeoutMilliseconds)
        if let timeout = request.timeout {
            _ = shipyard_curl_set_number(curl, CURLOPT_TIMEOUT_MS, Int(timeout.milliseconds))
        }
        if request.followsRedirects {
            _ = shipyard_curl_set_number(curl, CURLOPT_FOLLOWLOCATION, 1)
            _ = shipyard_curl_set_number(curl, CURLOPT_MAXREDIRS, Self.maximumRedirects)
        }
        if request.keepsDots { _ = shipyard_curl_set_number(curl, CURLOPT_PATH_AS_IS, 1) }
        if let stallTime = request.stallTime {
            _ = shipyard_curl_set_number(curl, CURLOPT_LOW_SPEED_LIMIT, Self.stallBytesPerSecond)
            _ = shipyard_curl_set_number(
                curl, CURLOPT_LOW_SPEED_TIME, max(1, Int(stallTime.milliseconds / 1000)))
        }
        if let socketPath {
            _ = shipyard_curl_set_text(curl, CURLOPT_UNIX_SOCKET_PATH, socketPath)
            // `http_proxy` in the environment is not meant for our own service.
            _ = shipyard_curl_set_text(curl, CURLOPT_PROXY, "")
        }
    }

    private func setBody(_ body: UnsafeRawBufferPointer, of request: OutgoingRequest) {
        let curl = handle.pointer
        if request.method == .head { _ = shipyard_curl_set_number(curl, CURLOPT_NOBODY, 1) }
        if !body.isEmpty || request.method == .post || request.method == .put || request.method == .patch {
            _ = shipyard_curl_set_size(curl, CURLOPT_POSTFIELDSIZE_LARGE, body.count)
            _ = shipyard_curl_set_pointer(curl, CURLOPT_POSTFIELDS, body.baseAddress ?? Self.noBody)
        }
    }

    /// An empty array may have no address, and NULL would make libcurl read standard input.
    private static var noBody: UnsafeRawPointer { UnsafeRawPointer(StaticString("").utf8Start) }

    private func failure(
        _ code: CURLcode, refusal: HTTPError.Kind?, of request: OutgoingRequest
    ) -> HTTPError {
        if let refusal {
            return HTTPError(kind: refusal, place: request.place, message: message(refusal))
        }
        let kind: HTTPError.Kind =
            switch code {
            case CURLE_COULDNT_CONNECT: .unreachable
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unknownHost
            case CURLE_OPERATION_TIMEDOUT: .timedOut
            case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR: .interrupted
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE: .certificate
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .invalidURL
            default: .other
            }
        return HTTPError(kind: kind, place: request.place, message: message(code, kind))
    }

    /// Why a callback of ours ended the transfer.
    private func message(_ refusal: HTTPError.Kind) -> String {
        switch refusal {
        case .tooLarge: "the answer is too large"
        case .readFailed(0): "the file has become shorter while it was sent"
        case .readFailed(let number): "what was to be sent could not be read: \(String(cString: strerror(number)))"
        default: "the receiver ended the transfer"
        }
    }

    /// What happened, and what a user can do about it where there is something.
    private func message(_ code: CURLcode, _ kind: HTTPError.Kind) -> String {
        let number = Int32(truncatingIfNeeded: shipyard_curl_errno(handle.pointer))
        let reason =
            number == 0 ? String(cString: shipyard_curl_reason(code)) : String(cString: strerror(number))
        switch kind {
        case .unreachable:
            return "could not connect (\(reason)); check that the server runs and the address is right"
        case .unknownHost: return "the host is not known; check its name and the network"
        case .timedOut: return "no answer in time; try again later or allow more time"
        case .interrupted: return "the connection ended before the answer was complete (\(reason)); try again"
        case .certificate: return "the server's certificate is not trusted (\(reason))"
        case .invalidURL: return "not a URL that can be fetched"
        case .cancelled, .tooLarge, .writeFailed, .readFailed, .libraryMissing, .other: return reason
        }
    }
}

/// Seconds since 1970 of a date in a header (RFC 9110, 5.6.7); nil for what is none.
package func httpDate(_ text: String) -> Int64? {
    guard shipyard_curl_load_error() == nil else { return nil }
    let seconds = shipyard_curl_date(text)
    // Up to the year 9999: more is no date, and no milliseconds.
    return (0...253_402_300_799).contains(seconds) ? Int64(seconds) : nil
}
