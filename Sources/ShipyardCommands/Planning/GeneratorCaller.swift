import Glibc

/// Whose shell a `custom` generator is run from.
package struct GeneratorCaller: Sendable {
    /// How long a generator may take for one row, module loading included. Longer is mostly a mistake, and in a
    /// script nobody would see it.
    static let defaultPatienceSeconds = 60
    static let patienceVariable = "SHIPYARD_GENERATOR_SECONDS"

    var workingDirectory: String
    var environment: [String: String]

    package init(workingDirectory: String, environment: [String: String]) {
        self.workingDirectory = workingDirectory
        self.environment = environment
    }

    /// This process.
    package static var own: GeneratorCaller {
        GeneratorCaller(workingDirectory: currentDirectory(), environment: Environment.ofProcess.all)
    }

    /// In seconds; what is no number from 1 to a day is as good as not set.
    var patienceSeconds: Int {
        let seconds = environment[Self.patienceVariable].flatMap { Int($0) } ?? 0
        return (1...86_400).contains(seconds) ? seconds : Self.defaultPatienceSeconds
    }

    /// The caller's `python3`: nil where its `PATH` has none.
    func python() -> String? {
        let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
            let file = "\(directory.isEmpty ? "." : directory)/python3"
            let candidate = file.hasPrefix("/") ? file : "\(workingDirectory)/\(file)"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }

    /// `NAME=value` for each variable, with the spec's directory and the working directory searched before what
    /// the user has set.
    func variables(searchPath: String) -> [String] {
        var variables = environment
        let inherited = variables["PYTHONPATH"].map { ":\($0)" } ?? ""
        let first = searchPath.isEmpty ? "." : searchPath
        variables["PYTHONPATH"] = "\(first):\(workingDirectory)\(inherited)"
        // Planning leaves nothing beside the user's files.
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
        return variables.filter {
            !$0.key.isEmpty && !$0.key.contains("=") && !"\($0.key)\($0.value)".utf8.contains(0)
        }
        .map { "\($0.key)=\($0.value)" }
    }
}
