import Foundation
import Testing

@testable import ShipyardCommands

/// `--param`: what is planned and sent.
struct ParameterCommandTests {
    private let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/shipyard-parameters-\(UInt64.random(in: 0...UInt64.max)).yaml"
        try """
        job_specifications:
        - id: film-@{parameters.scene}
          parameters:
            scene: {type: string}
            frames: {type: int, default: 3}
          tasks:
          - command: render @{parameters.scene} {0}
            task_factory: {parametric_sweep: {product: [{start: 0, stop: "@{parameters.frames}", step: 1}]}}

        """.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test func planShowsTheValues() {
        let plan = run(
            "plan", "--jobs", path, "--format", "jsonl", "--param", "scene=a", "--param", "scene=it's",
            "--param",
            "frames=2")
        #expect(plan.code == .specRefused)
        let good = run(
            "plan", "--jobs", path, "--format", "jsonl", "--param", "scene=a", "--param", "frames=2")
        let lines = good.output.split(separator: "\n")
        #expect(lines.count == 2, "\(good.messages)")
        #expect(lines.last?.contains("film-a") == true && lines.last?.contains("render 'a' 1") == true)
    }

    @Test func whatIsMissingOrUnknownIsSaid() {
        #expect(run("plan", "--jobs", path).messages.contains("SY2036"))
        let unknown = run("plan", "--jobs", path, "--param", "scene=a", "--param", "frame=2")
        #expect(unknown.messages.contains("did you mean `frames`?"), "\(unknown.messages)")
        #expect(run("plan", "--jobs", path, "--param", "scene").code == .usage)
    }

    /// A file is good for whoever will give its values; with values it is judged with them.
    @Test func validateNeedsNoValues() {
        #expect(run("validate", "jobs", path).code == .done)
        #expect(run("validate", "jobs", path, "--param", "scene=a").code == .done)
        #expect(run("validate", "jobs", path, "--param", "frames=2").code == .specRefused)
    }

    @Test func valuesTravelWithTheSubmission() {
        let service = FakeService(["POST /jobs": [#"{"jobs":[],"warnings":[]}"#]])
        let added = run("jobs", "add", "--jobs", path, "--param", "scene=a=b c", service: service)
        #expect(added.code == .done, "\(added.messages)")
        let body = service.bodies.map { String(decoding: $0, as: UTF8.self) }.joined()
        #expect(body.contains(#""parameters":{"scene":"a=b c"}"#), "\(body)")
    }

    /// An id with a part left out could be another job's.
    @Test func idsAreReplacedOrRefused() {
        let service = FakeService(["POST /jobs": [#"{"jobs":[],"warnings":[]}"#]])
        _ = run("jobs", "add", "--jobs", path, "--recreate", "--param", "scene=a", service: service)
        #expect(service.requests.contains("GET /jobs/film-a"), "\(service.requests)")
        let deletion = FakeService()
        let refused = run("jobs", "del", "--jobs", path, "--yes", service: deletion)
        #expect(refused.code == .specRefused && deletion.requests.isEmpty, "\(deletion.requests)")
    }
}
