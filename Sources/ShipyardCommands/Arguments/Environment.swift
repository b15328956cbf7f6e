import Glibc

/// The environment variables a command may read. A value, so that tests need not change the process.
package struct Environment: Sendable {
    private let fixed: [String: String]?

    /// The process's own.
    package static let ofProcess = Environment(fixed: nil)

    package init(_ variables: [String: String]) { fixed = variables }
    private init(fixed: [String: String]?) { self.fixed = fixed }

    /// Everything, as a generator that runs for this process gets it.
    package var all: [String: String] {
        if let fixed { return fixed }
        var found: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return found
    }

    package subscript(name: String) -> String? {
        if let fixed { return fixed[name] }
        return getenv(name).map { String(cString: $0) }
    }
}
