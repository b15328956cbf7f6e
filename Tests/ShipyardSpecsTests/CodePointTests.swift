import ShipyardDiagnostics
import ShipyardModel
import Testing

@testable import ShipyardSpecs

/// Two texts that look alike are two.
@Suite struct CodePointTests {
    // Composed and decomposed, and two signs that Unicode takes for letters.
    static let pairs = [("\u{E9}", "e\u{301}"), ("K", "\u{212A}"), ("\u{C5}", "\u{212B}")]

    @Test(arguments: pairs)
    func keysThatLookAlikeAreTwo(_ pair: (String, String)) throws {
        #expect(pair.0 == pair.1, "Swift says so")
        for count in [0, 40] {
            let more = (0..<count).map { "    V\($0): x\n" }.joined()
            let text =
                "job_specifications:\n- id: a\n  environment_variables:\n\(more)    \(pair.0): one\n    \(pair.1): two\n"
                + "  tasks:\n  - command: x\n"
            let job = try #require(try jobs(text).jobs.first)
            let values = job.environmentVariables.map(\.value).suffix(2)
            #expect(Array(values) == ["one", "two"])
        }
    }

    @Test func theSameKeyIsStillOne() {
        let found = load(.jobs, "a\u{E9}: 1\na\u{E9}: 2\n").diagnostics
        #expect(errorCodes(found).contains("SY0005"))
    }

    @Test func textIsEqualByCodePoints() {
        #expect(CodePointText("\u{E9}") != CodePointText("e\u{301}"))
        #expect(CodePointText("\u{E9}") == CodePointText("\u{E9}"))
        #expect(Set(["\u{E9}", "e\u{301}", "\u{E9}"].map { CodePointText($0) }).count == 2)
        #expect(CodePointText("e\u{301}") < CodePointText("\u{E9}"))
    }

    @Test func anotherVersionOfYAMLIsRefused() {
        let body = "---\njob_specifications:\n- id: a\n  auto_complete: true\n  tasks:\n  - command: x\n"
        #expect(errorCodes(load(.jobs, "%YAML 1.1\n" + body).diagnostics) == ["SY0014"])
        #expect(errorCodes(load(.jobs, "%YAML 1.2\n" + body).diagnostics) == [])
        #expect(errorCodes(load(.jobs, "%TAG ! tag:x,2000:\n" + body).diagnostics) == [])
    }
}
