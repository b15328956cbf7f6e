import Glibc

/// The environment variables a command may read. A value, so that tests need not change the process.
package struct Environment: Sendable {
    private let fixed: [String: String]?

    /// The process's own.
    package static let ofProcess = Environment(fixed: nil)

    package init(_ variables: [String: String]) { fixed = variables }
    private init(fixed: [String: String]?) { self.fixed = fixed }

    /// Everything that is text, as a generator gets it.
    package var all: [String: String] {
        if let fixed { return fixed }
        var found: [String: String] = [:]
        var entry = environ
        while let bytes = entry.pointee {
            entry += 1
            guard let text = String(validatingCString: bytes), let equals = text.firstIndex(of: "=") else {
                continue
            }
            found[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return found
    }

    package subscript(name: String) -> String? {
        if let fixed { return fixed[name] }
        return getenv(name).map { String(cString: $0) }
    }
}
