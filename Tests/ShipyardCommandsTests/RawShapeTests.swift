import ShipyardAPI
import ShipyardModel
import Testing

@testable import ShipyardCommands

/// What `--raw` prints, against what Batch Shipyard prints for the same things. We leave out what only a cloud
/// has (`url`, `eTag`, virtual machine images); everything that both print must be equal.
struct RawShapeTests {
    /// Every member of `ours` that `theirs` has too is equal, down the tree; and `shared` are in both.
    private func agrees(
        _ ours: JSONValue, _ theirs: JSONValue, at place: String = "", except: Set<String> = []
    ) {
        switch (ours, theirs) {
        case (.object(let members), .object):
            for member in members where !except.contains(member.name) {
                guard let other = theirs[member.name] else { continue }
                agrees(member.value, other, at: place + "/" + member.name, except: except)
            }
        case (.array(let left), .array(let right)):
            #expect(left.count == right.count, "\(place)")
            for (index, (one, other)) in zip(left, right).enumerated() {
                agrees(one, other, at: "\(place)[\(index)]", except: except)
            }
        default: #expect(ours == theirs, "\(place)")
        }
    }

    private func printed(_ run: ProgramRun) throws -> JSONValue {
        #expect(run.code == .done)
        #expect(run.messages.isEmpty)
        let value = try JSONValue(parsing: Array(run.output.utf8))
        #expect(run.output == value.prettyText + "\n")
        return value
    }

    private func expected(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test func taskCountsAreEqualToTheLetter() {
        let service = FakeService([
            "GET /jobs/job-a/taskcounts": [
                #"{"active":2,"running":1,"completed":3,"succeeded":2,"failed":1}"#
            ]
        ])
        let count = run("jobs", "tasks", "count", "--jobid", "job-a", "--raw", service: service)
        #expect(
            count.output == """
                {
                  "job-a": {
                    "active": 2,
                    "completed": 3,
                    "failed": 1,
                    "running": 1,
                    "succeeded": 2
                  }
                }

                """)
    }

    @Test func nodeCountsNameEveryState() throws {
        let nodes = Samples.list(
            Samples.node("a", state: "idle"), Samples.node("b", state: "startTaskFailed"))
        let service = FakeService(["GET /pools/pool1/nodes": [nodes]])
        let ours = try printed(run("pool", "nodes", "count", "--poolid", "pool1", "--raw", service: service))
        let page = try #require(ours["pool1"]?["value"]?.arrayValue?.first)
        let states = """
            creating idle leavingPool offline preempted rebooting reimaging running startTaskFailed starting total
            unknown unusable waitingForStartTask
            """
        for (kind, counts) in [
            ("dedicated", ["idle": 1, "startTaskFailed": 1, "total": 2]), ("lowPriority", [:]),
        ] {
            guard case .object(let members) = page[kind] else {
                throw JSONError(place: kind, message: "missing")
            }
            #expect(
                members.map(\.name).sorted()
                    == states.split(whereSeparator: \.isWhitespace).map(String.init).sorted())
            for member in members { #expect(member.value.integerValue == Int64(counts[member.name] ?? 0)) }
        }
        #expect(page["poolId"] == "pool1")
    }

