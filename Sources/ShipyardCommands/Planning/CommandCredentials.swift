import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// The credentials of a command that opens what they name itself.
enum CommandCredentials {
    /// With the values of the secrets that they name. Nil where no credentials file was found.
    static func read(_ invocation: Invocation) throws(CommandFailure) -> CredentialsSpec? {
        guard let path = SpecFiles(invocation).find("credentials") else { return nil }
        let source = SpecSource(.credentials, try SpecFiles.source("credentials", path))
        let (specs, diagnostics) = SpecLoader.load([source])
        guard !diagnostics.hasErrors else {
            invocation.console.show(diagnostics)
            throw CommandFailure(.specRefused, "")
        }
        var credentials = try CommandVault.resolved(specs.credentials, invocation)
        if path != "-", CredentialsSpec.secret(ofPath: path) == nil { credentials.setFile(absolutePath(path)) }
        return credentials
    }

    /// - Parameter what: `database`, `storage account`.
    static func unknown(_ what: String, _ alias: String, known: some Collection<String>) -> CommandFailure {
        let known = known.sorted()
        let near = closestWord(to: alias, among: known).map { "did you mean `\($0)`?" }
        return .usage(
            "the credentials have no \(what) `\(alias)`",
            help: near ?? (known.isEmpty ? nil : "they have \(known.joined(separator: ", "))"))
    }
}
