import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// Finds and reads the spec files of a command: first the file's own option or variable, then the directory
/// of the spec files, where `.yaml` comes before `.yml` before `.json`.
struct SpecFiles {
    /// In the order in which they are merged.
    static let kinds = ["credentials", "config", "fs", "pool", "jobs", "schedules"]

    private let invocation: Invocation
    private let directory: String

    /// `directory` wins over `--configdir`: the one that a command was given as its argument.
    init(_ invocation: Invocation, directory: String? = nil) {
        self.invocation = invocation
        self.directory = directory ?? invocation.value("configdir") ?? "."
    }

    /// The path of a kind's file as messages name it; nil where there is none.
    func find(_ kind: String) -> String? {
        // Options and their variables were looked at by `value`, so the locator need not.
        if let given = invocation.value(kind) { return given }
        let found = SpecKind(rawValue: kind).flatMap {
            SpecLocator(configurationDirectory: directory).path(for: $0, fileExists: LocalFile.exists)
        }
        if found == nil, kind == "credentials", let id = invocation.value("keyvault-credentials-secret-id") {
            return CredentialsSpec.path(ofSecret: id)
        }
        return found
    }

    /// What goes to the service: every file of `kinds` that exists, and a failure for a missing one of `needed`.
    func submission(
        _ kinds: [String], needed: Set<String>
    ) throws(CommandFailure) -> SubmissionRequest {
        var files: [SubmissionRequest.File] = []
        for kind in Self.kinds where kinds.contains(kind) {
            if let path = find(kind) {
                files.append(try Self.read(kind, path))
            } else if needed.contains(kind) {
                throw missing(kind)
            }
        }
        return SubmissionRequest(files: files, workingDirectory: currentDirectory())
    }

    /// The file as a request carries it. JSON carries text only, so bytes that are none are refused here.
    static func read(_ kind: String, _ path: String) throws(CommandFailure) -> SubmissionRequest.File {
        let source = try source(kind, path)
        guard let text = String(validating: source.bytes, as: UTF8.self) else {
            var diagnostics = Diagnostics()
            _ = SpecReader.read(source, &diagnostics)
            throw CommandFailure(.specRefused, "the spec has errors; nothing was done").preceded(by: TextRenderer().render(diagnostics))
        }
        let isInput = path == "-"
        if kind == "credentials", CredentialsSpec.secret(ofPath: path) != nil {
            return SubmissionRequest.File(of: kind, path: path, name: source.name, text: text)
        }
        return SubmissionRequest.File(
            of: kind, path: isInput ? "<standard input>" : absolutePath(path), name: source.name, text: text)
    }

    /// The file as the spec reader takes it; `-` is standard input, taken for YAML.
    static func source(_ kind: String, _ path: String) throws(CommandFailure) -> SourceText {
        if kind == "credentials", let id = CredentialsSpec.secret(ofPath: path) {
            return SourceText(name: path, text: CredentialsSpec.text(ofSecret: id), isSecret: true)
        }
        do throws(SystemError) {
            // One byte more than is allowed is enough to see that a file is too large, be it endless.
            let bytes = try LocalFile.read(path, atMost: SpecLimits.fileBytes + 1)
            return SourceText(
                name: path == "-" ? "<standard input>.yaml" : path, bytes: bytes,
                isSecret: kind == "credentials")
        } catch {
            throw CommandFailure(.usage, "cannot read the \(kind) file \(path): \(error.reason)")
        }
    }

    func missing(_ kind: String) -> CommandFailure {
        let place = directory == "." ? "the current directory" : directory
        guard LocalFile.isDirectory(directory) else {
            return .usage("there is no directory \(directory)", help: "`--configdir` names the directory of the spec files")
        }
        return .usage(
            "no \(kind) file: \(kind).yaml was not found in \(place)",
            help: invocation.path == ["run"]
                ? "name the \(kind) file itself: `shipyard-swift run FILE`"
                : "name its directory with `--configdir DIR` or the file with `--\(kind) FILE`")
    }
}
