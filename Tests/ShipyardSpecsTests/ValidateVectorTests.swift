import Foundation
import ShipyardDiagnostics
import Testing

@testable import ShipyardSpecs

/// Files that Batch Shipyard's validator takes and we refuse, or the other way round. Each row stands in
/// docs/spec/differences.md.
enum Differences {
    static let stricter: [String: String] = [
        "jobs-priority-big.yaml": "SY3002",
        "jobs-wall-garbage.yaml": "SY3004",
    ]
    static let looser: Set<String> = ["jobs-output-on-job.yaml"]
}

@Suite struct ValidateVectorTests {
    struct Expectation: CustomTestStringConvertible {
        var file: URL
        var kind: SpecKind
        var isAccepted: Bool
        var testDescription: String { file.lastPathComponent }
    }

    static func expectations(in directory: URL?) -> [Expectation] {
        guard let directory, let list = try? json(directory.appendingPathComponent("expected.json")).elements
        else { return [] }
        return list.compactMap { entry in
            guard let name = entry["file"]?.string, let kind = entry["kind"]?.string.flatMap(SpecKind.init),
                case .bool(let isAccepted)? = entry["ok"]?.content
            else { return nil }
            return Expectation(
                file: directory.appendingPathComponent(name), kind: kind, isAccepted: isAccepted)
        }
    }

    static let own = expectations(in: cases("validate"))
    static let shared = expectations(in: Shared.url("vectors/validate"))

    @Test func theOwnCasesAreThere() { #expect(Self.own.count >= 60) }

    @Test(arguments: own)
    func ownFileIsJudgedAsByBatchShipyard(_ expectation: Expectation) throws { try check(expectation) }

    @Test(.enabled(if: Shared.isThere, Shared.absence), arguments: shared)
    func sharedFileIsJudgedAsByBatchShipyard(_ expectation: Expectation) throws { try check(expectation) }

    private func check(_ expectation: Expectation) throws {
        let diagnostics = SpecLoader.validate(SpecSource(expectation.kind, try source(expectation.file)))
        let text = TextRenderer().render(diagnostics)
        // Syntax and shape agree without exception.
        let looser = Differences.looser.contains(expectation.file.lastPathComponent)
        #expect(diagnostics.refusesShape == !(expectation.isAccepted || looser), "\(text)")
        let valueErrors = Set(errorCodes(diagnostics).filter { $0.hasPrefix("SY3") })
        let expected = Differences.stricter[expectation.file.lastPathComponent].map { Set([$0]) } ?? []
        if !diagnostics.refusesShape { #expect(valueErrors == expected, "\(text)") }
    }

    @Test(.enabled(if: Shared.isThere, Shared.absence))
    func everyRealConfigurationDirectoryIsJudgedAsByBatchShipyard() throws {
        let corpus = try #require(Shared.url("corpus"))
        var count = 0
        for entry in try json(corpus.appendingPathComponent("expected.json")).elements ?? [] {
            let directory = corpus.appendingPathComponent(try #require(entry["dir"]?.string))
            for file in try #require(entry["valid"]?.entries) {
                let name = try #require(file.key.string)
                guard let kind = SpecKind.allCases.first(where: { name.hasPrefix($0.rawValue) }) else {
                    continue
                }
                let diagnostics = SpecLoader.validate(
                    SpecSource(kind, try source(directory.appendingPathComponent(name))))
                guard case .bool(let isValid) = file.value.content else { continue }
                let text = TextRenderer().render(diagnostics)
                #expect(
                    diagnostics.refusesShape == !isValid, "\(directory.lastPathComponent)/\(name)\n\(text)")
                if isValid {
                    #expect(!diagnostics.hasErrors, "\(directory.lastPathComponent)/\(name)\n\(text)")
                }
                count += 1
            }
        }
        #expect(count >= 90)
    }
}
