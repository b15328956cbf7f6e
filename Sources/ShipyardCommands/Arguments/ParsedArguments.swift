/// The values of one command line, under the names of the tree.
package struct ParsedArguments: Sendable {
    /// By the option's name; a flag's values are empty strings, one for each time it was given.
    package var options: [String: [String]] = [:]
    /// The words without dashes, in order.
    package var words: [String] = []
    /// How many of `words` stand before a `--`; nil where there is none.
    package var wordsBeforeDashes: Int?
    /// Spellings of options that were given and have no local effect.
    package var withoutEffect: [String] = []

    package init() {}

    /// What stands after a `--`, and is not for us.
    package var foreignWords: [String] { wordsBeforeDashes.map { Array(words[$0...]) } ?? [] }
    package var ownWords: [String] { Array(words.prefix(wordsBeforeDashes ?? words.count)) }

    package func has(_ name: String) -> Bool { options[name] != nil }
    package subscript(name: String) -> String? { options[name]?.last }
    package func all(_ name: String) -> [String] { options[name] ?? [] }

    /// The values of `--param`; of two for one name the last counts.
    package func parameters() throws(CommandFailure) -> [String: String] {
        var parameters: [String: String] = [:]
        for text in all("param") {
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                throw .usage("`--param` takes NAME=VALUE, not `\(text)`")
            }
            parameters[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return parameters
    }

    /// The value as a number that is not negative.
    package func number(_ name: String) throws(CommandFailure) -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw .usage("`--\(name)` takes a number, not `\(text)`")
        }
        return number
    }
}

/// A command to run with everything it may look at.
package struct Invocation {
    /// The words that chose the command: `["pool", "add"]`.
    package let path: [String]
    package let arguments: ParsedArguments
    package let console: Console
    package let environment: Environment
    let connection: ServiceConnection

    /// The option's value, else its environment variable's when that is not empty.
    package func value(_ name: String) -> String? {
        if let given = arguments[name] { return given }
        guard let variable = CommonOptions.all.first(where: { $0.name == name })?.environmentVariable else {
            return nil
        }
        return environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    package func has(_ name: String) -> Bool { arguments.has(name) }
    package var isRaw: Bool { has("raw") }
    package var isVerbose: Bool { has("verbose") }
}
