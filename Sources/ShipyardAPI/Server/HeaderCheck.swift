import ShipyardHTTPClient

/// Finds requests whose head two readers may understand differently. libmicrohttpd 0.9.75 takes them all, and hands over what it made
/// of them: a header that nobody finds would be one that was not sent, and a request without `Authorization` is the user's.
enum HeaderCheck {
    /// Why the request is refused, as the end of a sentence.
    static func problem(in headers: [HTTPHeader]) -> String? {
        var lengths = 0
        var encodings = 0
        var hosts = 0
        for header in headers {
            guard !header.name.isEmpty, header.name.utf8.allSatisfy(isToken) else {
                return "the name of a header has a character that none may have, as a space before the colon"
            }
            guard header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                return "the value of the header `\(header.name)` has a control character"
            }
            let name = header.name.lowercased()
            // The library puts the next line of a folded header behind its *name*.
            if let folded = meaningful.first(where: { name.hasPrefix($0) && name != $0 }) {
                return "there is no header `\(header.name)`; is it `\(folded)` in two lines?"
            }
            switch name {
            case "content-length": lengths += 1
            case "host": hosts += 1
            case "transfer-encoding":
                encodings += 1
                guard header.value.lowercased() == "chunked" else {
                    return "the only `Transfer-Encoding` that is known is `chunked`"
                }
            default: break
            }
        }
        if lengths + encodings > 1 {
            return "it says more than once how long its body is (`Content-Length`, `Transfer-Encoding`)"
        }
        return hosts > 1 ? "it has more than one header `Host`" : nil
    }

    /// What changes what a request means. No header that anybody sends begins with one of these and goes on.
    private static let meaningful = [
        "authorization", "content-length", "transfer-encoding", "if-match", "if-none-match", "range", "host",
    ]

    /// RFC 9110, 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
