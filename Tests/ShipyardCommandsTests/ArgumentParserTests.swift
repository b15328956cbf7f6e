import Testing

@testable import ShipyardCommands

struct ArgumentParserTests {
    private func parse(_ words: String...) throws(CommandFailure) -> ArgumentParser.Result {
        try ArgumentParser.parse(words, root: CommandTree.root, common: CommonOptions.all)
    }

    private func failure(_ words: String...) -> CommandFailure? {
        do throws(CommandFailure) {
            _ = try ArgumentParser.parse(words, root: CommandTree.root, common: CommonOptions.all)
            return nil
        } catch {
            return error
        }
    }

    @Test func optionTakesItsValueFromTheNextWordOrAfterAnEqualsSign() throws {
        #expect(try parse("jobs", "list", "--jobid", "a").arguments["jobid"] == "a")
        #expect(try parse("jobs", "list", "--jobid=a=b").arguments["jobid"] == "a=b")
        #expect(try parse("pool", "list", "--configdir=").arguments["configdir"] == "")
        #expect(try parse("service", "logs", "--home", "-").arguments["home"] == "-")
    }

    @Test func lastValueWinsAndAllAreKept() throws {
        let arguments = try parse("jobs", "list", "--jobid", "a", "--jobid", "b").arguments
        #expect(arguments["jobid"] == "b")
        #expect(arguments.all("jobid") == ["a", "b"])
    }

    @Test func commonOptionsMayStandAnywhere() throws {
        let result = try parse("-y", "--home", "/h", "jobs", "-v", "tasks", "list", "--raw")
        #expect(result.path == ["jobs", "tasks", "list"])
        #expect(result.arguments["home"] == "/h")
        #expect(["yes", "verbose", "raw"].allSatisfy(result.arguments.has))
    }

    @Test func shortFlagsMayBeJoined() throws {
        let arguments = try parse("pool", "list", "-vy").arguments
        #expect(arguments.has("verbose") && arguments.has("yes"))
    }

    @Test func twoDashesEndTheOptions() throws {
        #expect(try parse("run", "--", "--odd").arguments.words == ["--odd"])
    }

    @Test func bothSpellingsOfPoolIDAreOne() throws {
        #expect(try parse("pool", "exists", "--pool-id", "p").arguments["poolid"] == "p")
        #expect(try parse("pool", "del", "--poolid", "p").arguments["poolid"] == "p")
    }

    @Test func forgottenValueIsNotTakenFromTheNextOption() {
        #expect(
            failure("jobs", "list", "--jobid", "--raw")?.message == "`--jobid` needs a value: `--jobid ID`")
        #expect(failure("pool", "add", "--recreate=1")?.message == "`--recreate` takes no value")
    }

    @Test func numberAndChoiceAreChecked() {
        #expect(failure("service", "logs", "--lines", "x")?.message == "`--lines` takes a number, not `x`")
        let choice = failure("plan", "--format", "jsnl")
        #expect(choice?.message == "`--format` takes text, jsonl, dot, mermaid, not `jsnl`")
        #expect(choice?.help == "did you mean `jsonl`?")
    }

    @Test(arguments: [
        (["jobs", "lsit"], "unknown command `lsit` of `jobs`", "did you mean `shipyard-swift jobs list`?"),
        (["pol"], "unknown command `pol`", "did you mean `shipyard-swift pool`?"),
        (
            ["pool", "delete"], "unknown command `delete` of `pool`",
            "did you mean `shipyard-swift pool del`?"
        ),
        (
            ["pool", "nodes", "list", "--pool-idd", "x"], "unknown option `--pool-idd` of `pool nodes list`",
            "did you mean `--pool-id`?"
        ),
        (["pool", "list", "-q"], "unknown option `-q`", "see `shipyard-swift pool list --help`"),
        (
            ["--jobid", "a", "jobs", "list"], "unknown option `--jobid`",
            "options of a command stand after it"
        ),
    ])
    func mistypedWordGetsASuggestion(words: [String], message: String, help: String) {
        do throws(CommandFailure) {
            _ = try ArgumentParser.parse(words, root: CommandTree.root, common: CommonOptions.all)
            Issue.record("\(words) was accepted")
        } catch {
            #expect(error.code == .usage)
            #expect(error.message == message)
            #expect(error.help == help)
        }
    }
}
