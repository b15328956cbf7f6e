import Foundation
import ShipyardDiagnostics
import Testing

@testable import ShipyardSpecs

/// What findings propose makes a spec better.
@Suite struct SuggestionTests {
    private static func applied(_ edits: [TextEdit], to text: SourceText) -> String {
        var bytes = text.bytes
        for edit in edits.sorted(by: { $0.range.lower > $1.range.lower }) {
            bytes.replaceSubrange(edit.range.lower..<edit.range.upper, with: Array(edit.replacement.utf8))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func errors(_ found: Diagnostics) -> Int { found.errorCount }

    /// Each suggestion of each golden case, applied by itself: its finding is gone, and nothing that could be read before
    /// cannot be read any more.
    @Test(arguments: GoldenCaseTests.specs)
    func everySuggestionIsAnImprovement(_ file: URL) throws {
        let kind = try #require(SpecKind(rawValue: String(file.lastPathComponent.prefix { $0 != "-" })))
        let text = try String(contentsOf: file, encoding: .utf8)
        let source = SourceText(name: file.lastPathComponent, text: text)
        let before = SpecLoader.validate(SpecSource(kind, source))
        for finding in before.all {
            guard let edit = finding.edit else { continue }
            let mended = Self.applied([edit], to: edit.range.source)
            let after = SpecLoader.validate(SpecSource(kind, SourceText(name: source.name, text: mended)))
            let count = { (found: Diagnostics) in found.all.count { $0.code == finding.code } }
            let told = "\(finding.code) \(edit.replacement)\n\(TextRenderer().render(after))"
            #expect(count(after) < count(before), "\(told)")
            // Behind what cannot be read there may be more; and beside an element of the wrong type.
            guard !finding.code.rawValue.hasPrefix("SY0") else { continue }
            #expect(after.errorCount <= before.errorCount, "\(told)")
            // One error is not traded for another one in the same place.
            let place = edit.range.lower..<edit.range.lower + edit.replacement.utf8.count
            let traded = after.all.contains { other in
                guard let range = other.primary?.range, other.severity == .error else { return false }
                return place.overlaps(range.lower..<max(range.upper, range.lower + 1))
            }
            #expect(!traded, "\(told)")
        }
    }

    /// All together, and the file is no worse in JSON, where a word needs quotes.
    @Test func suggestionsForJSONAreJSON() {
        let source = SourceText(
            name: "x.json",
            text: #"{"job_specifications":[{"id":"a","tsks":[{"command":"x"}],"auto_complete":"yes","priority":"7"}]}"#)
        let found = SpecLoader.validate(SpecSource(.jobs, source))
        let mended = Self.applied(found.all.compactMap(\.edit), to: source)
        let after = SpecLoader.validate(SpecSource(.jobs, SourceText(name: "x.json", text: mended)))
        #expect(!after.hasErrors, "\(mended)\n\(TextRenderer().render(after))")
        #expect(mended.contains(#""tasks":"#))
    }

    static let advice: [(line: String, help: String?)] = [
        ("max_wall_time: 3600", #"write "01:00:00" for 3600 seconds"#),
        ("max_wall_time: true", nil),
        ("max_wall_time: 1.5", nil),
        ("max_wall_time: 0", nil),
        ("id: 12", #"put it in quotes: "12""#),
        ("id: 1.5", nil),
        ("docker_image: 3", #"put it in quotes: "3""#),
        ("depends_on: b", "write [b]"),
        ("depends_on: 'b'", "write ['b']"),
        ("depends_on: a, b", #"write ["a, b"]"#),
        ("max_task_retries: '3'", "remove the quotes"),
        ("max_task_retries: '-7'", nil),
        ("required_slots: '0'", nil),
        ("task_factory: {parametric_sweep: {combinations: {length: 2, iterable: ABC}}}", #"write ["A", "B", "C"]"#),
        ("task_factory: {parametric_sweep: {combinations: {length: 2, iterable: 'ab, c'}}}", #"write ["ab", "c"]"#),
        ("task_factory: {parametric_sweep: {combinations: {length: 2, iterable: A}}}", nil),
        ("tasks: x", "`tasks` is a key of a job, further out"),
    ]

    @Test(arguments: advice.indices)
    func adviceIsWhatHelps(_ index: Int) throws {
        let (line, help) = Self.advice[index]
        let text = "job_specifications:\n- id: a\n  tasks:\n  - command: x\n    \(line)\n"
        let source = SourceText(name: "x.yaml", text: text)
        let found = SpecLoader.validate(SpecSource(.jobs, source))
        let finding = try #require(found.all.first { $0.severity == .error })
        #expect(finding.help == help, "\(TextRenderer().render(found))")
        if let edit = finding.edit {
            let mended = Self.applied([edit], to: source)
            let after = SpecLoader.validate(SpecSource(.jobs, SourceText(name: "x.yaml", text: mended)))
            #expect(!after.hasErrors, "\(mended)\n\(TextRenderer().render(after))")
        }
    }

    @Test func twoMisspellingsOfOneKeyDoNotBothBecomeIt() throws {
        let text = "job_specifications:\n- id: a\n  tasks:\n  - comand: x\n    commnd: y\n"
        let (source, changes) = fixed(text)
        #expect(changes.count == 1)
        #expect(source.contains("  - command: x\n    commnd: y\n"))
    }

    // MARK: - Fixing

    private func fixed(_ text: String, name: String = "x.yaml") -> (text: String, changes: [SpecFixer.Change]) {
        let source = SpecSource(.jobs, SourceText(name: name, text: text))
        let (result, changes) = SpecFixer.fixed(source) { SpecLoader.validate($0) }
        return (String(decoding: result.text.bytes, as: UTF8.self), changes)
    }

    @Test func fixingChangesWhatIsMisspeltAndNothingElse() {
        let text = """
            # a comment that stays\t
            job_specifications:   # and spaces

            - id: a
              auto_complete: yes
              tsks:
              - comand:   "x"   # here
                id: 12
                max_wall_time: 3600
                unheard_of_thing: 1\r
            """
        let (result, changes) = fixed(text)
        let expected =
            text.replacingOccurrences(of: "yes", with: "true").replacingOccurrences(of: "tsks", with: "tasks")
            .replacingOccurrences(of: "comand", with: "command").replacingOccurrences(of: "id: 12", with: "id: \"12\"")
        #expect(result == expected)
        #expect(changes.count == 4)
        let again = fixed(result)
        #expect(again.text == result && again.changes.isEmpty, "what was fixed stays")
    }

    /// The file is mended, but what is told of it goes to screens and logs.
    @Test func whatIsFixedIsNotToldWhereItMayBeSecret() {
        let line = "job_specifications:\n- id: a\n  tasks:\n  - {comand: 'login --password=hunter'}\n"
        #expect(fixed(line).text.contains("{command: 'login"))
        #expect(fixed(line).changes.map(\.old) == ["…"])
    }

    @Test func aConflictOfGitIsLeftAlone() {
        let text = "job_specifications:\n<<<<<<< HEAD\n- {id: a, tsks: []}\n=======\n- {id: b, tasks: []}\n>>>>>>> x\n"
        #expect(fixed(text).changes.isEmpty)
        #expect(fixed(text).text == text)
        #expect(SpecFixer.holdsConflict(Array(text.utf8)))
        #expect(!SpecFixer.holdsConflict(Array("a: <<<<<<< b\n".utf8)))
    }

    @Test func whatIsNotBetterIsNotDone() {
        // The word would be an id, and a good one; what the task waits for is not for us to say.
        let text = "job_specifications:\n- id: a\n  tasks:\n  - {command: x, id: b, depends_on: [bb]}\n"
        #expect(fixed(text).changes.isEmpty)
    }
}
