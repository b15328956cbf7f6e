import Foundation
import ShipyardDiagnostics
import Testing

@testable import ShipyardSpecs

/// The package's root, from where this file was compiled.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// Material shared beside the package, which a plain clone does not have.
enum Shared {
    static func url(_ path: String) -> URL? {
        var directory = packageRoot
        for _ in 0..<4 {
            directory.deleteLastPathComponent()
            let candidate = directory.appendingPathComponent("shared").appendingPathComponent(path)
            if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
        }
        return nil
    }

    static var isThere: Bool { url("vectors/validate/expected.json") != nil }
    static let absence: Comment = "the shared material is not beside this package"
}

func cases(_ folder: String) -> URL {
    packageRoot.appendingPathComponent("Tests/ShipyardSpecsTests/Cases").appendingPathComponent(folder)
}

func files(in directory: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        .sorted { $0.lastPathComponent < $1.lastPathComponent }
}

func source(_ url: URL) throws -> SourceText {
    SourceText(name: url.lastPathComponent, bytes: [UInt8](try Data(contentsOf: url)))
}

/// A JSON file as a tree, read with the reader under test.
func json(_ url: URL) throws -> SyntaxNode {
    var diagnostics = Diagnostics()
    let root = SpecReader.read(try source(url), &diagnostics)
    return try #require(root, "\(url.lastPathComponent)")
}

func yaml(_ text: String) -> (root: SyntaxNode?, diagnostics: Diagnostics) {
    var diagnostics = Diagnostics()
    let root = SpecReader.read(SourceText(name: "spec.yaml", text: text), &diagnostics)
    return (root, diagnostics)
}

func load(_ kind: SpecKind, _ text: String, name: String = "spec.yaml") -> (
    specs: SpecSet, diagnostics: Diagnostics
) {
    SpecLoader.load([SpecSource(kind, SourceText(name: name, text: text))])
}

/// Decodes one jobs file that must be right.
func jobs(_ text: String) throws -> JobsSpec {
    let (specs, diagnostics) = load(.jobs, text)
    return try #require(specs.jobs, "\(TextRenderer().render(diagnostics))")
}

/// The codes of all errors, in order of place.
func errorCodes(_ diagnostics: Diagnostics) -> [String] {
    diagnostics.inOrder.filter { $0.severity == .error }.map(\.code.rawValue)
}

extension Diagnostics {
    /// Whether Batch Shipyard's validator would refuse the file: syntax and shape.
    var refusesShape: Bool {
        all.contains {
            $0.severity == .error && ($0.code.rawValue.hasPrefix("SY0") || $0.code.rawValue.hasPrefix("SY1"))
        }
    }
}
