import Glibc

/// The variables that every process of a node sees.
struct NodeEnvironment {
    /// The node root as the kernel spells it: no link in it, no slash at its end.
    let root: String
    /// Weakest first.
    let variables: [(name: String, value: String)]
    /// Where programs are looked for before the node's shared directory and the working directory.
    let searchPath: String

    // What an agent passes on of its own environment. A short list, because that environment is the one of
    // whoever typed the first command: keys and tokens must not leak into tasks (Batch Shipyard issued
    // advice about just that).
    private static let inherited: Set<String> = [
        "PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "SHELL", "TMPDIR",
    ]
    private static let defaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    static func isInherited(_ name: Substring) -> Bool {
        inherited.contains(String(name)) || name.hasPrefix("LC_")
    }

    /// This process's own environment, reduced to what may be passed on.
    static func inheritedVariables() -> [(name: String, value: String)] {
        var found: [(String, String)] = []
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, isInherited(parts[0]) { found.append((String(parts[0]), String(parts[1]))) }
            entry += 1
        }
        return found
    }

    init(root: String, options: NodeAgentOptions) {
        self.root = root
        var variables = Self.inheritedVariables()
        searchPath = variables.last { $0.name == "PATH" }?.value ?? Self.defaultSearchPath
        let user = variables.last { $0.name == "USER" || $0.name == "LOGNAME" }?.value ?? "\(getuid())"
        variables += [
            ("AZ_BATCH_NODE_ROOT_DIR", root),
            ("AZ_BATCH_NODE_SHARED_DIR", "\(root)/shared"),
            ("AZ_BATCH_NODE_STARTUP_DIR", "\(root)/startup"),
            ("AZ_BATCH_NODE_MOUNTS_DIR", "\(root)/fsmounts"),
            ("AZ_BATCH_NODE_ID", options.node),
            ("AZ_BATCH_POOL_ID", options.pool),
            ("AZ_BATCH_NODE_IS_DEDICATED", options.isDedicated ? "true" : "false"),
            ("AZ_BATCH_TASK_USER", user),
            ("AZ_BATCH_TASK_USER_IDENTITY", "PoolNonAdmin"),
            // Azure's own example value. No node of ours is taken out of service by a threshold.
            ("AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES", "1000000"),
        ]
        self.variables = variables
    }
}
