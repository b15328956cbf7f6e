/// One option of a command: a flag, or a name with a value.
package struct Option: Sendable {
    /// Without the dashes; the key under which its value is asked for.
    package var name: String
    /// Other spellings, accepted and not shown: Batch Shipyard writes `--poolid` here and `--pool-id` there.
    package var aliases: [String] = []
    package var short: Character?
    /// Nil for a flag.
    package var valueName: String?
    package var values = ValueKind.text
    package var summary: String
    /// Given several times, all values count; otherwise the last one wins.
    package var repeats = false
    /// Read where the option is absent.
    package var environmentVariable: String?
    /// Not shown in the help of single commands.
    package var isHidden = false
    /// Accepted for Batch Shipyard's sake; using it is answered with a note.
    package var hasNoLocalEffect = false

    package static func flag(
        _ name: String, short: Character? = nil, aliases: [String] = [], _ summary: String
    ) -> Option {
        Option(name: name, aliases: aliases, short: short, summary: summary)
    }

    package static func value(
        _ name: String, short: Character? = nil, _ valueName: String, aliases: [String] = [],
        values: ValueKind = .text, repeats: Bool = false, environment: String? = nil, _ summary: String
    ) -> Option {
        Option(
            name: name, aliases: aliases, short: short, valueName: valueName, values: values, summary: summary,
            repeats: repeats, environmentVariable: environment)
    }

    package var isFlag: Bool { valueName == nil }

    package func answers(to name: String) -> Bool { self.name == name || aliases.contains(name) }

    /// `-y, --yes`, `    --home DIR`: as help shows it.
    package var synopsis: String {
        let dashes = short.map { "-\($0), --" } ?? "    --"
        return dashes + name + (valueName.map { " \($0)" } ?? "")
    }
}
