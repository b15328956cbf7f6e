import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// What `env:` in spec files stands for: variables of this command, which go along with its submission. A service has
/// nothing of anybody's environment.
enum SentEnvironment {
    /// Nil where the files name none.
    static func variables(
        for files: [SubmissionRequest.File], in environment: Environment = .ofProcess
    ) throws(CommandFailure) -> [String: String]? {
        var found: [String: String] = [:]
        for file in files where SubmissionRequest.mayName("env:", in: file.text) {
            var diagnostics = Diagnostics()
            // What is wrong with a file the service tells.
            let source = SourceText(name: file.name, bytes: Array(file.text.utf8))
            guard let root = SpecReader.read(source, &diagnostics) else { continue }
            for name in names(in: root) {
                guard let value = environment[name] else {
                    throw .usage(
                        "\(file.name) names the secret `env:\(name)`, and there is no such variable",
                        help: "set it in the environment of this command")
                }
                found[name] = value
            }
        }
        return found.isEmpty ? nil : found
    }

    private static func names(in node: SyntaxNode) -> [String] {
        if let elements = node.elements { return elements.flatMap(names) }
        return (node.entries ?? []).flatMap { entry -> [String] in
            guard let key = entry.key.string, key == "secret_id" || key.hasSuffix("_secret_id"),
                case .environment(let name)? = entry.value.string.flatMap(SecretPlace.init)
            else { return names(in: entry.value) }
            return [name]
        }
    }
}
