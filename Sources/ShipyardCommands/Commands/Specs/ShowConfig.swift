import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// `--show-config`: the spec files as one document, as they are merged.
enum ShowConfig {
    /// Those of the spec directory. Batch Shipyard shows the credentials too; we never show a secret, so that file is
    /// left out.
    static func files(of invocation: Invocation) throws(CommandFailure) -> [SpecSource] {
        try SpecSources(SpecKind.allCases.filter { $0 != .credentials }, of: invocation).sources
    }

    /// As JSON, to the messages. What diagnostics mask is masked here.
    static func print(_ sources: [SpecSource], _ invocation: Invocation) throws(CommandFailure) {
        let shown = sources.filter { $0.kind != .credentials }
        guard !shown.isEmpty else { return invocation.console.say("there are no spec files to show") }
        let (specs, diagnostics) = SpecLoader.load(
            shown, .of(RunContext(parameters: try invocation.arguments.parameters())))
        guard !diagnostics.hasErrors, let merged = specs.merged else {
            return invocation.console.say(
                "the spec files have errors and are not shown: `shipyard-swift validate` says which")
        }
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
