import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// `--show-config`: the spec files as one document, as they are merged.
enum ShowConfig {
    /// As JSON, to the messages. Batch Shipyard prints the credentials too; we never show a secret, so that file
    /// is left out, and what diagnostics mask of the others is masked here.
    static func print(_ invocation: Invocation) throws(CommandFailure) {
        let files = try SpecSources([.config, .fs, .pool, .jobs], of: invocation)
        let (specs, diagnostics) = SpecLoader.load(
            files.sources, .of(RunContext(parameters: try invocation.arguments.parameters())))
        // What is wrong is told by the command itself.
        guard !diagnostics.hasErrors, let merged = specs.merged else { return }
        invocation.console.say(json(merged).prettyText)
    }

    private static func json(_ node: SyntaxNode) -> JSONValue {
        switch node.content {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let number): .integer(Int64(number))
        case .bigInteger(let digits): .string(digits)
        case .float(let number): number.isFinite ? .number(number) : .string("\(number)")
        case .string(let text), .date(let text):
            .string(Redaction.holdsSecret(text) ? masked : LateText.shown(text))
        case .sequence(let items): .array(items.map(json))
        case .mapping(let entries): .object(entries.map(member))
        }
    }

    /// Everything below a key that says secret is one, however it is written.
    private static func member(_ entry: SyntaxEntry) -> JSONValue.Member {
        let name = entry.key.string ?? json(entry.key).compactText
        let isSecret = Redaction.isSecret(key: name) && !entry.value.isNull
        return JSONValue.Member(name, isSecret ? .string(masked) : json(entry.value))
    }

    private static let masked = Secret.mask
}
