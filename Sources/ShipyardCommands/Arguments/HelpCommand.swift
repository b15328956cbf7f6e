/// `help`: what `--help` says, as a word.
enum HelpCommand {
    static let command = Command("help", "print the help of a command")
        .details("`help options` describes the options that every command takes.")
        .takes(Argument("COMMAND", "a command, a group and one of its commands, or `options`", optional: true, repeats: true, values: .command))
        .example("help jobs add", "as `jobs add --help`")
        .example("help options", "describes --home, --configdir and all others that every command takes")
        .runs { invocation throws(CommandFailure) in
            let output = invocation.console.output
            let words = invocation.arguments.words
            if words == ["options"] {
                for line in HelpText.commonLines(CommonOptions.all, width: output.width) { output.line(line) }
                return .done
            }
            // As it would be read in front of `--help`, so that a misspelt one gets the same suggestion.
            let parsed = try ArgumentParser.parse(words, root: CommandTree.root, common: CommonOptions.all)
            guard parsed.arguments.words.isEmpty else {
                throw .usage("`\(parsed.path.joined(separator: " "))` has no command `\(parsed.arguments.words[0])`")
            }
            Program.printHelp(of: parsed, to: output)
            return .done
        }
}

/// `version`.
enum VersionCommand {
    static let command = Command("version", "print the version")
        .example("version", "as --version")
        .runs { invocation throws(CommandFailure) in
            invocation.console.print("shipyard-swift \(Program.version)")
            return .done
        }
}

/// `man`: the manual page.
enum ManCommand {
    static let command = Command("man", "print the manual page, for man")
        .details(
            "Made of the same table as the help: one page with every command, its options and examples.",
            "To install it, make its directory first: `mkdir -p ~/.local/share/man/man1`.")
        .example("man | man -l -", "shows it")
        .example("man > ~/.local/share/man/man1/shipyard-swift.1", "installs it for `man shipyard-swift`")
        .runs { invocation throws(CommandFailure) in
            invocation.console.output.write(ManPage.text)
            return .done
        }
}
