import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// A file that is being read, over as many answers as it takes.
final class AzureReading {
    private let receive: ((UnsafeRawBufferPointer) -> Bool)?
    private let writer: GatheredWriter?
    /// In the target, of the first byte that is read.
    private let position: Int64
    private let range: Range<Int64>?
    /// Without its quotes. Once an answer has told which file it is, every further one must be of that file.
    private(set) var identity: String?
    /// Bytes that the target has.
    private(set) var received: Int64 = 0
    /// Of the whole file, where the service tells it and all of the file is read.
    private var digest: Digest?
    private var expectedMD5: String?
    /// First byte behind what is wanted, where it is known.
    private var limit: Int64?
    /// Why no more is taken.
    private(set) var refusal: FileStoreError?
    private let place: String

    init(_ range: Range<Int64>?, identity: String?, target: ByteTarget, place: String) {
        self.range = range
        self.identity = identity.map(azureIdentity)
        self.place = place
        switch target {
        case .file(let file, let position):
            receive = nil
            writer = GatheredWriter(file, at: position, expected: range.map { $0.upperBound - $0.lowerBound })
            self.position = position
        case .receiver(let receiver):
            receive = receiver
            writer = nil
            position = 0
        }
    }

    private var start: Int64 { range?.lowerBound ?? 0 }

    func request(_ file: StorePath) -> AzureRequest {
        var request = AzureRequest(.get, file)
        // A range of an empty file is refused, so all of a file is not asked for as a range.
        if range != nil || received > 0 {
            let last = range.map { String($0.upperBound - 1) } ?? ""
            request.headers.append(HTTPHeader("x-ms-range", "bytes=\(start + received)-\(last)"))
        }
        if let identity { request.headers.append(HTTPHeader("If-Match", "\"\(identity)\"")) }
        return request
    }

    /// Status and headers of a success. Answers whether its body is wanted.
    func begin(_ response: HTTPResponse) -> Bool {
        let isFirst = limit == nil
        var first: Int64 = 0
        var size = response.header("Content-Length").flatMap { Int64($0) }
        if response.status == 206 {
            guard let content = response.header("Content-Range").flatMap(Self.contentRange) else {
                refuse(.internalError, "the answer does not say which part of the file it is")
                return false
            }
            (first, size) = (content.first, content.size)
        }
        guard first == start + received else {
            refuse(.internalError, "the answer begins at byte \(first), not at \(start + received)")
            return false
        }
        guard isFirst else { return true }
        if let tag = response.header("ETag") { identity = azureIdentity(tag) }
        guard let size else { return true }
        limit = min(range?.upperBound ?? size, size)
        let name = response.status == 206 ? "x-ms-blob-content-md5" : "Content-MD5"
        if start == 0, limit == size, let md5 = azureMD5(response.header(name)) {
            expectedMD5 = md5
            digest = try? Digest(.md5)
        }
        return true
    }

    /// `bytes 0-99/1000`
    private static func contentRange(_ text: String) -> (first: Int64, size: Int64)? {
        let parts = text.split { " -/".contains($0) }
        guard parts.count == 4, parts[0] == "bytes", let first = Int64(parts[1]), let size = Int64(parts[3])
        else {
            return nil
        }
        return (first, size)
    }

    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard refusal == nil else { return false }
        // A service that knows no ranges would write over what lies behind in the target.
        if let limit, start + received + Int64(bytes.count) > limit {
            refuse(.internalError, "more bytes come than were asked for")
            return false
        }
        if receive?(bytes) == false {
            refusal = FileStoreError.cancelled
            return false
        }
        if let number = writer?.write(bytes) {
            refuseWriting(number)
            return false
        }
        digest?.update(bytes)
        received += Int64(bytes.count)
        return true
    }

    private func refuseWriting(_ number: Int32) {
        refuse(.localFile, "what was received cannot be written: \(String(cString: strerror(number)))")
    }

    private func refuse(_ code: FileStoreError.Code, _ message: String) {
        refusal = FileStoreError(code, "\(place): \(message)")
    }

    /// Whether all has come, as it was written.
    func finish() throws(FileStoreError) {
        if let limit, received != max(0, limit - start) {
            throw FileStoreError(.unreachable, "\(place): \(received) of \(limit - start) bytes have come")
        }
        if let number = writer?.flush() { refuseWriting(number) }
        if let refusal { throw refusal }
        guard let expectedMD5, let digest = digest.take() else { return }
        if digest.hexadecimal() != expectedMD5 {
            throw FileStoreError(
                .md5Mismatch, "\(place): what has come does not have the MD5 that the service tells")
        }
    }

    /// From the first byte again, of the same file.
    func restart() {
        received = 0
        writer?.restart(at: position)
        digest = nil
        expectedMD5 = nil
        limit = nil
    }
}

extension AzureBlobStore {
    package func read(
        _ file: StorePath, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError) {
        try AzureNames.check(file, of: account)
        if let range, range.isEmpty { return }
        let reading = AzureReading(range, identity: identity, target: target, place: place(file))
        for attempt in 1... {
            try read(file, reading)
            do throws(FileStoreError) { return try reading.finish() } catch {
                // Nobody takes back what a receiver has.
                guard case .file = target, error.code == .md5Mismatch, attempt < Self.damagedAttempts else {
                    throw error
                }
                gauge.move(-reading.received)
                reading.restart()
            }
        }
    }

    private func read(_ file: StorePath, _ reading: AzureReading) throws(FileStoreError) {
        var request = reading.request(file)
        while true {
            var before = reading.received
            let beginning = before
            do throws(FileStoreError) {
                let response = try send(
                    onHead: { reading.begin($0) }, onBody: { reading.take($0) },
                    onAgain: {
                        // The exchange takes all of an attempt back, and we go on behind it.
                        gauge.move(reading.received - before)
                        before = reading.received
                    }
                ) {
                    request = reading.request(file)
                    return request
                }
                if response.isSuccess { return }
                // Behind the end of the file.
                if response.status == 416 { return }
                throw refusal(response, request)
            } catch {
                if let refusal = reading.refusal { throw refusal }
                // The attempts of an exchange are for a service that gives nothing. This one gives something each time.
                guard error.isPassing, reading.received > beginning else { throw error }
                gauge.move(reading.received - before)
            }
        }
    }
}
