import Testing

@testable import ShipyardCommands

struct ProgramTests {
    @Test func versionGoesToTheOutput() {
        let version = run("--version")
        #expect(version.code == .done)
        #expect(version.output == "shipyard-swift \(Program.version)\n")
        #expect(version.messages.isEmpty)
    }

    @Test func groupAloneShowsItsHelpAndIsWrongUsage() {
        let group = run("jobs", "tasks")
        #expect(group.code == .usage)
        #expect(group.output.isEmpty)
        #expect(group.messages.hasPrefix("usage: shipyard-swift jobs tasks COMMAND [options]\n"))
    }

    @Test func wrongUsageIsExitCodeTwoAndUnreachableServiceFour() {
        #expect(run("pool", "lst").code == .usage)
        #expect(run("pool", "list").code == .serviceUnreachable)
        #expect(run("run").code == .usage)
        #expect(run("run").messages.hasPrefix("error: `run` needs DIR|FILE: "))
        #expect(run("pool", "list", "extra").messages.hasPrefix("error: `pool list` does not take `extra`"))
    }

    @Test func cloudOptionIsAcceptedWithANote() {
        let list = run(
            "pool", "list", "--aad-auth-key", "secret",
            service: FakeService(["GET /pools": [#"{"value":[]}"#]]))
        #expect(list.code == .done)
        #expect(list.messages == "`--aad-auth-key`: accepted, no local effect\nno pools found\n")
    }

    @Test func confirmationWithoutATerminalFailsRatherThanHangs() {
        let delete = run("pool", "del", "--poolid", "p")
        #expect(delete.code == .usage)
        #expect(delete.messages.contains("standard input is no terminal"))
        #expect(delete.messages.contains("add `-y`"))
    }

    @Test func confirmationIsAskedUntilItIsAnswered() {
        let service = FakeService(["DELETE /pools/p": ["{}"]])
        let no = run("pool", "del", "--poolid", "p", answers: ["maybe", "No"], service: service)
        #expect(no.code == .done)
        #expect(no.messages == "Confirm deleting pool p [y/n]: Confirm deleting pool p [y/n]: ")
        #expect(service.requests.isEmpty)
        let yes = run("pool", "del", "--poolid", "p", answers: ["YES"], service: service)
        #expect(yes.code == .done)
        #expect(service.requests == ["DELETE /pools/p"])
    }

    @Test func everyCommandHasHelpWithAnExampleAndASummaryWithoutAFullStop() {
        func walk(_ command: Command, _ path: [String]) {
            for child in command.visibleSubcommands {
                let name = (path + [child.name]).joined(separator: " ")
                #expect(!child.summary.hasSuffix("."), "\(name)")
                #expect(child.run == nil || !child.examples.isEmpty, "\(name) has no example")
                walk(child, path + [child.name])
            }
        }
        walk(CommandTree.root, [])
    }
}
