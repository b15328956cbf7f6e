import ShipyardDiagnostics
import Testing

@testable import ShipyardSpecs

@Suite struct DiagnosticsTests {
    @Test(arguments: [
        ("maxTaskRetries", "max_task_retries"), ("MAX-TASK-RETRIES", "max_task_retries"),
        ("max_task_retry", "max_task_retries"),
        ("comand", "command"), ("cmomand", "command"), ("prioriti", "priority"),
    ]) func nearWordsAreFound(_ word: String, _ match: String) {
        #expect(closestMatch(to: word, in: ["priority", "command", "max_task_retries", "id"]) == match)
    }

    @Test(arguments: ["zebra", "a", "", "xy", String(repeating: "command", count: 100)])
    func farWordsAreNot(_ word: String) {
        #expect(closestMatch(to: word, in: ["priority", "command", "max_task_retries", "id"]) == nil)
    }

    @Test func positionsCountFromOneInCharacters() {
        let source = SourceText(name: "s", text: "ab\r\né日🎬x\n\nend")
        #expect(source.position(of: 0) == SourcePosition(line: 1, column: 1))
        #expect(source.position(of: 2) == SourcePosition(line: 1, column: 3))
        #expect(source.position(of: 13) == SourcePosition(line: 2, column: 4))
        #expect(source.position(of: 15) == SourcePosition(line: 3, column: 1))
        #expect(source.position(of: 999) == SourcePosition(line: 4, column: 4))
    }

    private func sample() -> Diagnostics {
        let source = SourceText(name: "film.yaml", text: "a: 1\nb: [rendr, \"x\"]\n")
        let other = SourceText(name: "other.yaml", text: "a: 1\n")
        var diagnostics = Diagnostics()
        var late = Diagnostic(
            code: .unknownDependency, message: "task `rendr` is not defined",
            primary: Label(at: SourceRange(source, 9, 14), "no task has this id"))
        late.others = [
            Label(at: SourceRange(source, 0, 1), "first"), Label(at: SourceRange(other, 0, 1), "elsewhere"),
        ]
        late.notes = ["a note with \"quotes\""]
        late.help = "did you mean `render`?"
        late.edit = TextEdit(replacing: SourceRange(source, 9, 14), with: "render")
        diagnostics.report(late)
        diagnostics.report(
            Diagnostic(
                code: .emptyFile, severity: .warning, message: "early",
                primary: Label(at: SourceRange(source, 0, 0), "here")))
        diagnostics.report(Diagnostic(code: .emptyFile, message: "no place", primary: nil))
        return diagnostics
    }

    @Test func textHasTheShapeOfTheGuide() {
        #expect(
            TextRenderer().render(sample()) == """
                warning[SY0004]: early
                 --> film.yaml:1:1
                  |
                1 | a: 1
                  | ^ here
                  = more: shipyard-swift explain SY0004

                error[SY0004]: no place
                  = more: shipyard-swift explain SY0004

                error[SY2003]: task `rendr` is not defined
                 --> film.yaml:2:5
                  |
                1 | a: 1
                  | - first
                2 | b: [rendr, "x"]
                  |     ^^^^^ no task has this id
                 ::: other.yaml:1:1
                  |
                1 | a: 1
                  | - elsewhere
                  = note: a note with "quotes"
                  = help: did you mean `render`?
                  = more: shipyard-swift explain SY2003


                """)
    }

    @Test func colourOnlyWhenAsked() {
        #expect(!TextRenderer().render(sample()).contains("\u{1B}"))
        #expect(
            TextRenderer(color: true).render(sample()).contains("\u{1B}[1;31merror[SY2003]\u{1B}[0m: task"))
    }

    @Test func jsonHoldsEverythingAndIsJSON() throws {
        let text = JSONRenderer.render(sample())
        var diagnostics = Diagnostics()
        let list = try #require(
            SpecReader.read(SourceText(name: "d.json", text: text), &diagnostics)?.elements)
        #expect(list.count == 3)
        #expect(list[0]["file"]?.isNull == true && list[0]["line"]?.isNull == true)
        #expect(list[2]["code"]?.string == "SY2003" && list[2]["severity"]?.string == "error")
        #expect(list[2]["line"]?.integer == 2 && list[2]["column"]?.integer == 5)
        #expect(list[2]["end_line"]?.integer == 2 && list[2]["end_column"]?.integer == 10)
        #expect(list[2]["labels"]?.elements?[1]["file"]?.string == "other.yaml")
        #expect(list[2]["notes"]?.elements?[0].string == "a note with \"quotes\"")
        #expect(list[2]["edit"]?["replacement"]?.string == "render")
        #expect(JSONRenderer.render(Diagnostics()) == "[]\n")
    }

    @Test(arguments: [
        "credentials: {batch: {account_key: \(String(repeating: "hunter2 ", count: 40)), a: b: c}}",
        "{\"credentials\":{\"batch\":{\"account_key\":\"\(String(repeating: "hunter2", count: 40))\",\"oops\":1}}}",
        "credentials:\n  batch:\n    account_key: >-\n     [hunter2:word\n     x\n     - y: [\n",
        "credentials:\n- hunter2:word\n- [hunter2: word]\n",
    ]) func secretsOfLongAndOddLinesNeverAppear(_ text: String) {
        for name in ["c.yaml", "c.json"] {
            let found = SpecLoader.validate(SpecSource(.credentials, SourceText(name: name, text: text)))
            #expect(found.hasErrors || name == "c.yaml")
            #expect(!TextRenderer().render(found).contains("hunter2"), "\(TextRenderer().render(found))")
        }
    }

    @Test func secretsNeverAppear() {
        let text =
            "credentials:\n  batch: {account_key: hunter2, oops: hunter2, account_service_url: [hunter2]}\n  slurm: {db_password: true}\n  docker_registry: {hub: {username: 5, password: hunter2"
        for end in text.indices where end > text.startIndex {
            for prefix in ["", "credentials: hunter2\n"] {
                let found = SpecLoader.validate(
                    SpecSource(.credentials, SourceText(name: "c.yaml", text: prefix + text[..<end])))
                #expect(!TextRenderer().render(found).contains("hunter2"))
                #expect(!JSONRenderer.render(found).contains("hunter2"))
            }
        }
    }
}
