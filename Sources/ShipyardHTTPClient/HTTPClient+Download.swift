import Glibc
import ShipyardModel
import ShipyardSystem

extension HTTPClient {
    /// Tries of a download, whatever ended the one before: it begins anew each time and so may be repeated.
    package static let downloadAttempts = 4

    /// Writes what `url` names to an open, empty file. Memory stays bounded; redirects are followed.
    ///
    /// Where the status is not a success the file stays empty and the answer says why in its body.
    package func download(
        _ url: String, headers: [HTTPHeader] = [], toFile file: Int32, timeout: TimeSpan? = nil
    ) throws(HTTPError) -> HTTPResponse {
        var request = OutgoingRequest(.get, url)
        request.headers = headers
        request.timeout = timeout
        request.followsRedirects = true
        request.stallTime = .seconds(60)
        for attempt in 1... {
            let isLast = attempt == Self.downloadAttempts
            do {
                let response = try downloadOnce(request, toFile: file)
                if isLast || !isPassing(response.status) { return response }
            } catch {
                guard !isLast, isPassing(error.kind) else { throw error }
            }
            pause(beforeAttempt: attempt + 1)
        }
        invariantFailure("a loop without end has ended")
    }

    private func downloadOnce(_ request: OutgoingRequest, toFile file: Int32) throws(HTTPError)
        -> HTTPResponse
    {
        guard ftruncate(file, 0) == 0, lseek(file, 0, SEEK_SET) == 0 else {
            throw writeFailure(errno, request)
        }
        var failedWrite: Int32?
        do {
            return try sendOnce(request) { bytes in
                failedWrite = writeAll(bytes, to: file)
                return failedWrite == nil
            }
        } catch {
            if let failedWrite { throw writeFailure(failedWrite, request) }
            throw error
        }
    }

    private func writeFailure(_ number: Int32, _ request: OutgoingRequest) -> HTTPError {
        HTTPError(
            kind: .writeFailed(errno: number), place: request.place,
            message: "could not write what was received: \(String(cString: strerror(number)))")
    }

    /// Whether a later try may well succeed.
    private func isPassing(_ status: Int) -> Bool {
        status == 429 || status == 408 || (500..<600).contains(status)
    }

    private func isPassing(_ kind: HTTPError.Kind) -> Bool {
        switch kind {
        case .unreachable, .interrupted: true
        // A timeout was long already; a name or certificate does not mend in a second.
        case .timedOut, .unknownHost, .certificate, .cancelled, .tooLarge, .invalidURL, .writeFailed,
            .readFailed, .libraryMissing, .other:
            false
        }
    }
}
