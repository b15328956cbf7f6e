import ShipyardModel
import Testing

@testable import ShipyardAPI
@testable import ShipyardStore

/// A listing is written straight into bytes, and must be what the answer for each task is.
struct TaskListingTests {
    private static let results: [AttemptResult?] = {
        let (start, end) = (
            Instant(milliseconds: 1_600_000_000_000), Instant(milliseconds: 1_600_000_001_234)
        )
        let untold = Outcome.notStarted(.diskFull, "it \"said\"\n\u{1}é")
        return [nil, AttemptResult(.exited(0), startTime: start, endTime: end)]
            + [0, 5, 50, 500, 5345, 1_000_000, 123_456_789_012, -7, .max].map { (time: Int64) in
                AttemptResult(
                    .signalled(9), startTime: start, endTime: end,
                    usage: ResourceUsage(wall: time, user: time / 3, system: 0, peakMemoryBytes: 1 << 40))
            } + [
                AttemptResult(
                    .exited(3), startTime: start, endTime: end,
                    uploadFailure: UploadFailure(.miscError, "no \"room\"")),
                AttemptResult(untold, startTime: start, endTime: end),
            ]
    }()

    @Test(arguments: results)
    func lineIsTheEncodedResponse(_ result: AttemptResult?) throws {
        let job = JobRecord(
            number: 7, id: try #require(JobID("job-a")), pool: try #require(PoolID("pool1")), state: .active,
            priority: 0, taskCount: 1, autoComplete: true, creationTime: Instant(milliseconds: 0),
            stateTransitionTime: Instant(milliseconds: 0), endTime: nil, terminateReason: nil,
            creationSteady: nil)
        var writer = TaskResponseWriter(
            job, tasksLocation: { "/a \"home\"/nodes/pool1/\($0)/workitems/job-a/job-1" }, mergeTemplates: [1]
        )
        for (template, id) in ["plain-1", "q\"\\ü\t"].enumerated() {
            for node in [nil, NodeID("node-3")] {
                var progress = TaskProgress(key: TaskKey(job: 7, ordinal: 3))
                progress.state = result == nil ? .running : .completed
                progress.node = node
                progress.assignedTime = node == nil ? nil : Instant(milliseconds: 1_600_000_000_007)
                progress.result = result
                (progress.retryCount, progress.requeueCount) = (2, 1)
                let definition = TaskDefinition(
                    key: progress.key, id: id, command: template == 0 ? nil : "echo \"x\"",
                    template: template,
                    dependencies: nil, extra: nil)
                var bytes: [UInt8] = []
                writer.append(TaskRow(definition: definition, progress: progress), to: &bytes)
                let response = TaskResponse(
                    id: id, jobId: "job-a", state: progress.state.rawValue, commandLine: definition.command,
                    executionInfo: ExecutionResponse(progress),
                    nodeInfo: node.map {
                        TaskNodeResponse(
                            poolId: "pool1", nodeId: $0.text,
                            taskDirectory: "/a \"home\"/nodes/pool1/\($0)/workitems/job-a/job-1/\(id)")
                    }, dependsOn: [], isMergeTask: template == 1)
                #expect(String(decoding: bytes, as: UTF8.self) == (try JSONCoding.encodeText(response)))
            }
        }
    }
}
