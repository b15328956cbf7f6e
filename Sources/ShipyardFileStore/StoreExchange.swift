import Glibc
import ShipyardHTTPClient
import ShipyardModel

/// Requests to a service over HTTP, sent until they are answered: what S3 and Azure have in common.
///
/// An answer of 408, 429 or 5xx, an answer that ends early and a host that does not listen are tried again, after a time that doubles and
/// that `Retry-After` may lengthen. What the service means by another status is the caller's.
final class StoreExchange {
    /// With the pauses between them more than a minute: a service that is started anew, a storm of refusals.
    static let attempts = 8
    static let firstPause = TimeSpan(milliseconds: 250)
    static let longestPause = TimeSpan.seconds(20)
    /// A service may ask for a longer pause than ours, but not for an hour.
    static let longestRetryAfter = TimeSpan.seconds(120)
    static let stallTime = TimeSpan.seconds(60)
    /// Five thousand names of a kilobyte, each byte escaped, take half of it.
    static let largestAnswer = 32 << 20

    private let client: HTTPClient
    private let gauge: TransferGauge

    init(_ gauge: TransferGauge) throws(FileStoreError) {
        self.gauge = gauge
        do throws(HTTPError) { client = try HTTPClient() } catch { throw FileStoreError(error) }
    }

    /// - Parameters:
    ///   - request: made anew, and signed anew, for each attempt.
    ///   - onHead: sees the head of a successful answer before `onBody` gets its body, and answers whether that is wanted.
    ///   - onBody: gets what a successful answer brings; an attempt that follows brings all of it again, which `onAgain` says.
    ///   - isToBeRepeated: what the service says by other means than the status. It is asked also at the last attempt, and
    ///     whoever asks for more than a few repetitions must have a reason.
    /// - Returns: the answer, whose status is none of those that are tried again unless it was so to the last.
    func send(
        _ request: () throws(FileStoreError) -> OutgoingRequest, onHead: ((HTTPResponse) -> Bool)? = nil,
        onBody: ((UnsafeRawBufferPointer) -> Bool)? = nil, onAgain: () -> Void = {},
        isToBeRepeated: (HTTPResponse) -> Bool = { _ in false }
    ) throws(FileStoreError) -> HTTPResponse {
        var attempt = 1
        while true {
            if gauge.isCancelled { throw FileStoreError.cancelled }
            var outgoing = try request()
            outgoing.stallTime = Self.stallTime
            outgoing.maximumBodyBytes = Self.largestAnswer
            outgoing.timeout = nil
            var moved: Int64 = 0
            do throws(HTTPError) {
                let gauge = gauge
                let response = try client.sendOnce(
                    outgoing, onHead: onHead,
                    onBody: onBody.map { onBody in
                        { bytes in
                            moved += Int64(bytes.count)
                            return gauge.move(Int64(bytes.count)) && onBody(bytes)
                        }
                    },
                    onSent: { count in
                        moved += count
                        return gauge.move(count)
                    })
                let isPassing = isToBeRepeated(response) || Self.isPassing(response.status)
                guard isPassing, attempt < Self.attempts else { return response }
                gauge.move(-moved)
                onAgain()
                pause(beforeAttempt: attempt + 1, asked: retryAfter(response))
            } catch {
                gauge.move(-moved)
                if error.kind == .cancelled { throw FileStoreError.cancelled }
                guard Self.isPassing(error.kind), attempt < Self.attempts else { throw FileStoreError(error) }
                onAgain()
                pause(beforeAttempt: attempt + 1, asked: nil)
            }
            attempt += 1
        }
    }

    static func isPassing(_ status: Int) -> Bool {
        // A store that is full (507) and what it cannot do (501, 505) stay so.
        status == 408 || status == 429 || (500..<600).contains(status) && ![501, 505, 507].contains(status)
    }

    private static func isPassing(_ kind: HTTPError.Kind) -> Bool {
        switch kind {
        case .unreachable, .interrupted, .timedOut: true
        case .unknownHost, .certificate, .cancelled, .tooLarge, .invalidURL, .writeFailed, .readFailed,
            .libraryMissing, .other:
            false
        }
    }

    private func pause(beforeAttempt attempt: Int, asked: TimeSpan?) {
        let own = min(Self.firstPause.milliseconds << Int64(attempt - 2), Self.longestPause.milliseconds)
        // Between half and all of it: a thousand tasks that were refused together shall not come back together.
        var rest = max(Int64.random(in: own / 2...own), asked?.milliseconds ?? 0)
        while rest > 0, !gauge.isCancelled {
            let slice = min(rest, 100)
            usleep(UInt32(slice) * 1000)
            rest -= slice
        }
    }

    /// RFC 9110, 10.2.3: seconds or a date.
    private func retryAfter(_ response: HTTPResponse) -> TimeSpan? {
        guard let text = response.header("Retry-After") else { return nil }
        let seconds: Int64
        if let number = Int64(text) {
            seconds = number
        } else {
            guard let date = httpDate(text) else { return nil }
            seconds = date - Int64(time(nil))
        }
        return TimeSpan(milliseconds: min(max(0, seconds), Self.longestRetryAfter.milliseconds / 1000) * 1000)
    }
}

extension FileStoreError {
    static let cancelled = FileStoreError(.operationCancelled, "the transfer was ended")

    init(_ error: HTTPError) {
        let code: Code =
            switch error.kind {
            case .unreachable, .unknownHost, .interrupted, .certificate, .invalidURL, .other: .unreachable
            case .timedOut: .operationTimedOut
            case .cancelled: .operationCancelled
            case .tooLarge: .internalError
            case .writeFailed, .readFailed: .localFile
            case .libraryMissing: .libraryMissing
            }
        self.init(code, error.description)
    }
}
