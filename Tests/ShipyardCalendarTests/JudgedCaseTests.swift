import Foundation
import ShipyardCalendar
import TestSupport
import Testing

/// An interpreter that has croniter, cronsim and tzdata: `pip install croniter cronsim tzdata`.
private let python = ProcessInfo.processInfo.environment["SHIPYARD_JUDGES"] ?? "python3"
private let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "scripts/calendar-judges").path
private let hasJudges =
    hasSystemZones && output(of: "'\(python)' '\(script)' check >/dev/null 2>&1; echo $?") == "0\n"

private func output(of command: String) -> String {
    guard let stream = popen(command, "r") else { return "" }
    defer { pclose(stream) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { bytes += buffer[..<count] }
    return String(decoding: bytes, as: UTF8.self)
}

@Suite(.blocking) struct JudgedCaseTests {
    private static let golden =
        (try? String(contentsOf: caseDirectory.appending(path: "judged.tsv"), encoding: .utf8))
        .map(JudgedCase.read) ?? []

    @Test func independentProgramsGaveTheSameAnswers() {
        #expect(Self.golden.count > 400)
        let wrong = Self.golden.compactMap { $0.disagreement(caseZones) }
        #expect(
            wrong.isEmpty,
            "\(wrong.count) of \(Self.golden.count):\n\(wrong.prefix(30).joined(separator: "\n"))")
    }

    @Test func whereOurRuleIsAnotherTheJudgesStillDiffer() {
        let differences = Self.golden.filter { $0.kind == "differs" }
        #expect(!differences.isEmpty)
        for difference in differences {
            #expect(difference.expected != difference.rejectedAnswer, "\(difference.line)")
            #expect(!difference.reason.isEmpty)
        }
    }

    /// SHIPYARD_JUDGED_CASES and SHIPYARD_SEED choose how many of each kind, and which.
    @Test(
        .enabled(
            if: hasJudges, "croniter, cronsim and tzdata are not installed; SHIPYARD_JUDGES names a python"))
    func independentProgramsGiveTheSameAnswersNow() {
        let environment = ProcessInfo.processInfo.environment
        let seed = environment["SHIPYARD_SEED"] ?? "\(UInt32.random(in: 0...UInt32.max))"
        let count = environment["SHIPYARD_JUDGED_CASES"] ?? "400"
        let command =
            "PYTHONTZPATH='\(systemZones.directory)' '\(python)' '\(script)' random \(seed) \(count)"
        let cases = JudgedCase.read(output(of: command))
        #expect(cases.count == 4 * (Int(count) ?? 0))
        let wrong = cases.compactMap { $0.disagreement(systemZones) }
        #expect(
            wrong.isEmpty,
            "seed \(seed), \(wrong.count) of \(cases.count):\n\(wrong.prefix(30).joined(separator: "\n"))")
    }
}
