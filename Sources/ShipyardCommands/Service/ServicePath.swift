import ShipyardAPI
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
        longer.text += "/" + percentEncoded(part)
        return longer
    }

    /// Appends a relative file path, whose slashes stay.
    package func file(_ path: BytePath) -> ServicePath {
        var longer = self
        longer.text += "/" + percentEncoded(path.bytes, keepingSlashes: true)
        return longer
    }

    package func file(_ name: String) -> ServicePath { file(BytePath(name)) }

    /// Adds `name=value` to the query, unless the value is nil.
    package func query(_ name: String, _ value: String?) -> ServicePath {
        guard let value else { return self }
        var longer = self
        longer.text += (hasQuery ? "&" : "?") + name + "=" + percentEncoded(value)
        longer.hasQuery = true
        return longer
    }
}
