import Glibc

/// An operating error of the machine: what was tried, on which path, and what the kernel answered.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation in the user's words or a system call's name: `create directory`, `openat`.
    package var operation: String
    /// Empty where no path is concerned.
    package var path: String
    package var errno: Int32

    package init(_ operation: String, path: String = "", errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    package var reason: String { String(cString: strerror(errno)) }

    package var description: String {
        path.isEmpty ? "\(operation): \(reason)" : "\(operation) \(path): \(reason)"
    }
}

/// Ends the program: what `message` says can only be a programmer's error. Stays on in release builds,
/// because a wrong state written to disk is worse than a crash that recovery is built for.
package func invariantFailure(
    _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
    let text = "shipyard-swift: internal error: \(message()) (\(file):\(line))\n"
    _ = text.withCString { write(2, $0, strlen($0)) }
    abort()
}

package func invariant(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    guard condition else { invariantFailure(message(), file: file, line: line) }
}
