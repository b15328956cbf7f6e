import CCurl
import ShipyardModel

/// What one exchange receives; libcurl's callbacks reach it through a pointer.
final class Transfer {
    /// An error's body is read into memory even where a success would be streamed.
    static let maximumErrorBytes = 1 << 20

    private let handle: UnsafeMutableRawPointer
    private let maximumBytes: Int
    private let onHead: ((HTTPResponse) -> Bool)?
    private let onBody: ((UnsafeRawBufferPointer) -> Bool)?
    private let isWanted: (() -> Bool)?
    private var isHeadSeen = false
    private(set) var headers: [HTTPHeader] = []
    private(set) var body: [UInt8] = []
    /// Why a callback refused to take more.
    private(set) var refusal: HTTPError.Kind?

    init(
        _ handle: UnsafeMutableRawPointer, maximumBytes: Int, onHead: ((HTTPResponse) -> Bool)?,
        onBody: ((UnsafeRawBufferPointer) -> Bool)?, isWanted: (() -> Bool)?
    ) {
        self.handle = handle
        self.maximumBytes = maximumBytes
        self.onHead = onHead
        self.onBody = onBody
        self.isWanted = isWanted
    }

    var status: Int { Int(shipyard_curl_status(handle)) }

    func connectCallbacks() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = shipyard_curl_set_receiver(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let transfer = Transfer.from(context) else { return 0 }
            return transfer.receiveBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        _ = shipyard_curl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        _ = shipyard_curl_set_receiver(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            guard let transfer = Transfer.from(context) else { return 0 }
            return transfer.receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        _ = shipyard_curl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        guard isWanted != nil else { return }
        _ = shipyard_curl_set_watcher(
            handle,
            { context, _, _, _, _ in
                guard let transfer = Transfer.from(context), transfer.isWanted?() == false else { return 0 }
                transfer.refusal = .cancelled
                return 1
            }, context)
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> Transfer? {
        context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Answers how many bytes were taken; fewer than given ends the transfer.
    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        let isStreamed = onBody != nil && (200..<300).contains(status)
        if isStreamed, let onBody {
            let isWanted = isHeadSeen || onHead?(HTTPResponse(status: status, headers: headers)) != false
            isHeadSeen = true
            if isWanted, onBody(bytes) { return bytes.count }
            refusal = .cancelled
            return 0
        }
        let limit = onBody == nil ? maximumBytes : Self.maximumErrorBytes
        guard body.count + bytes.count <= limit else {
            refusal = .tooLarge
            return 0
        }
        body.append(contentsOf: bytes)
        return bytes.count
    }

    private func receiveHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        let line = String(decoding: bytes, as: UTF8.self).trimmingSpace()
        if line.hasPrefix("HTTP/") {
            headers = []  // Of the answer before a redirect, or of `100 Continue`.
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].trimmingSpace()
            headers.append(HTTPHeader(String(line[..<colon]), value))
        }
        return bytes.count
    }
}

extension StringProtocol {
    fileprivate func trimmingSpace() -> String {
        let start = drop { $0.isWhitespace }
        guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...end])
    }
}
