import CCurl
import Glibc

/// What one exchange sends of a file; libcurl's callbacks reach it through a pointer.
final class StretchSender {
    /// libcurl's buffer for what is sent: its own choice of 64 KiB costs a system call for each.
    private static let bufferBytes = 512 << 10

    private let stretch: FileStretch
    private let onSent: ((Int64) -> Bool)?
    private var sent: Int64 = 0
    /// Why a callback gave nothing more.
    private(set) var refusal: HTTPError.Kind?

    init(_ stretch: FileStretch, _ onSent: ((Int64) -> Bool)?) {
        self.stretch = stretch
        self.onSent = onSent
    }

    func connect(to curl: UnsafeMutableRawPointer) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = shipyard_curl_set_number(curl, CURLOPT_UPLOAD, 1)
        _ = shipyard_curl_set_number(curl, CURLOPT_UPLOAD_BUFFERSIZE, Self.bufferBytes)
        _ = shipyard_curl_set_size(curl, CURLOPT_INFILESIZE_LARGE, Int(stretch.count))
        _ = shipyard_curl_set_receiver(curl, CURLOPT_READFUNCTION) { bytes, size, count, context in
            StretchSender.from(context)?.give(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
                ?? Int(CURL_READFUNC_ABORT)
        }
        _ = shipyard_curl_set_pointer(curl, CURLOPT_READDATA, context)
        // A connection that was closed while it was idle is noticed when a part has been sent already.
        _ = shipyard_curl_set_seeker(curl) { context, offset, origin in
            guard let sender = StretchSender.from(context), origin == SEEK_SET else { return CURL_SEEKFUNC_FAIL }
            sender.go(to: Int64(offset))
            return CURL_SEEKFUNC_OK
        }
        _ = shipyard_curl_set_pointer(curl, CURLOPT_SEEKDATA, context)
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> StretchSender? {
        context.map { Unmanaged<StretchSender>.fromOpaque($0).takeUnretainedValue() }
    }

    private func go(to position: Int64) {
        _ = onSent?(position - sent)
        sent = position
    }

    private func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let wanted = min(Int64(buffer.count), stretch.count - sent)
        guard wanted > 0 else { return 0 }
        var count = 0
        repeat {
            count = pread(stretch.file, buffer.baseAddress, Int(wanted), off_t(stretch.offset + sent))
        } while count < 0 && errno == EINTR
        guard count > 0 else {
            refusal = .readFailed(errno: count < 0 ? errno : 0)
            return Int(CURL_READFUNC_ABORT)
        }
        sent += Int64(count)
        if onSent?(Int64(count)) == false {
            refusal = .cancelled
            return Int(CURL_READFUNC_ABORT)
        }
        return count
    }
}
