import ShipyardSpecs

/// One word of the command line: a group of sub-commands, or a command that runs.
///
/// The tree of these is the only description of the command line. Parsing, help, suggestions, completion
/// scripts and `docs/commands.md` are all read from it, so none of them can disagree with another.
package struct Command: Sendable {
    package var name: String
    /// One line, without a full stop: `list the pools`.
    package var summary: String
    /// Further paragraphs for the command's own help.
    package var details: [String] = []
    package var arguments: [Argument] = []
    package var options: [Option] = []
    package var examples: [Example] = []
    package var subcommands: [Command] = []
    /// Hidden from help, suggestions and completion: the program's own inner commands.
    package var isHidden = false
    /// Everything after the name is handed over unparsed.
    package var takesAllWords = false
    /// It prints its result as JSON with `--raw`; all others refuse that.
    package var takesRaw = false
    /// What `--show-config` shows; nil where the command has nothing to do with specs, and refuses it.
    package var specs: SpecsShown?
    /// Nil for a group.
    package var run: (@Sendable (Invocation) throws(CommandFailure) -> ExitCode)?

    package init(_ name: String, _ summary: String) {
        self.name = name
        self.summary = summary
    }

    package var visibleSubcommands: [Command] { subcommands.filter { !$0.isHidden } }

    package func subcommand(named name: String) -> Command? { subcommands.first { $0.name == name } }
}

extension Command {
    /// A group: `pool`, `jobs tasks`.
    package static func group(_ name: String, _ summary: String, _ subcommands: [Command]) -> Command {
        var command = Command(name, summary)
        command.subcommands = subcommands
        return command
    }

    package func details(_ paragraphs: String...) -> Command {
        changed { $0.details = paragraphs }
    }

    package func takes(_ arguments: Argument...) -> Command {
        changed { $0.arguments = arguments }
    }

    package func options(_ options: Option...) -> Command {
        changed { $0.options = options }
    }

    package func example(_ line: String, _ meaning: String) -> Command {
        changed { $0.examples.append(Example(line: line, meaning: meaning)) }
    }

    /// `--raw` works.
    package var raw: Command { changed { $0.takesRaw = true } }
    /// `--show-config` works, with the files of the spec directory.
    package var showsConfig: Command { shows { invocation throws(CommandFailure) in try ShowConfig.files(of: invocation) } }

    /// `--show-config` works, with these files.
    func shows(_ specs: @escaping SpecsShown) -> Command { changed { $0.specs = specs } }

    package func runs(
        _ body: @escaping @Sendable (Invocation) throws(CommandFailure) -> ExitCode
    ) -> Command {
        changed { $0.run = body }
    }

    private func changed(_ change: (inout Command) -> Void) -> Command {
        var copy = self
        change(&copy)
        return copy
    }
}

/// The spec files that a command looks at.
package typealias SpecsShown = @Sendable (Invocation) throws(CommandFailure) -> [SpecSource]

/// A word that stands without `--`, such as the `DIR` of `run DIR`.
package struct Argument: Sendable {
    /// In capitals, as help shows it.
    package var name: String
    package var summary: String
    package var isOptional = false
    package var repeats = false
    package var values = ValueKind.text

    package init(
        _ name: String, _ summary: String, optional: Bool = false, repeats: Bool = false,
        values: ValueKind = .text
    ) {
        self.name = name
        self.summary = summary
        isOptional = optional
        self.repeats = repeats
        self.values = values
    }
}

/// What may stand for a value; completion offers it and, for choices and ids, the parser insists on it.
package enum ValueKind: Sendable, Hashable {
    case text, number, file, directory
    case choice([String])
    /// The name of something that the service has.
    case id(NamedKind)
    /// The code of a diagnostic.
    case code
    /// The name of a command, or of a group and then of one of it.
    case command
}

/// Things of the service that commands take by name.
package enum NamedKind: String, Sendable, Hashable, CaseIterable {
    case job, task, pool, node, schedule

    /// What is wrong with a word that should name one: such an id would be no part of a path, or lead to another place.
    package static func objection(to word: String) -> String? {
        if word.isEmpty { return "is empty, and no id is" }
        if word == "." || word == ".." { return "is `\(word)`, which is no id" }
        return word.utf8.count > ServicePath.longestPart ? "is longer than any id" : nil
    }
}

/// A command line and what it does, for help.
package struct Example: Sendable {
    /// Without the program's name.
    package var line: String
    package var meaning: String
}
