import Testing

@testable import ShipyardCommands

struct CompletionTests {
    private func answer(_ line: String, names: @escaping Completer.Names = { _, _, _ in [] }) -> [String] {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let answer = Completer.answer(words, names: names)
        return answer.paths == .none ? answer.candidates.map(\.word) : [answer.paths.rawValue]
    }

    @Test func formatsAreThoseOfTheCommandAtHand() {
        #expect(answer("plan --format ") == ["text", "jsonl", "dot", "mermaid"])
        #expect(answer("validate --format ") == ["text", "json"])
        #expect(answer("jobs show j --format j") == ["json"])
        #expect(answer("plan --format=d") == ["--format=dot"])
        // As bash has it.
        #expect(answer("plan --format = d") == ["dot"])
        #expect(answer("plan --format =") == ["text", "jsonl", "dot", "mermaid"])
    }

    /// Every option with words, of every command.
    @Test func everyChoiceIsOffered() {
        func walk(_ command: Command, _ path: [String]) {
            for option in command.options {
                guard case .choice(let words) = option.values else { continue }
                let line = (path + ["--\(option.name)", ""]).joined(separator: " ")
                #expect(answer(line) == words, "\(line)")
            }
            for child in command.visibleSubcommands { walk(child, path + [child.name]) }
        }
        walk(CommandTree.root, [])
    }

    @Test func commandsKindsAndCodes() {
        #expect(answer("jobs ta") == ["tasks"])
        #expect(answer("jobs tasks ") == ["list", "count", "term", "del", "shell"])
        #expect(answer("--home /h -y pool nodes c") == ["count"])
        #expect(answer("validate ") == ["credentials", "config", "fs", "pool", "jobs", "schedules"])
        #expect(answer("validate jobs ") == [":files"])
        #expect(answer("explain SY200").prefix(3) == ["SY2001", "SY2002", "SY2003"])
        #expect(answer("explain sy2001") == ["SY2001"])
        #expect(answer("completion f") == ["fish"])
        #expect(answer("help jobs a") == ["add"])
        #expect(answer("--configdir ") == [":directories"])
        #expect(answer("nonsense ").isEmpty && answer("jobs add --nonsense ").isEmpty)
        #expect(!answer("").contains("complete") && answer("").contains("status"))
    }

    @Test func optionsAreThoseThatTheCommandTakes() {
        let options = answer("jobs tasks list --")
        #expect(options.contains("--failed") && options.contains("--raw") && options.contains("--home"))
        #expect(!answer("jobs add --").contains("--raw"))
        #expect(!answer("jobs tasks list --failed --f").contains("--failed"))
        #expect(answer("jobs rerun j --task a --ta") == ["--task"])
    }

    @Test func idsComeFromTheService() {
        var asked: [String] = []
        func names(_ kind: NamedKind, _ context: Completer.Context, _ prefix: String) -> [String] {
            asked.append("\(kind) \(context.job ?? "-") \(context.pool ?? "-") \(context.home ?? "-") \(prefix)")
            return ["\(prefix)1", "other"]
        }
        #expect(answer("jobs show sw", names: names) == ["sw1"])
        #expect(answer("jobs term a sw", names: names) == ["sw1"])
        #expect(answer("jobs tasks list --jobid j --taskid t", names: names) == ["t1"])
        #expect(answer("jobs tasks shell j t", names: names) == ["t1"])
        #expect(answer("logs j t", names: names) == ["t1"])
        #expect(answer("pool nodes reboot --poolid p --nodeid n", names: names) == ["n1"])
        #expect(answer("pool nodes exec p n", names: names) == ["n1"])
        #expect(answer("--home /h schedules run s", names: names) == ["s1"])
        #expect(answer("data files stream --filespec j,t", names: names) == ["j,t1,", "j,other,"])
        #expect(
            asked == [
                "job - - - sw", "job - - - sw", "task j - - t", "task j - - t", "task j - - t", "node - p - n",
                "node - p - n", "schedule - - /h s", "task j - - t",
            ])
    }
}
