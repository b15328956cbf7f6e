import ShipyardAPI
import ShipyardModel

/// Builds the path of a request; every part is percent-encoded.
package struct ServicePath: Sendable, ExpressibleByStringLiteral {
    package private(set) var text: String
    private var hasQuery = false
    /// What makes it no path, as a sentence about what a user gave. Where a part is empty, `.` or `..`, the request
    /// would go to another place.
    package private(set) var flaw: String?

    /// Longer names than anything has; the server takes no line that would hold two of them.
    package static let longestPart = 1024

    /// A constant path, taken as it is.
    package init(stringLiteral text: String) { self.text = text }

    /// `path / "a b"` is `path/a%20b`.
    package static func / (path: ServicePath, part: String) -> ServicePath {
        var longer = path
        longer.text += "/" + percentEncoded(part)
        longer.flaw = longer.flaw ?? NamedKind.objection(to: part).map { "an id \($0)" }
        return longer
    }

    /// Appends a relative file path, whose slashes stay; `./a//b` is `a/b`.
    package func file(_ path: BytePath) -> ServicePath {
        var longer = self
        let names = path.components.filter { !$0.bytes.isEmpty && $0 != BytePath(".") }
        for name in names {
            longer.text += "/" + percentEncoded(name.bytes, keepingSlashes: false)
        }
        if names.isEmpty { longer.flaw = longer.flaw ?? "`\(path.shown)` names no file" }
        if names.contains(BytePath("..")) {
            longer.flaw = longer.flaw ?? "`\(path.shown)` leads out of the directory"
        }
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
