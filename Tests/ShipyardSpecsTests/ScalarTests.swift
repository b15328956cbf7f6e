import Foundation
import ShipyardDiagnostics
import ShipyardModel
import Testing

@testable import ShipyardSpecs

/// Copies of the shared fixtures live in Cases/fixtures.
@Suite struct ScalarTests {
    @Test func environmentTextIsPythons() throws {
        for entry in try json(cases("fixtures/envvalues.json")).elements ?? [] {
            let written = try #require(entry["yaml"]?.string)
            let isAccepted = entry["validator"]?.string == "ok"
            let (specs, diagnostics) = load(
                .jobs, "job_specifications:\n- id: j\n  environment_variables:\n    K: \(written)\n")
            #expect(diagnostics.hasErrors != isAccepted, "\(written)")
            guard isAccepted, let expected = entry["env_value"]?.string else { continue }
            let value = specs.jobs?.jobs[0].environmentVariables[0].value
            let text =
                expected == "'<absent>'"
                ? "" : expected.dropFirst().dropLast().replacingOccurrences(of: "\\n", with: "\n")
            #expect(value == text, "\(written)")
        }
    }

    @Test(arguments: [
        (0.1, "0.1"), (1e16, "1e+16"), (123456789012345680, "1.2345678901234568e+17"),
        (9007199254740992, "9007199254740992.0"),
        (1e15, "1000000000000000.0"), (0.0001, "0.0001"), (0.00001, "1e-05"), (-0.0, "-0.0"),
        (0x1p-1074, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (100, "100.0"), (1234.5, "1234.5"),
    ]) func floatsAreWrittenAsPythonDoes(_ number: Double, _ text: String) {
        #expect(PythonText.float(number) == text)
    }

    @Test func durationsAreReadAsByBatchShipyard() throws {
        for entry in try json(cases("fixtures/timedelta.json")).elements ?? [] {
            let text = try #require(entry["input"]?.string)
            guard let seconds = entry["seconds"]?.integer else {
                guard case .failure = SpecDuration.parse(text) else { Issue.record("\(text)"); continue }
                continue
            }
            let expected: Result<TimeSpan, SpecDuration.Failure> =
                seconds < 0 ? .failure(.negative) : .success(.seconds(Int64(seconds)))
            #expect(SpecDuration.parse(text) == expected, "\(text)")
        }
    }

    @Test func datesOfISO8601AreReadAsByBatchShipyard() throws {
        var accepted: [String] = []
        for entry in try json(cases("fixtures/dateutil_2.8.1.json")).elements ?? [] {
            let text = try #require(entry["input"]?.string)
            guard let instant = SpecDate.instant(text) else { continue }
            accepted.append(text)
            let iso = try #require(entry["iso"]?.string, "\(text) is refused there")
            #expect(SpecDate.instant(iso.replacingOccurrences(of: "000+", with: "+")) == instant, "\(text)")
        }
        #expect(accepted.count == 8, "\(accepted)")
        #expect(SpecDate.instant("2030-01-02T03:04:05+02:00")?.iso8601 == "2030-01-02T01:04:05Z")
        #expect(SpecDate.instant("2030-01-02T03:04:05.678Z")?.iso8601 == "2030-01-02T03:04:05.678Z")
        #expect(SpecDate.instant("2030-01-02 03:04 -0730")?.iso8601 == "2030-01-02T10:34:00Z")
        for text in [
            "2030-02-30", "2030-13-01", "2030-01-02 24:00:00", "2030-1-2", "2030-01-02T", "2030-01-02x", "",
            "2030",
        ] {
            #expect(SpecDate.instant(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        ("1.5", 1.5), ("70", 70), (" 1e3 ", 1000), ("1_000.5", 1000.5), ("+.5", 0.5),
        ("-inf", -Double.infinity), ("5.", 5),
    ]) func numericTextIsRead(_ text: String, _ number: Double) {
        #expect(PythonNumber.float(text) == number)
    }

    @Test(arguments: ["", "abc", "0x10", "1__0", "_1", "1_", "1 2", "++1", "1e", "1_.5", "."])
    func otherTextIsNoNumber(_ text: String) { #expect(PythonNumber.float(text) == nil) }

    @Test func mergingIsBatchShipyards() throws {
        for entry in try json(cases("fixtures/merge_dict.json")).elements ?? [] {
            var diagnostics = Diagnostics()
            let first = try #require(entry["first"]), second = try #require(entry["second"])
            let merged = SpecMerge.merge(first, with: second, &diagnostics)
            if let expected = entry["result"] {
                #expect(merged.map(same(as: expected)) == true)
                #expect(!diagnostics.hasErrors)
            } else {
                #expect(merged == nil)
                #expect(errorCodes(diagnostics) == ["SY1010"])
            }
        }
    }

    private func same(as expected: SyntaxNode) -> (SyntaxNode) -> Bool {
        { node in
            guard let left = node.entries, let right = expected.entries else {
                return String(describing: PythonText.of(node.content))
                    == String(describing: PythonText.of(expected.content))
                    && node.elements?.count == expected.elements?.count
            }
            return left.count == right.count
                && left.allSatisfy { entry in
                    expected[entry.key.string ?? ""].map { same(as: $0)(entry.value) } ?? false
                }
        }
    }

    @Test func paths() {
        for path in ["a", "a/b.txt", "./a", "a/../b", "..a"] {
            #expect(RelativePath.staysInside(path), "\(path)")
        }
        for path in ["", "/a", "..", "a/../..", "../a", ".", "a/.."] {
            #expect(!RelativePath.staysInside(path), "\(path)")
        }
    }
}
