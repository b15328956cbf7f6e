import Glibc
import ShipyardService

/// The directory that holds everything of one service: `--home`, `$SHIPYARD_HOME`, or the user's state
/// directory.
package struct HomeDirectory: Sendable {
    /// Absolute.
    package let path: String
    /// Whether this command may make it. One that begins nothing and was told by name where to look finds
    /// something there or says so: a home that springs up under a mistyped name would hide the mistake.
    package let mayBeMade: Bool

    /// Commands that bring something into a home; all others ask about what is there.
    private static let makers: Set<[String]> = [
        ["run"], ["pool", "add"], ["jobs", "add"], ["schedules", "add"], ["service", "start"],
        ["service", "run"], ["service", "install"],
        ["keyvault", "add"], ["keyvault", "import"],
    ]

    /// - Parameter named: by words that were not parsed; nil for those of the command line.
    package init(_ invocation: Invocation, named: String? = nil) throws(CommandFailure) {
        let environment = invocation.environment
        let given: String
        if let home = named ?? invocation.value("home") {
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
        mayBeMade = invocation.arguments["home"] == nil || Self.makers.contains(invocation.path)
    }

    package var socket: String { path + "/service.sock" }
    package var log: String { path + "/service.log" }

    func checkTrust() throws(CommandFailure) {
        guard let objection = HomeTrust.objection(to: path) else { return }
        throw CommandFailure(.serviceUnreachable, objection.message, help: objection.help)
    }

    /// Refuses a home that another user could write to, and one that is not there and may not be made.
    func check() throws(CommandFailure) {
        try checkTrust()
        guard !mayBeMade, !LocalFile.exists(HomeLayout(path).database) else { return }
        throw CommandFailure(
            .serviceUnreachable, "there is no home at \(path), and so no service",
            help:
                "check `--home`; `pool add`, `jobs add`, `schedules add`, `run` and `service start` make a home where there is none"
        )
    }
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