    @Test func poolListAgreesWhereBothHaveAMember() throws {
        let service = FakeService(["GET /pools": [Samples.list(Samples.pool)]])
        let ours = try printed(run("pool", "list", "--raw", service: service))
        let theirs = try expected(
            #"""
            [{"odata.metadata": "https://a.local.batch.azure.com/pools", "value": [{
            "allocationState": "steady", "creationTime": "2020-01-01T00:00:00Z", "currentDedicatedNodes": 2,
            "currentLowPriorityNodes": 0, "enableAutoScale": false, "enableInterNodeCommunication": false,
            "id": "pool1", "maxTasksPerNode": 4, "state": "active", "targetDedicatedNodes": 3,
            "targetLowPriorityNodes": 0, "taskSchedulingPolicy": {"nodeFillType": "spread"},
            "vmSize": "standard_d2_v3"}]}]
            """#)
        agrees(theirs, ours, except: ["odata.metadata"])
        agrees(ours, theirs, except: ["odata.metadata"])
    }

    @Test func jobListHasJobsAndSchedules() throws {
        let service = FakeService([
            "GET /jobs": [Samples.list(Samples.job("job-a", onAllTasksComplete: "noAction"))]
        ])
        let ours = try printed(run("jobs", "list", "--raw", service: service))
        let job = try #require(ours["jobs"]?.arrayValue?.first?["value"]?.arrayValue?.first)
        #expect(job["onAllTasksComplete"] == "noaction")
        #expect(job["poolInfo"]?["poolId"] == "pool1")
        #expect(job["executionInfo"]?["poolId"] == "pool1")
        #expect(job["stateTransitionTime"] == "2020-01-01T00:00:00.123456Z")
        #expect(ours["job_schedules"]?.arrayValue?.first?["value"] == [])
    }

    @Test func taskListIsPagesByJob() throws {
        let service = FakeService([
            "GET /jobs/job-a/tasks?limit=all": [Samples.list(Samples.task("task-00000", exitCode: 0))]
        ])
        let ours = try printed(run("jobs", "tasks", "list", "--jobid", "job-a", "--raw", service: service))
        let task = try #require(ours["job-a"]?.arrayValue?.first?["value"]?.arrayValue?.first)
        let theirs = try expected(
            #"""
            {"commandLine": "/bin/sh -c x", "id": "task-00000", "state": "completed",
            "executionInfo": {"endTime": "2020-01-01T00:00:03.250000Z", "exitCode": 0, "requeueCount": 0,
            "result": "success", "retryCount": 0, "startTime": "2020-01-01T00:00:02Z"},
            "nodeInfo": {"nodeId": "tvmps_1", "poolId": "pool1"}}
            """#)
        agrees(theirs, task)
    }

    /// Written without a tree in between, and yet what the tree of each task would be.
    @Test func taskListsAreWhatTheirTasksAre() throws {
        let tasks = [
            Samples.task("a", exitCode: 0), Samples.task("b", exitCode: 3),
            #"{"id":"c \"\\ é\n","jobId":"job-a","state":"active","executionInfo":{"retryCount":1,"requeueCount":2},"dependsOn":[],"isMergeTask":false}"#,
        ]
        let service = FakeService([
            "GET /jobs/job-a/tasks?limit=all": [
                #"{ "value" : [ \#(tasks.joined(separator: " ,\n ")) ] , "next":7}"#
            ],
            "GET /jobs/job-a/tasks?limit=all&tails=200": [Samples.list(tasks[0], tasks[1], tasks[2])],
            "GET /jobs/empty/tasks?limit=all": [Samples.list()],
            "GET /jobs/empty/tasks?limit=all&tails=200": [Samples.list()],
            "GET /jobs": [Samples.list(Samples.job("job-a"), Samples.job("empty"))],
        ])
        let values = try tasks.map { RawShape.task(try JSONCoding.decode(TaskResponse.self, from: $0)) }
        let ours = try printed(run("jobs", "tasks", "list", "--all", "--raw", service: service))
        #expect(ours["job-a"]?.prettyText == RawShape.pages("jobs/job-a/tasks", values).prettyText)
        #expect(ours["empty"] == RawShape.pages("jobs/empty/tasks", []))

        let table = run("jobs", "tasks", "list", "--jobid", "job-a", service: service)
        #expect(
            table.output == """
                job job-a:
                TASK     STATE      RESULT   EXIT CODE  RETRIES  WALL TIME  NODE     REASON
                a        completed  success          0        0             tvmps_1
                b        completed  failure          3        0             tvmps_1
                c "\\ é�  active                               1

                """)
        let none = run("jobs", "tasks", "list", "--jobid", "empty", service: service)
        #expect(none.output == "" && none.messages == "job empty: no tasks found\n")
        #expect(
            run(
                "jobs", "tasks", "list", "--all", "--raw",
                service: FakeService(["GET /jobs": [Samples.list()]])
            ).output == "{}\n")
    }

    @Test(arguments: [
        #"{"value":[{"id":"a","state":"active"}"#, #"{"value":[{"id":"a""#, #"{"value":[{"id":"a"}]}"#, "[]",
        "",
        #"{"value":[{"id" "a"}]}"#, #"{"value":[{"id":"a","state":"active"},"#,
    ])
    func halfAListIsNone(_ body: String) {
        let service = FakeService(["GET /jobs/j/tasks?limit=all&tails=200": [body]])
        let outcome = run("jobs", "tasks", "list", "--jobid", "j", service: service)
        #expect(outcome.code != .done)
        #expect(outcome.messages.contains("cannot read the service's answer"), "\(outcome.messages)")
    }

    @Test func jobThatIsNotThereIsSaid() {
        let outcome = run("jobs", "tasks", "list", "--jobid", "j", "--raw", service: FakeService())
        #expect(outcome.code != .done && outcome.output == "")
    }
}
