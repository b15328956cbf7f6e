import Foundation
import ShipyardDiagnostics
import TestSupport
import Testing

@testable import ShipyardSpecs

/// Files that are broken, enormous or meant to do harm.
@Suite struct HostileInputTests {
    private static let sample = """
        # a sample with most of what YAML has
        defaults: &d {max_task_retries: 2, "k\\u00e9y": 'single ''quoted''', date: 2030-01-02}
        job_specifications:
        - id: film-日本
          <<: *d
          environment_variables: {A: 1.5, B: "x\\ty", C: !!str 5, D: ~}
          tasks:
          - id: render
            command: |
              set -e
              echo {0}
            depends_on: [a, 'b', "c"]
          - command: >-
              folded
              text
            task_factory: {parametric_sweep: {product: [{start: 0, stop: 10, step: 1}]}}
        ...

        """

    @Test func noTruncationCrashes() {
        let bytes = Array(Self.sample.utf8)
        for name in ["s.yaml", "s.json"] {
            for length in 0...bytes.count {
                _ = rendered(SourceText(name: name, bytes: Array(bytes.prefix(length))))
            }
        }
    }

    @Test func noChangedByteCrashes() {
        let bytes = Array(Self.sample.utf8)
        let replacements: [UInt8] = [0, 9, 10, 0x22, 0x26, 0x2A, 0x3A, 0x5B, 0x7B, 0x7D, 0xC3, 0xFF]
        for index in bytes.indices {
            // Each byte meets every third of them, and each pair of neighbours two thirds.
            for (number, byte) in replacements.enumerated() where (index + number) % 3 == 0 {
                var changed = bytes
                changed[index] = byte
                _ = rendered(SourceText(name: "s.yaml", bytes: changed))
            }
        }
    }

