import Foundation
import ShipyardNode
import Testing

/// How a command line becomes a process: docs/spec/commands.md, whose every example is held here.
struct CommandFormTests {
    /// A line of an example block: what stands before `→`, and the form that follows it.
    private struct Example {
        var command: String
        var form: CommandForm
    }

    /// Examples stand in blocks that begin with three backquotes and `commands`: a command, an arrow, and either `sh`
    /// for a script of a shell of ours or the words as JSON. `\n` in a command is a line end.
    private static func examples() throws -> [Example] {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/spec/commands.md")
        var isInside = false
        var found: [Example] = []
        for line in try String(contentsOf: page, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("```") {
                isInside = line == "```commands"
            } else if isInside {
                let parts = line.components(separatedBy: "→").map { $0.trimmingCharacters(in: .whitespaces) }
                try #require(parts.count == 2, "\(line)")
                let command = parts[0].replacing("\\n", with: "\n")
                let form: CommandForm =
                    parts[1] == "sh"
                    ? .script(command)
                    : .words(try JSONDecoder().decode([String].self, from: Data(parts[1].utf8)))
                found.append(Example(command: command, form: form))
            }
        }
        return found
    }

    @Test func thePageSaysWhatHappens() throws {
        let examples = try Self.examples()
        #expect(examples.count > 20)
        for example in examples {
            #expect(CommandForm(example.command) == example.form, "\(example.command)")
        }
    }

    @Test(arguments: [
        ("", CommandForm.script("")), (" \n\t ", .script("")), ("# nothing", .script("# nothing")),
        ("a # b", .script("a # b")), ("a#b", .words(["a#b"])), ("a \"b", .script("a \"b")),
        ("a 'b", .script("a 'b")),
        ("a \\", .script("a \\")), ("a\\ b", .words(["a b"])), ("'' a", .words(["", "a"])),
        ("a '' \"\"", .words(["a", "", ""])), ("a 'b'\"c\"d", .words(["a", "bcd"])),
        ("a '$x' '*' \"*\"", .words(["a", "$x", "*", "*"])), ("a \"$x\"", .script("a \"$x\"")),
        ("a \\$x", .words(["a", "$x"])), ("a \"\\$x \\q\"", .words(["a", "$x \\q"])),
        ("a\tb\n", .words(["a", "b"])), ("a\nb", .script("a\nb")), ("a\r\nb", .script("a\r\nb")),
        ("a 'x\ny'", .words(["a", "x\ny"])), ("A=1 b", .script("A=1 b")), ("cd /tmp", .script("cd /tmp")),
        ("\"cd\" /tmp", .script("\"cd\" /tmp")), ("a b=c", .words(["a", "b=c"])),
        ("a {1,2}", .script("a {1,2}")),
        ("~/x", .script("~/x")), ("a é ☹", .words(["a", "é", "☹"])), ("a \u{0}", .script("a \u{0}")),
        ("if true; then a; fi", .script("if true; then a; fi")), ("(a)", .script("(a)")),
        ("bash x.sh", .words(["bash", "x.sh"])), ("bash -c", .words(["bash", "-c"])),
        ("bash -c 'a' $x", .script("bash -c 'a' $x")), ("bash -c a$x", .script("bash -c a$x")),
        ("bash -euo pipefail -c 'a $x'", .words(["bash", "-euo", "pipefail", "-c", "a $x"])),
        ("bash -o pipefail -ec \"a $x\"", .words(["bash", "-o", "pipefail", "-ec", "a $x"])),
        ("bash --norc -c \"a $x\" b c", .words(["bash", "--norc", "-c", "a $x", "b", "c"])),
        ("bash -c \"a\" && b", .script("bash -c \"a\" && b")),
        ("bash -c \"a $x\"'b'", .script("bash -c \"a $x\"'b'")),
        ("exec bash -c \"a $x\"", .script("exec bash -c \"a $x\"")),
        ("python3 -c \"print($x)\"", .script("python3 -c \"print($x)\"")),
    ])
    func formsAreTold(_ command: String, _ form: CommandForm) {
        #expect(CommandForm(command) == form)
    }

    /// What the two ways come to in the end: the same text, and the shells' own answers.
    @Test func formsRunAsTheySay() async throws {
        let agent = try await TestAgent()
        agent.context(1, environment: [("i", "outer")])
        let cases: [(command: String, output: String, code: Int32)] = [
            (#"/bin/bash -c "for i in 1 2; do echo $i; done""#, "1\n2\n", 0),
            (#"/bin/sh -c 'echo "$i"'"#, "outer\n", 0),
            ("echo $i", "outer\n", 0), ("echo '$i'", "$i\n", 0),
            ("echo a\nfalse\necho b", "a\n", 1), ("false | cat; echo b", "", 1),
            ("# only a comment", "", 0), ("echo a; # and a comment", "a\n", 0),
            ("printf '%s|' a 'b c' \"\"", "a|b c||", 0), ("echo \"unbalanced", "", 2),
            ("cd / && pwd", "/\n", 0), ("ls -d /e*c", "/etc\n", 0),
            // A failing command inside of a user's own shell is the user's own affair.
            ("bash -c \"false; echo b\"", "b\n", 0),
        ]
        for (index, item) in cases.enumerated() { agent.start(Int64(index), item.command) }
        for (index, item) in cases.enumerated() {
            let key = Int64(index)
            #expect(try await agent.exit(of: key).outcome == .exited(item.code), "\(item.command)")
            #expect(agent.output(of: key) == item.output, "\(item.command)")
        }
    }
}
