import Foundation
import ShipyardDiagnostics
import Testing

@testable import ShipyardSpecs

/// Where a key has no effect, everything says so in the same way: findings, pages and schemas.
@Suite struct EffectTests {
    private let pool = """
        pool_specification:
          id: farm
          vm_count: {dedicated: 1}
          ssh: {username: me}
          virtual_network: {name: v}
          node_fill_typo: pack

        """

    @Test func keysWithoutEffectAreOneLineAndErrorsComeLast() throws {
        let (_, diagnostics) = load(.pool, pool)
        let text = TextRenderer().render(diagnostics)
        #expect(
            text.hasPrefix("note: no effect here: `ssh`, `virtual_network` (`validate -v` says more)\n\n"), "\(text)")
        #expect(text.contains("error[SY1001]") && !text.contains("SY5001"))
        let full = TextRenderer().render(diagnostics, tellsEffects: true)
        let error = try #require(full.range(of: "error[SY1001]"))
        #expect(full[..<error.lowerBound].components(separatedBy: "warning[SY5001]").count == 3)
    }

    @Test func strictLeavesNothingToALine() {
        var (_, diagnostics) = load(.pool, pool)
        diagnostics.makeWarningsErrors()
        #expect(TextRenderer().render(diagnostics).components(separatedBy: "error[SY5001]").count == 3)
    }

    @Test func nothingIsUsedUnderAKeyThatIsNot() throws {
        let page = try #require(ReferencePage.text(for: .jobs))
        let start = try #require(page.range(of: "## job_specifications[].tasks[].multi_instance\n"))
        let rest = page[start.upperBound...]
        let section = rest[..<(rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex)]
        #expect(section.contains("checked, not carried out yet") && !section.contains("| used |"), "\(section)")
        // What is shared with a place where it counts keeps its own words.
        let files = try #require(page.range(of: "resource_files[]\n"))
        #expect(page[files.upperBound...].prefix(1200).contains("| used |"))
        let schema = try #require(JSONSchema.text(for: .jobs))
        let object = try JSONSerialization.jsonObject(with: Data(schema.utf8))
        #expect(!descriptions(of: "coordination_command", in: object).isEmpty)
        for text in descriptions(of: "coordination_command", in: object) {
            #expect(text.hasSuffix("Here: checked, not carried out yet."))
        }
    }

    private func descriptions(of key: String, in value: Any) -> [String] {
        properties(named: key, in: value).compactMap { $0["description"] as? String }
    }

    /// An editor must not mark `repeat: "@{parameters.n}"`.
    @Test func schemasAdmitReferences() throws {
        let schema = try #require(JSONSchema.text(for: .jobs))
        let object = try JSONSerialization.jsonObject(with: Data(schema.utf8))
        for (key, value) in [("repeat", "@{parameters.n}"), ("id", "a-@{parameters.n}")] {
            let all = properties(named: key, in: object)
            #expect(!all.isEmpty)
            for property in all where key == "repeat" || (property["description"] as? String)?.hasPrefix("Names the task") == true {
                #expect((property["type"] as? [String])?.contains("string") == true, "\(property)")
                let pattern = try #require(property["pattern"] as? String)
                #expect(value.range(of: pattern, options: .regularExpression) != nil, "\(pattern)")
                #expect("no number".range(of: pattern, options: .regularExpression) == nil)
            }
        }
    }

    private func properties(named key: String, in value: Any) -> [[String: Any]] {
        if let list = value as? [Any] { return list.flatMap { properties(named: key, in: $0) } }
        guard let object = value as? [String: Any] else { return [] }
        let own = (object["properties"] as? [String: Any])?[key] as? [String: Any]
        return (own.map { [$0] } ?? []) + object.values.flatMap { properties(named: key, in: $0) }
    }

    /// The patterns of the schemas and the readers of the values take the same texts.
    @Test(arguments: [
        "1", " 1.5 ", "+1_000", "-.5", "1.", "1e5", "1E-5", "1_0.0_1e1_0", "inf", "-Infinity", "NaN", "", ".", "e5", "1__0",
        "_1", "1_", "0x10", "1.5.2", "1 2", "--1", "infinit", "1e", "1,5", "١",
    ])
    func patternOfNumbersIsWhatIsRead(_ text: String) throws {
        let pattern = try NSRegularExpression(pattern: PythonNumber.floatPattern)
        let matches = pattern.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
        #expect(matches == (PythonNumber.float(text) != nil))
    }

    @Test(arguments: [
        "1:0:0", "00:90:00", " 1:0:0", "1.2:3:4", "-1.2:3:4", "1_0:0:0", "", "1:2", "1:2:3:4", "1:2:3.5", "1.1.1:2:3", "a:b:c",
        "::",
    ])
    func patternOfDurationsIsWhatIsRead(_ text: String) throws {
        let json = try JSONSerialization.jsonObject(with: Data(SpecDuration.jsonPattern.utf8), options: .fragmentsAllowed)
        let pattern = try NSRegularExpression(pattern: try #require(json as? String))
        let matches = pattern.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
        #expect(matches == (SpecDuration.parse(text) != .failure(.notADuration)))
    }
}
