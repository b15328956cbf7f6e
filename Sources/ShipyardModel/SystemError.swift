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
