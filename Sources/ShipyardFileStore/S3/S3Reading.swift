import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// One read: over several answers, where one ends early, each of which must be of the same file.
final class S3Reading {
    private let range: Range<Int64>?
    private let start: Int64
    private let receive: ((UnsafeRawBufferPointer) -> Bool)?
    private let writer: GatheredWriter?
    /// In the target, of the first byte that is read.
    private let place: Int64
    private let gauge: TransferGauge
    /// What the file must be; after the first answer, what it was then.
    private var identity: String?
    private var position: Int64
    private var positionOfAttempt: Int64
    private var isHeadSeen = false
    /// Where the stretch ends that is answered.
    private var end: Int64?
    private var digest: Digest?
    private var expectedMD5: String?
    private var partsDigest: PartsDigest?
    private var expectedParts: PartsHash?
    private var corrupted = 0
    /// Why no more was taken.
    private(set) var problem: FileStoreError?

    init(_ range: Range<Int64>?, _ identity: String?, _ target: ByteTarget, _ gauge: TransferGauge) {
        self.range = range
        self.identity = identity
        self.gauge = gauge
        start = range?.lowerBound ?? 0
        switch target {
        case .file(let file, let position):
            receive = nil
            writer = GatheredWriter(file, at: position, expected: range.map { $0.upperBound - $0.lowerBound })
            place = position
        case .receiver(let receiver):
            receive = receiver
            writer = nil
            place = 0
        }
        position = start
        positionOfAttempt = start
    }

    var isComplete: Bool { problem == nil && end == position && expectedMD5 == nil && expectedParts == nil }

    var headers: [HTTPHeader] {
        var headers: [HTTPHeader] = []
        if let range {
            headers.append(HTTPHeader("Range", "bytes=\(position)-\(range.upperBound - 1)"))
        } else if position > 0 {
            headers.append(HTTPHeader("Range", "bytes=\(position)-"))
        }
        if let identity { headers.append(HTTPHeader("If-Match", S3Text.quoted(identity))) }
        return headers
    }

    func beginAttempt() throws(FileStoreError) {
        // An answer may break after its last byte.
        if isComplete && position > start { throw FileStoreError.cancelled }
        positionOfAttempt = position
        isHeadSeen = false
        problem = nil
    }

    /// What has come stays, where another attempt goes on behind it.
    func keepCount() { gauge.move(position - positionOfAttempt) }

    func begin(_ response: HTTPResponse) -> Bool {
        isHeadSeen = true
        guard let (stretch, size) = Self.stretch(response), stretch.lowerBound == position,
            range.map({ stretch.upperBound <= $0.upperBound }) != false
        else {
            problem = FileStoreError(
                .unsupported, "the service does not answer the range that it was asked for")
            return false
        }
        let tag = S3Text.tag(response.header("ETag"))
        if let identity, let tag, identity != tag {
            problem = FileStoreError(.conditionNotMet, "the file is another one by now")
            return false
        }
        identity = identity ?? tag
        // A service may answer less than it was asked for; what is missing is asked for again.
        end = size.map { min(max($0, stretch.upperBound), range?.upperBound ?? .max) } ?? stretch.upperBound
        if range == nil, position == start { expectHash(S3Head(response, name: BytePath("")).file) }
        return true
    }

    private func expectHash(_ head: StoredFile) {
        expectedMD5 = head.md5
        expectedParts = head.md5 == nil ? head.partsHash : nil
        digest = expectedMD5 == nil ? nil : try? Digest(.md5)
        partsDigest = expectedParts.flatMap { try? PartsDigest(partBytes: $0.partBytes) }
    }

    /// What is answered of the file, and how long that is where the answer tells it.
    private static func stretch(_ response: HTTPResponse) -> (Range<Int64>, size: Int64?)? {
        // `bytes 0-9/443`, by some services with status 200.
        if let stated = response.header("Content-Range") {
            let numbers = stated.split { !$0.isNumber }.map { Int64($0) ?? -1 }
            guard numbers.count >= 2, numbers[0] >= 0, numbers[0] <= numbers[1], numbers[1] < .max else { return nil }
            return (numbers[0]..<numbers[1] + 1, numbers.count > 2 ? numbers[2] : nil)
        }
        guard response.status != 206, let count = response.header("Content-Length").flatMap(Int64.init), count >= 0
        else { return nil }
        return (0..<count, nil)
    }

    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let end, position + Int64(bytes.count) <= end else {
            problem = FileStoreError(.internalError, "the service answers more than it said")
            return false
        }
        if let failure = writer?.write(bytes) {
            problem = Self.notWritten(failure)
            return false
        }
        if receive?(bytes) == false { return false }
        digest?.update(bytes)
        partsDigest?.update(bytes)
        position += Int64(bytes.count)
        return true
    }

    /// What has come is in its file, or there is a problem.
    func flush() {
        guard problem == nil, let failure = writer?.flush() else { return }
        problem = Self.notWritten(failure)
    }

    private static func notWritten(_ number: Int32) -> FileStoreError {
        FileStoreError(.localFile, "what was received could not be written: \(String(cString: strerror(number)))")
    }

    /// Whether an answer that seems a success is none.
    func isToBeRepeated(_ response: HTTPResponse) -> Bool {
        guard response.isSuccess else { return false }
        if !isHeadSeen, !begin(response) { return false }
        if let end, position < end {
            problem = FileStoreError(.unreachable, "the service's answer has ended early")
            return true
        }
        guard !isAsExpected() else { return false }
        problem = FileStoreError(.md5Mismatch, "another content has arrived than the service's hash says")
        corrupted += 1
        // What a receiver has got cannot be taken back.
        guard let writer, corrupted < S3Store.attempts else { return false }
        gauge.move(start - positionOfAttempt)
        position = start
        positionOfAttempt = start
        writer.restart(at: place)
        expectedMD5 = nil
        expectedParts = nil
        end = nil
        return true
    }

    /// Of all that has come.
    private func isAsExpected() -> Bool {
        if let expectedMD5, let digest = digest.take() { return digest.hexadecimal() == expectedMD5 }
        if let expectedParts, let digest = partsDigest.take() { return (try? digest.hash()) == expectedParts }
        return true
    }
}
