import ShipyardDiagnostics

/// `explain`: the page of a diagnostic's code.
enum ExplainCommand {
    static let command = Command("explain", "explain a code such as SY2003")
        .details("Without a code all codes are listed.")
        .takes(Argument("CODE", "SY and four digits", optional: true, values: .code))
        .example("explain SY2003", "says what the code means and how to mend it")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let codes = DiagnosticCode.allCases.filter { $0.page != nil }.sorted { $0.rawValue < $1.rawValue }
        guard let word = invocation.arguments.words.first else {
            for code in codes { invocation.console.print("\(code.rawValue)  \(code.title)") }
            return .done
        }
        guard let code = DiagnosticCode(rawValue: word.uppercased()), let page = code.page else {
            let near = closestWord(to: word, among: codes.map(\.rawValue))
            throw .usage(
                "there is no code `\(word)`",
                help: near.map { "did you mean `\($0)`?" } ?? "`shipyard-swift explain` lists all codes")
        }
        invocation.console.output.write(page.hasSuffix("\n") ? page : page + "\n")
        return .done
    }
}
