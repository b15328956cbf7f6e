import Glibc

/// The command line program.
package enum Program {
    package static let version = "0.1.0"

    /// Runs one command and returns the exit code.
    package static func run(_ arguments: [String]) -> Int32 {
        openStandardDescriptors()
        // An agent is this program too, and needs none of what follows.
        if arguments.first == "node-agent" { return NodeAgentCommand.run(Array(arguments.dropFirst())) }
        // See `OutputStream`: a reader that goes away must not kill a command that still has to tidy up.
        signal(SIGPIPE, SIG_IGN)
        // And a file that may not grow is an error like a full disk.
        signal(SIGXFSZ, SIG_IGN)
        let console = Console.ofProcess()
        let code = run(arguments, console: console, environment: .ofProcess)
        console.flush()
        return (code == .done ? outcomeOfWriting(console) : code).rawValue
    }

    /// Results that did not reach their file are a failure: a script would take half a list for the whole.
    package static func outcomeOfWriting(_ console: Console) -> ExitCode {
        guard let failure = console.output.failure else { return .done }
        console.report(CommandFailure(.failed, "cannot write to standard output: \(failure.reason)"))
        return .failed
    }

    /// A caller may have closed them. The next file or socket would get the number, and be written to.
    private static func openStandardDescriptors() {
        // In this order: the kernel gives the lowest number that is free.
        for number: Int32 in 0...2 where fcntl(number, F_GETFD) < 0 { _ = open("/dev/null", O_RDWR) }
    }

    package static func run(
        _ words: [String], console: Console, environment: Environment,
        connection: ServiceConnection = .ofProcess
    ) -> ExitCode {
        do {
            return try dispatch(
                words,
                { path, arguments in
                    Invocation(
                        path: path, arguments: arguments, console: console, environment: environment,
                        connection: connection)
                })
        } catch {
            // Who asked for JSON gets JSON, also where the rest of the command line makes no sense.
            if ValidateCommand.wantsJSON(words), error.preface == nil {
                ValidateCommand.print(error, to: console.output)
            }
            console.report(error)
            return error.code
        }
    }

    private static func dispatch(
        _ words: [String], _ invocation: ([String], ParsedArguments) -> Invocation
    ) throws(CommandFailure) -> ExitCode {
        let parsed = try ArgumentParser.parse(words, root: CommandTree.root, common: CommonOptions.all)
        let (command, arguments) = (parsed.command, parsed.arguments)
        let call = invocation(parsed.path, arguments)
        let console = call.console
        console.isVerbose = arguments.has("verbose")
        if arguments.has("version") {
            console.print("shipyard-swift \(version)")
            return .done
        }
        if arguments.has("help") {
            printHelp(of: parsed, to: console.output)
            return .done
        }
        guard let body = command.run else {
            printHelp(of: parsed, to: console.messages)
            return .usage
        }
        if !command.takesAllWords { try check(arguments.words, for: parsed) }
        try checkCommonOptions(of: parsed)
        for option in arguments.withoutEffect { console.say("`\(option)`: accepted, no local effect") }
        if arguments.has("show-config"), let specs = command.specs { try ShowConfig.print(specs(call), call) }
        let code = try body(call)
        // What was asked for has not been done: `… && next` must not go on.
        return code == .done && console.wasDenied ? .failed : code
    }

    /// What a word was meant for that stands where no argument is taken: a spec file, or an id.
    private static func option(for word: String, of parsed: ArgumentParser.Result) -> String? {
        if parsed.command.specs != nil {
            if LocalFile.isDirectory(word) { return "--configdir \(word)" }
            if SpecFileNames.isSpec(word) {
                let own = parsed.path.first.flatMap { ["pool", "schedules"].contains($0) ? $0 : nil }
                let kind = SpecFileNames.kind(of: word) ?? own ?? "jobs"
                return "--\(kind) \(word)"
            }
        }
        guard NamedKind.objection(to: word) == nil else { return nil }
        let option = parsed.command.options.first { ["jobid", "poolid"].contains($0.name) && parsed.arguments[$0.name] == nil }
        return option.map { "--\($0.name) \(word)" }
    }

    /// An option that every command takes and this one does nothing with would be a promise that is not kept.
    private static func checkCommonOptions(of parsed: ArgumentParser.Result) throws(CommandFailure) {
        let path = parsed.path.joined(separator: " ")
        if parsed.arguments.has("raw"), !parsed.command.takesRaw {
            let format = parsed.command.options.first { $0.name == "format" }
            throw .usage(
                "`\(path)` has no `--raw`: it prints nothing that the REST API has",
                help: format.map { "its output is chosen by `--format`: \(HelpText.description(of: $0))" })
        }
        if parsed.arguments.has("show-config"), parsed.command.specs == nil {
            throw .usage("`\(path)` has no `--show-config`: it looks at no spec files")
        }
    }

    static func printHelp(of parsed: ArgumentParser.Result, to stream: OutputStream) {
        let lines = HelpText.lines(
            for: parsed.command, path: parsed.path, common: CommonOptions.all, width: stream.width)
        for line in lines { stream.line(line) }
    }

    private static func check(
        _ words: [String], for parsed: ArgumentParser.Result
    ) throws(CommandFailure) {
        let expected = parsed.command.arguments
        let path = parsed.path.joined(separator: " ")
        if let missing = expected.dropFirst(words.count).first, !missing.isOptional {
            throw .usage(
                "`\(path)` needs \(missing.name): \(missing.summary)",
                help: HelpText.usage(of: parsed.command, path: parsed.path))
        }
        for (index, word) in words.enumerated() {
            guard let argument = index < expected.count ? expected[index] : expected.last,
                case .id = argument.values, let objection = NamedKind.objection(to: word)
            else { continue }
            throw .usage("\(argument.name) of `\(path)` \(objection)")
        }
        let repeats = expected.last?.repeats ?? false
        if words.count > expected.count, !repeats {
            let word = words[expected.count]
            throw .usage(
                "`\(path)` does not take `\(word)`",
                help: option(for: word, of: parsed).map { "did you mean `\($0)`?" } ?? "see `shipyard-swift \(path) --help`")
        }
    }
}
