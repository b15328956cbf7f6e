import Glibc

/// The directory that holds everything of one service: `--home`, `$SHIPYARD_HOME`, or the user's state
/// directory.
package struct HomeDirectory: Sendable {
    /// Absolute.
    package let path: String

    package init(_ invocation: Invocation) throws(CommandFailure) {
        let environment = invocation.environment
        let given: String
        if let home = invocation.value("home") {
            // As a script's unset variable makes it; the current directory is hardly meant.
            guard !home.isEmpty else { throw .usage("`--home` is empty") }
            given = home
        } else if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            given = state + "/shipyard-swift"
        } else if let user = environment["HOME"], user.hasPrefix("/") {
            given = user + "/.local/state/shipyard-swift"
        } else {
            throw .usage("neither --home nor $HOME says where the service keeps its files")
        }
        path = absolutePath(given)
    }

    package var socket: String { path + "/service.sock" }
    package var log: String { path + "/service.log" }
}

/// `path` below the current directory unless it is absolute. Links are not resolved: messages show what the
/// user wrote.
package func absolutePath(_ path: String) -> String {
    var parts: [Substring] = []
    let whole = path.hasPrefix("/") ? path : currentDirectory() + "/" + path
    for part in whole.split(separator: "/") where part != "." {
        if part == ".." {
            _ = parts.popLast()
        } else {
            parts.append(part)
        }
    }
    return "/" + parts.joined(separator: "/")
}

package func currentDirectory() -> String {
    guard let buffer = getcwd(nil, 0) else { return "/" }
    defer { free(buffer) }
    return String(cString: buffer)
}
