import Glibc

/// What a service has of the environment of whoever started it.
package enum ServiceEnvironment {
    /// The variables of this process that a service may have, as `execve` takes them: what a node's processes get,
    /// and what sets the service itself. Everything else is its caller's own business, secrets included.
    package static var variables: [String] {
        var found = NodeEnvironment.inheritedVariables()
        for name in settings {
            if let value = getenv(name) { found.append((name, String(cString: value))) }
        }
        return found.map { "\($0.name)=\($0.value)" }
    }

    /// Whether this process has nothing in its environment that a service may not have.
    package static var isOwn: Bool {
        var entry = environ
        var count = 0
        while entry.pointee != nil {
            count += 1
            entry += 1
        }
        return count == variables.count
    }

    /// Whether a service may have a variable of this name.
    package static func takes(_ name: String) -> Bool {
        NodeEnvironment.isInherited(Substring(name)) || settings.contains(name)
    }

    private static let settings = [
        "SHIPYARD_SILENCE_SECONDS", "SHIPYARD_AGENT_TRANSPORT", "SHIPYARD_PROTOCOL",
        // A path; what is in the file is no part of any environment.
        "SHIPYARD_VAULT_PASSPHRASE_FILE",
    ]
}
