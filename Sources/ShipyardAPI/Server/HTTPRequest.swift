import ShipyardHTTPClient
import ShipyardModel

/// What a client asked of this server.
package struct HTTPRequest: Sendable {
    package var method: HTTPMethod
    /// As sent, without the query: `/jobs/film`.
    package var path: String
    /// The parts between slashes, decoded after they were split: an encoded slash is a part of a name.
    package var segments: [String]
    /// In the order as sent; a name may come twice.
    package var query: [(name: String, value: String)]
    package var headers: [HTTPHeader]
    package var body: [UInt8]
    /// What stood for the names in the route's pattern; filled by the router.
    package var parameters: [String: String] = [:]
    /// Whether nobody waits for the answer any more: the client has hung up, or the server is about to stop. A
    /// handler that works for long asks now and then.
    package var isAbandoned: @Sendable () -> Bool = { false }

    /// Nil where `target` is no path or holds a percent sign without two hexadecimal digits.
    package init?(_ method: HTTPMethod, target: String, headers: [HTTPHeader] = [], body: [UInt8] = []) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = parts.first, path.hasPrefix("/") else { return nil }
        var segments: [String] = []
        for part in path.split(separator: "/") {
            guard let segment = percentDecoded(part, plusIsSpace: false) else { return nil }
            segments.append(segment)
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
            guard let name = percentDecoded(parts[0], plusIsSpace: true),
                let value = percentDecoded(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
            else { return nil }
            items.append((name, value))
        }
        return items
    }
}

/// Nil for a percent sign without two digits, and for what is not UTF-8 then.
func percentDecoded(_ text: Substring, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "%"):
            guard rest.count >= 2, let decoded = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else {
                return nil
            }
            bytes.append(decoded)
            rest = rest.dropFirst(2)
        case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}

/// `text` as one segment of a path or one value of a query: what `percentDecoded` takes back.
package func percentEncoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        if isIDByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~") {
            bytes.append(byte)
        } else {
            let digits = String(byte, radix: 16, uppercase: true)
            bytes += Array("%\(byte < 16 ? "0" : "")\(digits)".utf8)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
