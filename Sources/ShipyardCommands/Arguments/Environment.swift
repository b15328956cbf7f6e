import Glibc

/// The environment variables a command may read. A value, so that tests need not change the process.
package struct Environment: Sendable {
    private let fixed: [String: String]?

    /// The process's own.
    package static let ofProcess = Environment(fixed: nil)

    package init(_ variables: [String: String]) { fixed = variables }
    private init(fixed: [String: String]?) { self.fixed = fixed }

    package subscript(name: String) -> String? {
        if let fixed { return fixed[name] }
        return getenv(name).map { String(cString: $0) }
    }
}
