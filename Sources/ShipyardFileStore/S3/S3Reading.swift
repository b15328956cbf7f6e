import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// One read: over several answers, where one ends early, each of which must be of the same file.
final class S3Reading {
    private let range: Range<Int64>?
    private let start: Int64
    private let target: ByteTarget
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
    private var corrupted = 0
    /// Why no more was taken.
    private(set) var problem: FileStoreError?

    init(_ range: Range<Int64>?, _ identity: String?, _ target: ByteTarget, _ gauge: TransferGauge) {
        self.range = range
        self.identity = identity
        self.target = target
        self.gauge = gauge
        start = range?.lowerBound ?? 0
        position = start
        positionOfAttempt = start
    }

    var isComplete: Bool { problem == nil && end == position && expectedMD5 == nil }

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
        if range == nil, position == start { digest = try Digest(.md5) }
        positionOfAttempt = position
        isHeadSeen = false
        problem = nil
    }

    /// What has come stays, where another attempt goes on behind it.
    func keepCount() { gauge.move(position - positionOfAttempt) }

    func begin(_ response: HTTPResponse) -> Bool {
        isHeadSeen = true
        guard let stretch = Self.stretch(response), stretch.lowerBound == position,
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
        end = stretch.upperBound
        if range == nil { expectedMD5 = S3Head.md5(response) ?? S3Head(response, name: BytePath("")).ownMD5 }
        return true
    }

    /// What is answered of the file.
    private static func stretch(_ response: HTTPResponse) -> Range<Int64>? {
        if response.status == 206 {
            // `bytes 0-9/443`
            let numbers = (response.header("Content-Range") ?? "").split { !$0.isNumber }.map {
                Int64($0) ?? -1
            }
            guard numbers.count >= 2, numbers[0] >= 0, numbers[0] <= numbers[1], numbers[1] < .max else { return nil }
            return numbers[0]..<numbers[1] + 1
        }
        guard let count = response.header("Content-Length").flatMap(Int64.init), count >= 0 else {
            return nil
        }
        return 0..<count
    }

    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let end, position + Int64(bytes.count) <= end else {
            problem = FileStoreError(.internalError, "the service answers more than it said")
            return false
        }
        switch target {
        case .file(let file, let offset):
            if let failure = writeAll(bytes, to: file, at: offset + position - start) {
                problem = FileStoreError(
                    .localFile,
                    "what was received could not be written: \(String(cString: strerror(failure)))")
                return false
            }
        case .receiver(let receive): if !receive(bytes) { return false }
        }
        digest?.update(bytes)
        position += Int64(bytes.count)
        return true
    }

    /// Whether an answer that seems a success is none.
    func isToBeRepeated(_ response: HTTPResponse) -> Bool {
        guard response.isSuccess else { return false }
        if !isHeadSeen, !begin(response) { return false }
        if let end, position < end {
            problem = FileStoreError(.unreachable, "the service's answer has ended early")
            return true
        }
        guard let expectedMD5, let found = digest.take()?.hexadecimal() else { return false }
        if found == expectedMD5 { return false }
        problem = FileStoreError(.md5Mismatch, "another content has arrived than the service's hash says")
        corrupted += 1
        // What a receiver has got cannot be taken back.
        guard case .file = target, corrupted < S3Store.attempts else { return false }
        gauge.move(start - positionOfAttempt)
        position = start
        positionOfAttempt = start
        self.expectedMD5 = nil
        end = nil
        return true
    }
}
