import ShipyardModel

/// Builds the path of a request; every part is percent-encoded.
package struct ServicePath: Sendable, ExpressibleByStringLiteral {
    package private(set) var text: String
    private var hasQuery = false

    /// A constant path, taken as it is.
    package init(stringLiteral text: String) { self.text = text }

    /// `path / "a b"` is `path/a%20b`.
    package static func / (path: ServicePath, part: String) -> ServicePath {
        var longer = path
        longer.text += "/" + percentEncoded(part, keepingSlashes: false)
        return longer
    }

    /// Appends a relative file path, whose slashes stay.
    package func file(_ name: String) -> ServicePath {
        var longer = self
        longer.text += "/" + percentEncoded(name, keepingSlashes: true)
        return longer
    }

    /// Adds `name=value` to the query, unless the value is nil.
    package func query(_ name: String, _ value: String?) -> ServicePath {
        guard let value else { return self }
        var longer = self
        longer.text += (hasQuery ? "&" : "?") + name + "=" + percentEncoded(value, keepingSlashes: false)
        longer.hasQuery = true
        return longer
    }
}

/// Everything but RFC 3986's unreserved characters becomes `%XX`.
func percentEncoded(_ text: String, keepingSlashes: Bool) -> String {
    var encoded = ""
    for byte in text.utf8 {
        let isPlain = isIDByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~")
        if isPlain || (keepingSlashes && byte == UInt8(ascii: "/")) {
            encoded.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            let digits = String(byte, radix: 16, uppercase: true)
            encoded += "%" + (digits.count == 1 ? "0" : "") + digits
        }
    }
    return encoded
}