    @Test func noChangedByteOfJSONCrashes() {
        let bytes = Array(
            #"{"job_specifications":[{"id":"a\u00e9","priority":-1.5e3,"tasks":[{"command":null,"x":[true,{}]}]}]}"#
                .utf8)
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max where (index + Int(byte)) % 3 == 0 {
                var changed = bytes
                changed[index] = byte
                _ = rendered(SourceText(name: "s.json", bytes: changed))
            }
        }
    }

    private func rendered(_ source: SourceText) -> String {
        let diagnostics = SpecLoader.load([SpecSource(.jobs, source)]).diagnostics
        return TextRenderer().render(diagnostics) + JSONRenderer.render(diagnostics)
    }

    @Test func readingTakesTimeInProportion() {
        func cost(of tasks: Int) -> Int {
            var text = "job_specifications:\n- id: film\n  tasks:\n"
            for index in 0..<tasks {
                text +=
                    "  - id: frame-\(index)\n    command: /bin/sh -c \"render --frame \(index) --out /tmp/film\"\n"
                    + "    environment_variables: {FRAME: \(index)}\n"
            }
            #expect(text.utf8.count > 100 * tasks)
            let start = threadTime()
            let (specs, diagnostics) = load(.jobs, text)
            #expect(specs.jobs?.jobs[0].tasks.count == tasks, "\(diagnostics.all.count)")
            return threadTime() - start
        }
        _ = cost(of: 100)
        let small = cost(of: 1_000)
        let large = cost(of: 20_000)
        #expect(large < 100 * small, "twenty times the tasks took \(large / small) times as long")
    }

    /// What is looked through at each of its parts must not be looked through whole.
    @Test(arguments: [
        (" @@{run.id:", ""), (" @{run.idd}", ""), ("@{run.id}", String(repeating: "x", count: 100_000)),
        (" '@{run.id}'", ""), (" sh -c \"@{run.id}", ""), (" ${x", ""), (" @{run.time:%q}", ""),
    ])
    func referencesOfOneCommandTakeTimeInProportion(_ piece: String, _ before: String) {
        func cost(_ factor: Int) -> Int {
            let command = String(repeating: before, count: factor) + String(repeating: piece, count: 1000 * factor)
            let source = SpecSource(
                .jobs, SourceText(name: "s.json", text: #"{"job_specifications":[{"id":"a","tasks":[{"command":""#
                    + command.replacing("\"", with: "\\\"") + #""}]}]}"#))
            let start = threadTime()
            _ = SpecLoader.validate(source)
            return threadTime() - start
        }
        _ = cost(1)
        let (small, large) = (cost(1), cost(16))
        #expect(large < 80 * small, "sixteen times the references took \(large / small) times as long")
    }

    @Test func fiftyThousandErrorsAreCutShort() {
        var text = "job_specifications:\n- id: film\n  tasks:\n"
        for _ in 0..<50_000 { text += "  - {comand: echo}\n" }
        let (_, diagnostics) = load(.jobs, text)
        #expect(diagnostics.errorCount == SpecLimits.findingsPerFile + 1)
        #expect(diagnostics.all.last?.code == .tooManyErrors)
    }

    @Test func repeatedContradictionsAreCutShort() {
        var text = "job_specifications:\n- id: film\n  tasks:\n"
        for _ in 0..<5000 { text += "  - {command: echo, docker_image: a, singularity_image: b}\n" }
        #expect(load(.jobs, text).diagnostics.errorCount == SpecLimits.findingsPerFile)
    }

    @Test func oneLineOfManyMegabytesIsShownInPart() {
        let filler = String(repeating: "x", count: 3_000_000)
        let (_, diagnostics) = load(
            .jobs, #"{"job_specifications":[{"id":"a","wrong":"\#(filler)"}]}"#, name: "s.json")
        #expect(TextRenderer().render(diagnostics).utf8.count < 2000)
    }

    @Test(arguments: ["s.yaml", "s.json"]) func deepNestingIsRefused(_ name: String) {
        for opening in ["[", "{\"a\":", "[{\"a\":"] {
            let (_, diagnostics) = load(.jobs, String(repeating: opening, count: 100_000), name: name)
            #expect(errorCodes(diagnostics) == ["SY0011"], "\(opening)")
        }
    }

    @Test func deepNestingByIndentationIsRefused() {
        let text = (0..<200).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(errorCodes(yaml(text).diagnostics) == ["SY0011"])
    }

    @Test func aliasesThatGrowAreRefused() {
        var text = "a0: &a0 [x, x]\n"
        for level in 1..<60 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(errorCodes(yaml(text).diagnostics) == ["SY0012"])
        var merges = "a0: &a0 {k0: 1}\n"
        for level in 1..<60 {
            merges += "a\(level): &a\(level) {<<: [*a\(level - 1), *a\(level - 1)], k\(level): 1}\n"
        }
        #expect(errorCodes(yaml(merges).diagnostics) == ["SY0012"])
    }

    @Test func manyTasksMayTakeOverTheSameDefaults() {
        let labels = String(repeating: "a, ", count: 60)
        var text =
            "job_specifications:\n- id: film\n  tasks:\n"
            + "  - &d {command: echo, shm_size: a, gpus: all, labels: [\(labels) b]}\n"
        for index in 0..<40_000 { text += "  - {<<: *d, id: frame-\(index)}\n" }
        let (specs, diagnostics) = load(.jobs, text)
        #expect(specs.jobs?.jobs[0].tasks.count == 40_001, "\(errorCodes(diagnostics))")
    }

    @Test func nestingThroughAliasesIsRefused() {
        var text = "a0: &a0 [x]\n"
        for level in 1..<150 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(errorCodes(yaml(text).diagnostics) == ["SY0011"])
    }

    @Test func manyKeysInOneMappingAreReadQuickly() {
        let text = (0..<100_000).map { "k\($0): 1\n" }.joined() + "k5: 2\n"
        let (_, diagnostics) = yaml(text)
        #expect(errorCodes(diagnostics) == ["SY0005"])
        #expect(diagnostics.all[0].others[0].range.start.line == 6)
    }
}
