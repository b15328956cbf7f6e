import ShipyardDiagnostics
import TestSupport
import Testing

@testable import ShipyardSpecs

/// Findings cost little, however many there are and however long what they speak of.
@Suite struct BoundedFindingsTests {
    private static let limit = SpecLimits.findingsPerFile

    private static func tasks(_ count: Int, _ line: (Int) -> String) -> String {
        "job_specifications:\n- id: a\n  tasks:\n" + (0..<count).map { "  - \(line($0))\n" }.joined()
    }

    private static func oneLine(_ tasks: Int) -> String {
        #"{"job_specifications":[{"id":"a","tasks":["#
            + Array(repeating: #"{"comand":"é","password":1}"#, count: tasks).joined(separator: ",") + "]}]}"
    }

    private static let large: [(name: String, kind: SpecKind, file: String, text: String)] = [
        ("repeated keys", .jobs, "x.yaml", String(repeating: "tasks: []\n", count: 100_000)),
        ("repeated keys of JSON", .jobs, "x.json", "{" + String(repeating: #""a":[],"#, count: 100_000) + #""b":1}"#),
        ("unknown aliases", .jobs, "x.yaml", (0..<50_000).map { "x\($0): *a\($0)\n" }.joined()),
        ("unquoted signs", .jobs, "x.yaml", tasks(50_000) { _ in "=" }),
        ("misspelt keys", .jobs, "x.yaml", tasks(50_000) { _ in "{comand: x}" }),
        ("keys of one mapping", .jobs, "x.yaml", (0..<50_000).map { "key\($0): x\n" }.joined()),
        ("unknown references in one command", .jobs, "x.yaml",
            "job_specifications:\n- id: a\n  parameters: {a: {type: string, default: x}}\n  tasks:\n  - command: echo"
                + String(repeating: " @{parameters.b}", count: 20_000) + "\n"),
        ("one line of misspelt keys", .jobs, "x.json",
            oneLine(50_000)),
        ("one line of secrets", .credentials, "x.json",
            #"{"credentials":{"storage":{"#
                + (0..<20_000).map { #""k\#($0)":{"account":1,"account_key":"zz","e":"é"}"# }.joined(separator: ",") + "}}}"),
    ]

    @Test(arguments: large.indices)
    func findingsAreBoundedInNumberAndBytes(_ index: Int) {
        let (name, kind, file, text) = Self.large[index]
        let diagnostics = SpecLoader.validate(SpecSource(kind, SourceText(name: file, text: text)))
        let errors = diagnostics.all.filter { $0.severity == .error }
        #expect(errors.count == Self.limit + 1, "\(name)")
        #expect(errors.filter { $0.code == .tooManyErrors }.count == 1, "\(name)")
        #expect(TextRenderer().render(diagnostics).utf8.count < 1 << 20, "\(name)")
        #expect(JSONRenderer.render(diagnostics).utf8.count < 1 << 20, "\(name)")
    }

    /// Only so many findings are shown: more tasks on the line must not make any of them dearer.
    @Test func aLineOfMegabytesIsLookedAtOnce() {
        func cost(_ tasks: Int) -> Int {
            let text = Self.oneLine(tasks).replacing("password", with: "pazzword")
            let found = SpecLoader.validate(SpecSource(.jobs, SourceText(name: "x.json", text: text)))
            let start = threadTime()
            _ = TextRenderer().render(found)
            return threadTime() - start
        }
        _ = cost(1000)
        let (small, large) = (cost(2500), cost(50_000))
        #expect(large < 12 * small, "twenty times the line took \(large / small) times as long to show")
    }

    @Test func findingsAreBoundedByBytesAllTogether() {
        var diagnostics = Diagnostics()
        let source = SourceText(name: "x.yaml", text: "x")
        for _ in 0..<Self.limit - 1 {
            var one = Diagnostic(
                code: .noLocalEffect, severity: .error, message: String(repeating: "m", count: 1500),
                primary: Label(at: SourceRange(source, 0, 1), ""))
            one.notes = [String(repeating: "n", count: 1500), String(repeating: "o", count: 1500)]
            diagnostics.report(one)
        }
        #expect(diagnostics.all.count < Self.limit - 1 && diagnostics.all.count > 100, "\(diagnostics.all.count)")
        #expect(diagnostics.all.last?.code == .tooManyErrors && diagnostics.errorCount == Self.limit - 1)
    }

    @Test func aLetterWithManyAccentsIsCut() {
        let accents = String(repeating: "\u{301}", count: 300_000)
        for text in [Self.tasks(1) { _ in "{id: e\(accents), command: x}" }, "e\(accents): 1\n"] {
            let diagnostics = load(.jobs, text).diagnostics
            #expect(diagnostics.hasErrors)
            #expect(TextRenderer().render(diagnostics).utf8.count < 8000)
            #expect(JSONRenderer.render(diagnostics).utf8.count < 8000)
        }
        #expect(DisplayText.cut("aé\u{301}b", bytes: 3) == "aé…")
        #expect(DisplayText.cut("aéb", bytes: 2) == "a…", "no character is cut in two")
        #expect(DisplayText.cut("abc", characters: 2, bytes: 9) == "ab…")
        #expect(DisplayText.cut("é\u{301}", characters: 1, bytes: 9) == "é\u{301}", "one visible character is not two")
    }

    @Test func warningsHideNoError() {
        var diagnostics = Diagnostics()
        let source = SourceText(name: "x.yaml", text: "x")
        func report(_ severity: Severity) {
            diagnostics.report(
                Diagnostic(
                    code: .noLocalEffect, severity: severity, message: "m", primary: Label(at: SourceRange(source, 0, 1), "")))
        }
        for _ in 0..<600 { report(.warning) }
        #expect(!diagnostics.hasErrors)
        #expect(diagnostics.all.count == Self.limit + 1)
        report(.error)
        #expect(diagnostics.hasErrors)
        for _ in 0..<600 { report(.error) }
        #expect(diagnostics.all.count == 2 * (Self.limit + 1))
        #expect(diagnostics.errorCount > Self.limit + 1, "also those that were not kept")
        var others = Diagnostics()
        others.report(diagnostics)
        #expect(others.all.count == diagnostics.all.count)
        #expect(others.errorCount == diagnostics.errorCount)
    }

    @Test func columnsOfLongLinesAreThoseOfTheBeginning() {
        // Past the first block they are counted by code points.
        let line = String(repeating: "é", count: 10_000)
        let source = SourceText(name: "x.yaml", text: "\n" + line + "x")
        #expect(source.position(of: 1 + 2 * 100) == SourcePosition(line: 2, column: 101))
        #expect(source.position(of: 1 + 2 * 9000) == SourcePosition(line: 2, column: 9001))
    }

    @Test func aLongTextIsNotLookedAtForEachOfItsAliases() {
        let text =
            "x: &a '" + String(repeating: "x", count: 1_000_000) + "'\njob_specifications:\n- id: a\n  tasks:\n"
            + String(repeating: "  - command: *a\n", count: 60_000)
        #expect(errorCodes(load(.jobs, text).diagnostics) == ["SY0012"])
    }

    @Test func theTextOfAFileMayBeAliasedByEveryTask() {
        let text =
            "x: &a '" + String(repeating: "x", count: 2000) + "'\njob_specifications:\n- id: a\n  tasks:\n"
            + String(repeating: "  - command: *a\n", count: 20_000)
        #expect(!errorCodes(load(.jobs, text).diagnostics).contains("SY0012"))
    }
}
