import Foundation
import ShipyardDiagnostics
import Testing

@testable import ShipyardSpecs

/// A file that is made from something else. With SHIPYARD_UPDATE=1 a stale one is rewritten, and the test
/// fails all the same: nobody shall take a rewritten expectation for a passed one.
func expectFile(_ url: URL, holds text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let present = try? String(contentsOf: url, encoding: .utf8)
    guard present != text else { return }
    let name = url.path.replacingOccurrences(of: packageRoot.path + "/", with: "")
    guard ProcessInfo.processInfo.environment["SHIPYARD_UPDATE"] == "1" else {
        Issue.record("\(name) is stale; run scripts/update-generated", sourceLocation: sourceLocation)
        return
    }
    try? FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? text.write(to: url, atomically: true, encoding: .utf8)
    Issue.record("\(name) was rewritten; run again", sourceLocation: sourceLocation)
}

@Suite struct GeneratedFileTests {
    private static let pages = packageRoot.appendingPathComponent("docs/errors")

    private func pageTexts() throws -> [(code: String, text: String)] {
        try files(in: Self.pages).filter { $0.pathExtension == "md" }.map {
            ($0.deletingPathExtension().lastPathComponent, try String(contentsOf: $0, encoding: .utf8))
        }
    }

    @Test func everyCodeHasAPageAndEveryPageACode() throws {
        let pages = Set(try pageTexts().map(\.code))
        let codes = DiagnosticCode.allCases.map(\.rawValue)
        #expect(Set(codes) == pages)
        #expect(codes == codes.sorted(), "codes stand in order, so that two branches seldom meet in one line")
    }

    @Test func everyPageBeginsWithItsCodeAndATitle() throws {
        for (code, text) in try pageTexts() { #expect(text.hasPrefix("# \(code): ")) }
        for code in DiagnosticCode.allCases {
            #expect(code.page != nil && code.title != code.rawValue, "\(code)")
        }
    }

    @Test func theProgramHoldsThePages() throws {
        var source = """
            // Made from docs/errors by scripts/update-generated. Do not edit.

            /// The pages of `docs/errors`, so that `explain` works in a program that was installed alone.
            enum ErrorPages {
                static let all: [String: String] = [

            """
        for (code, text) in try pageTexts() {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let indented = lines.map { $0.isEmpty ? "" : "        \($0)" }.joined(separator: "\n")
            source += "        \"\(code)\": #\"\"\"\n\(indented)\n        \"\"\"#,\n"
        }
        source += "    ]\n}\n"
        expectFile(
            packageRoot.appendingPathComponent("Sources/ShipyardDiagnostics/ErrorPages.swift"), holds: source)
    }

    @Test(arguments: SpecKind.allCases.filter { $0.schema != nil })
    func schemaAndReferenceAreMadeFromTheTable(_ kind: SpecKind) throws {
        let docs = packageRoot.appendingPathComponent("docs")
        let schema = try #require(JSONSchema.text(for: kind))
        expectFile(docs.appendingPathComponent("schema/\(kind.rawValue).json"), holds: schema)
        var diagnostics = Diagnostics()
        #expect(SpecReader.read(SourceText(name: "schema.json", text: schema), &diagnostics) != nil)
        let page = try #require(ReferencePage.text(for: kind))
        expectFile(docs.appendingPathComponent("spec/\(kind.rawValue).md"), holds: page)
    }

    @Test func everyDeliberateDifferenceIsDocumented() throws {
        let page = try String(
            contentsOf: packageRoot.appendingPathComponent("docs/spec/differences.md"), encoding: .utf8)
        for code in Set(Differences.stricter.values) { #expect(page.contains(code), "\(code)") }
        // From SY3050 on the codes are the planner's.
        for code in DiagnosticCode.allCases where ("SY3000"..<"SY3050").contains(code.rawValue) {
            #expect(page.contains(code.rawValue), "\(code.rawValue)")
        }
    }

    /// The first example of a page that says its kind must give the page's code.
    @Test(arguments: DiagnosticCode.allCases)
    func theExampleOfAPageProducesItsCode(_ code: DiagnosticCode) throws {
        let text = try String(
            contentsOf: Self.pages.appendingPathComponent("\(code.rawValue).md"), encoding: .utf8)
        guard let start = text.range(of: "```yaml "),
            let end = text.range(of: "\n```", range: start.upperBound..<text.endIndex),
            let lineEnd = text[start.upperBound...].firstIndex(of: "\n"),
            let kind = SpecKind(rawValue: String(text[start.upperBound..<lineEnd])),
            !code.rawValue.hasPrefix("SY2")
        else { return }
        let example = String(text[text.index(after: lineEnd)..<end.lowerBound]) + "\n"
        let (_, diagnostics) = load(kind, example)
        #expect(diagnostics.all.contains { $0.code == code }, "\(TextRenderer().render(diagnostics))")
    }
}
