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
        // `… && next` must not go on.
        #expect(no.code == .failed)
        #expect(no.messages == "Confirm deleting pool p [y/n]: Confirm deleting pool p [y/n]: not done\n")
        #expect(service.requests == ["GET /pools/p"])
        let yes = run("pool", "del", "--poolid", "p", answers: ["YES"], service: service)
        #expect(yes.code == .done)
        #expect(service.requests == ["GET /pools/p", "GET /pools/p", "DELETE /pools/p"])
    }

    @Test func questionsSayWhatWillBeLost() {
        let service = FakeService([
            "GET /pools/pool1": [Samples.pool], "GET /jobs/j": [Samples.job("j", counts: "3,2,4,1")],
            "GET /jobs": [
                Samples.list(Samples.job("j", counts: "3,2,4,1"), Samples.job("k", counts: "0,1,0,0"))
            ],
        ])
        #expect(
            run("pool", "del", "--poolid", "pool1", answers: ["n"], service: service).messages
                == "Confirm deleting pool pool1: 2 nodes with all files on them; 2 jobs there with 11 tasks, 3 running,"
                + " 3 waiting, whose records stay [y/n]: not done\n")
        #expect(
            run("jobs", "del", "--jobid", "j", answers: ["n"], service: service).messages
                == "Confirm deleting job j: 10 tasks, 2 running, 3 waiting; their records and files are lost [y/n]: not done\n"
        )
        #expect(
            run("jobs", "term", "--jobid", "j", answers: ["n"], service: service).messages
                == "Confirm terminating job j: 10 tasks, 2 running, 3 waiting; what runs is ended, and what waits never"
                + " runs [y/n]: not done\n")
        #expect(service.requests.allSatisfy { $0.hasPrefix("GET") })
    }

    @Test func recreatingAsksWhereSomebodyCanAnswerAndSaysSoWhereNobodyCan() {
        let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        func service() -> FakeService {
            FakeService([
                "GET /jobs/hello": [Samples.job("hello", state: "completed", counts: "0,0,2,0")],
                "POST /jobs": [#"{"jobs":[],"warnings":[]}"#],
            ])
        }
        let lost = "deleting job hello: 2 tasks; their records and files are lost"
        let (asked, told) = (service(), service())
        let words = ["jobs", "add", "--recreate", "--jobs", "\(root)/jobs/hello/jobs.yaml"]
        let no = run(words[0], words[1], words[2], words[3], words[4], answers: ["n"], service: asked)
        #expect(no.messages == "Confirm \(lost) [y/n]: not done\n" && !asked.requests.contains("POST /jobs"))
        let yes = run(words[0], words[1], words[2], words[3], words[4], service: told)
        #expect(yes.messages.contains(lost) && told.requests.contains("POST /jobs"))
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
