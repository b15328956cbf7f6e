import ShipyardSystem

@testable import ShipyardCommands

/// A console in memory and what was written to it.
struct TestConsole {
    let console: Console

    init(
        width: Int = 80, isTerminal: Bool = false, answers: [String]? = nil,
        environment: [String: String] = [:]
    ) {
        var remaining = answers ?? []
        console = Console(
            output: OutputStream(collectingWithWidth: width, isTerminal: isTerminal),
            messages: OutputStream(collectingWithWidth: width, isTerminal: isTerminal),
            environment: Environment(environment),
            readAnswer: answers == nil ? nil : { remaining.isEmpty ? nil : remaining.removeFirst() })
    }

    var output: String { console.output.text }
    var messages: String { console.messages.text }
}

/// What one command line did.
struct ProgramRun {
    var code: ExitCode
    var output: String
    var messages: String
}

/// Runs the program in memory; `service` stands for the service, nil for one that cannot be reached.
func run(
    _ words: String..., environment: [String: String] = ["HOME": "/nowhere"], answers: [String]? = nil,
    service: FakeService? = nil
) -> ProgramRun {
    runWords(words, environment: environment, answers: answers, service: service)
}

func runWords(
    _ words: [String], environment: [String: String] = ["HOME": "/nowhere"], answers: [String]? = nil,
    service: FakeService? = nil
) -> ProgramRun {
    let test = TestConsole(answers: answers, environment: environment)
    let code = Program.run(
        words, console: test.console, environment: Environment(environment),
        connection: FakeService.connection(service))
    return ProgramRun(code: code, output: test.output, messages: test.messages)
}

/// A moment that is long past, as tables show it: by the clock of this machine.
func local(_ time: String) -> String { LocalTime.text(time, at: SystemClock.now()) }
