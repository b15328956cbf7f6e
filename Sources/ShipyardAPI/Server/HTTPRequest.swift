import ShipyardHTTPClient
import ShipyardModel
import ShipyardService

/// What a client asked of this server.
package struct HTTPRequest: Sendable {
    package var method: HTTPMethod
    /// As sent, without the query: `/jobs/film`.
    package var path: String
    /// The parts between slashes, decoded after they were split: an encoded slash is a part of a name. Bytes,
    /// because the name of a file may be any.
    package var segments: [BytePath]
    /// In the order as sent; a name may come twice.
    package var query: [(name: String, value: String)]
    package var headers: [HTTPHeader]
    package var body: [UInt8]
    /// What stood for the names in the route's pattern; filled by the router.
    package var parameters: [String: String] = [:]
    /// What stood for the rest of the path, where the pattern has one.
    package var rest = BytePath("")
    /// The task that has asked, by its token; nil for a user.
    package var caller: TaskCaller?
    /// Whether nobody waits for the answer any more: the client has hung up, or the server is about to stop. A
    /// handler that works for long asks now and then.
    package var isAbandoned: @Sendable () -> Bool = { false }

    /// Nil where `target` is no path, holds a percent sign without two hexadecimal digits or an encoded NUL. That
    /// one byte is in no name, and what C reads of a text ends at it: what was checked would not be what is
    /// opened.
    package init?(_ method: HTTPMethod, target: String, headers: [HTTPHeader] = [], body: [UInt8] = []) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = parts.first, path.hasPrefix("/") else { return nil }
        var segments: [BytePath] = []
        for part in path.split(separator: "/") {
            guard let segment = percentDecoded(part, plusIsSpace: false) else { return nil }
            segments.append(BytePath(bytes: segment))
        }
        guard let query = Self.queryItems(parts.count > 1 ? parts[1] : "") else { return nil }
        self.method = method
        self.path = String(path)
        self.segments = segments
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The first value of this name in the query.
    package func queryValue(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The first header of this name, in any case of letters.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    package func decodeBody<Value: Decodable>(as type: Value.Type) throws(JSONError) -> Value {
        try JSONCoding.decode(type, from: body)
    }

    private static func queryItems(_ text: Substring) -> [(name: String, value: String)]? {
        var items: [(name: String, value: String)] = []
        for item in text.split(separator: "&") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = queryText(parts[0]), let value = queryText(parts.count > 1 ? parts[1] : "")
            else { return nil }
            items.append((name, value))
        }
        return items
    }

    private static func queryText(_ text: Substring) -> String? {
        percentDecoded(text, plusIsSpace: true).flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// Nil for a percent sign without two digits, and for NUL however it is written.
func percentDecoded(_ text: Substring, plusIsSpace: Bool) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "%"):
            guard let decoded = hexadecimalByte(rest.prefix(2)), decoded != 0 else { return nil }
            bytes.append(decoded)
            rest = rest.dropFirst(2)
        case 0: return nil
        case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
        default: bytes.append(byte)
        }
    }
    return bytes
}

/// `text` as one segment of a path or one value of a query: what `percentDecoded` takes back.
package func percentEncoded(_ text: String) -> String { percentEncoded(text.utf8, keepingSlashes: false) }

/// Everything but RFC 3986's unreserved characters becomes `%XX`.
package func percentEncoded(_ bytes: some Sequence<UInt8>, keepingSlashes: Bool) -> String {
    var encoded: [UInt8] = []
    for byte in bytes {
        let isPlain = isIDByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~")
        if isPlain || (keepingSlashes && byte == UInt8(ascii: "/")) {
            encoded.append(byte)
        } else {
            let digits = String(byte, radix: 16, uppercase: true)
            encoded += Array("%\(byte < 16 ? "0" : "")\(digits)".utf8)
        }
    }
    return String(decoding: encoded, as: UTF8.self)
}
