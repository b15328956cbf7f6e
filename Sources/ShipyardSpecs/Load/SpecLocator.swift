/// Finds the file of each kind: its own option, its environment variable, or the configuration directory.
///
/// A pure function of what it is given; the caller knows how to ask for files.
package struct SpecLocator: Sendable {
    /// What the command line says for single kinds, such as `--jobs`.
    package var options: [SpecKind: String] = [:]
    /// What `--configdir` says.
    package var configurationDirectory: String?
    /// The process's environment.
    package var environment: [String: String] = [:]

    package init(
        options: [SpecKind: String] = [:], configurationDirectory: String? = nil,
        environment: [String: String] = [:]
    ) {
        self.options = options
        self.configurationDirectory = configurationDirectory
        self.environment = environment
    }

    /// The path for a kind; nil when there is none. A path that the user names is returned whether it exists
    /// or not, since its absence is an error and not a reason to look elsewhere.
    package func path(for kind: SpecKind, fileExists: (String) -> Bool) -> String? {
        if let named = options[kind] ?? variable("SHIPYARD_\(kind.rawValue.uppercased())_CONF") {
            return named
        }
        let directory = configurationDirectory ?? variable("SHIPYARD_CONFIGDIR") ?? "."
        let base = directory == "." ? "" : directory.hasSuffix("/") ? directory : directory + "/"
        return ["yaml", "yml", "json"].lazy.map { "\(base)\(kind.rawValue).\($0)" }.first(where: fileExists)
    }

    /// An empty variable counts as not set.
    private func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
