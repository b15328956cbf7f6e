import Glibc
import ShipyardHTTPClient
import ShipyardModel

/// Signs requests to S3 with AWS Signature Version 4 ("Authenticating Requests", Amazon S3 API Reference). docs/adr/0038
/// says why libcurl does not do it.
///
/// Pure: what it signs comes in, and the time too.
package struct S3Signature: Sendable {
    /// What is signed of a request.
    package struct Subject: Sendable {
        package var method: HTTPMethod
        /// As it is sent: encoded once, nothing taken out. S3 alone among Amazon's services signs it so.
        package var path: String
        package var query: [S3Field]
        /// All of them are signed; `Host` must be there.
        package var headers: [HTTPHeader]
        /// SHA-256 of the body, or `UNSIGNED-PAYLOAD`.
        package var payload: String

        package init(
            _ method: HTTPMethod, path: String, query: [S3Field] = [], headers: [HTTPHeader], payload: String
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.headers = headers
            self.payload = payload
        }
    }

    static let unsignedPayload = "UNSIGNED-PAYLOAD"
    static let emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private let accessKeyID: String
    private let secretKey: Secret
    private let sessionToken: Secret?
    private let region: String
    /// The key of a day: four of the five HMACs of each request.
    private var keyOfDay: (day: String, key: Secret)?

    package init(accessKeyID: String, secretKey: Secret, sessionToken: Secret? = nil, region: String) {
        self.accessKeyID = accessKeyID
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.region = region
    }

    /// All headers to be sent: the subject's, and what the signature adds.
    package mutating func sign(_ subject: Subject, at seconds: Int64) throws(FileStoreError) -> [HTTPHeader] {
        let stamp = Self.stamp(seconds)
        let day = String(stamp.prefix(8))
        var subject = subject
        subject.headers.append(HTTPHeader("x-amz-content-sha256", subject.payload))
        subject.headers.append(HTTPHeader("x-amz-date", stamp))
        if let sessionToken {
            let text = sessionToken.withExposedBytes { String(decoding: $0, as: UTF8.self) }
            subject.headers.append(HTTPHeader("x-amz-security-token", text))
        }
        let scope = "\(day)/\(region)/s3/aws4_request"
        let canonical = Self.canonicalRequest(subject)
        let hash = hexadecimalText(try Digest.of(Array(canonical.text.utf8), .sha256))
        let toSign = Array("AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(hash)".utf8)
        let signature = try key(of: day).withExposedBytes { key throws(FileStoreError) in
            try Digest.authentication(of: toSign, key: key)
        }
        subject.headers.append(
            HTTPHeader(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=\(accessKeyID)/\(scope), SignedHeaders=\(canonical.signedHeaders), "
                    + "Signature=\(hexadecimalText(signature))"))
        return subject.headers
    }

    package static func canonicalRequest(_ subject: Subject) -> (text: String, signedHeaders: String) {
        let headers = subject.headers
            .map { (name: $0.name.lowercased(), value: collapsed($0.value)) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        let names = headers.map(\.name).joined(separator: ";")
        let lines = headers.map { "\($0.name):\($0.value)\n" }.joined()
        let text = [
            subject.method.rawValue, subject.path, S3Field.query(subject.query), lines, names,
            subject.payload,
        ].joined(separator: "\n")
        return (text, names)
    }

    /// Without spaces around it, and with one where there are several.
    private static func collapsed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }

    private mutating func key(of day: String) throws(FileStoreError) -> Secret {
        if let keyOfDay, keyOfDay.day == day { return keyOfDay.key }
        var key = secretKey.withExposedBytes { secret in
            let start = "AWS4".utf8
            let bytes = UnsafeMutableRawBufferPointer.allocate(
                byteCount: start.count + secret.count, alignment: 1)
            bytes.copyBytes(from: start)
            UnsafeMutableRawBufferPointer(rebasing: bytes[start.count...]).copyBytes(from: secret)
            return Secret(owning: bytes)
        }
        for part in [day, region, "s3", "aws4_request"] {
            let bytes = try key.withExposedBytes { key throws(FileStoreError) in
                try Digest.authentication(of: Array(part.utf8), key: key)
            }
            key = Secret(copying: bytes)
        }
        keyOfDay = (day, key)
        return key
    }

    /// `20130524T000000Z`.
    static func stamp(_ seconds: Int64) -> String {
        var (time, parts) = (time_t(seconds), tm())
        gmtime_r(&time, &parts)
        func digits(_ number: Int32, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        let day = digits(parts.tm_year + 1900, 4) + digits(parts.tm_mon + 1, 2) + digits(parts.tm_mday, 2)
        return "\(day)T\(digits(parts.tm_hour, 2))\(digits(parts.tm_min, 2))\(digits(parts.tm_sec, 2))Z"
    }
}

/// A field of a query.
package struct S3Field: Sendable, Hashable {
    package var name: String
    package var value: [UInt8]

    package init(_ name: String, _ value: String = "") {
        self.name = name
        self.value = Array(value.utf8)
    }

    package init(_ name: String, _ value: BytePath) {
        self.name = name
        self.value = value.bytes
    }

    /// In the order that is signed. It is sent in the same, and with a `=` for each, so that nobody in between has anything
    /// to normalise.
    package static func query(_ fields: [S3Field]) -> String {
        fields.map { (S3Text.encoded($0.name.utf8), S3Text.encoded($0.value)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }
}

enum S3Text {
    /// RFC 3986: all but unreserved characters, in upper-case digits.
    static func encoded(_ bytes: some Sequence<UInt8>, keepsSlashes: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                text.append(byte)
            case UInt8(ascii: "/") where keepsSlashes: text.append(byte)
            default: text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// What `encoding-type=url` has encoded, which writes `+` for a space. What is no escape stands for itself.
    static func decoded(_ text: String) -> [UInt8] {
        percentDecodedLeniently(text.replacing("+", with: " "))
    }

    /// Of `bytes`, what is whole UTF-8 from their beginning.
    static func whole(_ bytes: [UInt8]) -> [UInt8] {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var count = 0
        while case .valid(let units) = parser.parseScalar(from: &iterator) { count += units.count }
        return Array(bytes.prefix(count))
    }

    /// An ETag without its quotation marks: what we call a file's identity.
    static func tag(_ text: String?) -> String? {
        guard let text, !text.isEmpty else { return nil }
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
        return String(text.dropFirst().dropLast())
    }

    /// An identity as a header has it.
    static func quoted(_ tag: String) -> String { tag.hasPrefix("W/") ? tag : "\"\(tag)\"" }

    /// A tag that is the MD5 of the content: 32 digits. That of a file of several parts has their number behind it.
    ///
    /// Where the service encrypts with keys of its key management, tags look the same and are no MD5; `stat` and `write` see
    /// that in a header, a listing says nothing of it.
    static func md5(ofTag tag: String?) -> String? {
        guard let tag = tag?.lowercased(), tag.utf8.count == 32 else { return nil }
        return tag.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 } ? tag : nil
    }

    /// `2026-11-26T15:07:51.000Z` of answers in XML.
    static func instant(_ text: String) -> Instant? {
        let numbers = text.split { !$0.isASCII || !$0.isNumber }.map { Int32($0) ?? -1 }
        guard numbers.count >= 6, numbers.prefix(6).allSatisfy({ $0 >= 0 && $0 < 10_000 }) else { return nil }
        var parts = tm()
        parts.tm_year = numbers[0] - 1900
        parts.tm_mon = numbers[1] - 1
        (parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec) = (
            numbers[2], numbers[3], numbers[4], numbers[5]
        )
        let seconds = timegm(&parts)
        // Only thousandths are of any length that we have seen.
        let thousandths =
            text.contains(".") && numbers.count > 6 && numbers[6] >= 0 && numbers[6] < 1000 ? numbers[6] : 0
        return Instant(milliseconds: Int64(seconds) * 1000 + Int64(thousandths))
    }
}
