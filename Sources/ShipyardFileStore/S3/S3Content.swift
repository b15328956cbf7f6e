import Glibc
import ShipyardHTTPClient
import ShipyardModel

/// The hashes of what is sent, computed once before: they are in the head of the request, and a request may be sent again.
struct ContentHashes {
    /// Both hashes of a piece while the processor has it at hand.
    private static let pieceBytes = 256 << 10

    /// Each where it was asked for.
    let md5: [UInt8]?
    let sha256: [UInt8]?

    init(md5: [UInt8]?, sha256: [UInt8]?) {
        self.md5 = md5
        self.sha256 = sha256
    }

    init(of source: ByteSource, withMD5: Bool, withSHA256: Bool) throws(FileStoreError) {
        guard withMD5 || withSHA256 else {
            self.init(md5: nil, sha256: nil)
            return
        }
        var md5 = try Digest(.md5)
        var sha256 = try Digest(.sha256)
        switch source {
        case .bytes(let bytes):
            bytes.withUnsafeBytes {
                if withMD5 { md5.update($0) }
                if withSHA256 { sha256.update($0) }
            }
        case .file(let stretch):
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 16)
            defer { piece.deallocate() }
            var position: Int64 = 0
            while position < stretch.count {
                let wanted = Int(min(Int64(piece.count), stretch.count - position))
                let count = pread(stretch.file, piece.baseAddress, wanted, off_t(stretch.offset + position))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    throw FileStoreError(
                        .localFile,
                        count < 0
                            ? "what was to be sent could not be read: \(String(cString: strerror(errno)))"
                            : "the file has become shorter while it was sent")
                }
                let bytes = UnsafeRawBufferPointer(rebasing: piece[..<count])
                if withMD5 { md5.update(bytes) }
                if withSHA256 { sha256.update(bytes) }
                position += Int64(count)
            }
        }
        let (first, second) = (md5.bytes(), sha256.bytes())
        self.init(md5: withMD5 ? first : nil, sha256: withSHA256 ? second : nil)
    }
}

/// A request to S3, before it is signed.
struct S3Call {
    enum Body {
        case none
        /// What tells the service what to do.
        case xml(String)
        case content(ByteSource, ContentHashes)
    }

    var method: HTTPMethod
    var container: String?
    var name: BytePath?
    var query: [S3Field] = []
    var headers: [HTTPHeader] = []
    var body = Body.none
    /// A success has XML in which this element is. `Error` in its place is a refusal whatever the status: where something takes long
    /// the service answers 200 before it knows.
    ///
    /// Not the root's name, which is not the same in all services. Without any check an answer of something in between would
    /// be a listing of no files.
    var element: String?

    init(_ method: HTTPMethod, _ container: String? = nil, _ name: BytePath? = nil, _ query: [S3Field] = []) {
        self.method = method
        self.container = container
        self.name = name
        self.query = query
    }

    init(_ method: HTTPMethod, _ file: StorePath, _ query: [S3Field] = []) {
        self.init(method, file.container, file.name, query)
    }
}

/// "Checking object integrity", Amazon S3 User Guide.
enum S3Checksum {
    static let algorithm = HTTPHeader("x-amz-checksum-algorithm", "SHA256")
    static let header = "x-amz-checksum-sha256"
    static let element = "ChecksumSHA256"
}

/// The last answer to a call.
struct S3Answer {
    let response: HTTPResponse
    /// Where the call's answer has one.
    let root: XMLElement?
    let refusal: S3Refusal?

    var tag: String? { S3Text.tag(response.header("ETag")) }
    /// The service's time, which is within a second or two of the file's: the answer to a write does not tell that.
    var date: Instant {
        let seconds = response.header("Date").flatMap(httpDate) ?? Int64(time(nil))
        return Instant(milliseconds: seconds * 1000)
    }
}
