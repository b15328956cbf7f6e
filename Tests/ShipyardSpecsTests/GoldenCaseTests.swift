import Foundation
import ShipyardDiagnostics
import Testing

@testable import ShipyardSpecs

/// Specs that say in comments what must be found in them, and beside each the whole text of the findings.
@Suite struct GoldenCaseTests {
    static let specs = ((try? files(in: cases("diagnostics"))) ?? []).filter { $0.pathExtension == "yaml" }

    @Test func thereAreCases() { #expect(Self.specs.count >= 25) }

    /// The kind is the first word of the file's name: `jobs-unknown-key.yaml`.
    @Test(arguments: specs)
    func specIsJudgedAsItSays(_ file: URL) throws {
        let name = file.deletingPathExtension().lastPathComponent
        let kind = try #require(SpecKind(rawValue: String(name.prefix { $0 != "-" })))
        let text = try String(contentsOf: file, encoding: .utf8)
        let diagnostics = SpecLoader.validate(
            SpecSource(kind, SourceText(name: file.lastPathComponent, text: text)))
        let found = diagnostics.inOrder.map { finding in
            let place = finding.primary?.range.start
            return
                "\(finding.severity.rawValue) \(finding.code.rawValue) at \(place?.line ?? 0):\(place?.column ?? 0)"
        }
        let expected = text.split(separator: "\n").filter { $0.hasPrefix("# expect: ") }.map {
            String($0.dropFirst(10))
        }
        #expect(found == expected, "\(TextRenderer().render(diagnostics))")
        expectFile(
            file.deletingPathExtension().appendingPathExtension("txt"),
            holds: TextRenderer().render(diagnostics, tellsEffects: true))
    }
}
