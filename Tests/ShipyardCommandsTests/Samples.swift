/// Answers of the service for the same pool, jobs and tasks as the recorded outputs of Batch Shipyard.
enum Samples {
    static let pool = #"""
        {"id":"pool1","state":"active","allocationState":"steady","creationTime":"2020-01-01T00:00:00Z",
        "vmSize":"standard_d2_v3","currentDedicatedNodes":2,"currentLowPriorityNodes":0,"targetDedicatedNodes":3,
        "targetLowPriorityNodes":0,"taskSlotsPerNode":4,"nodeFillType":"spread",
        "enableInterNodeCommunication":false,"enableAutoScale":false,"applicationPackageReferences":[],
        "nodeCounts":{"idle":1,"startTaskFailed":1}}
        """#

    static func node(_ id: String, state: String, dedicated: Bool = true) -> String {
        #"""
        {"id":"\#(id)","poolId":"pool1","state":"\#(state)","isDedicated":\#(dedicated),
        "allocationTime":"2020-01-01T00:00:00Z","stateTransitionTime":"2020-01-01T00:00:00Z",
        "runningTasksCount":1,"runningTaskSlotsCount":2,"totalTasksRun":9,"totalTasksSucceeded":8,
        "rootDirectory":"/h/nodes/pool1/\#(id)"}
        """#
    }

    static func job(
        _ id: String, state: String = "active", counts: String = "0,0,0,0", blocked: String? = nil,
        onAllTasksComplete: String = "terminateJob"
    ) -> String {
        let numbers = counts.split(separator: ",").map { Int($0)! }
        let reason =
            state == "completed" ? #""terminateReason":"AllTasksComplete","runTimeMilliseconds":4000,"# : ""
        let why = blocked.map { #""blockedReason":"\#($0)","# } ?? ""
        return #"""
            {"id":"\#(id)","state":"\#(state)","priority":0,"poolId":"pool1","creationTime":"2020-01-01T00:00:00Z",
            "stateTransitionTime":"2020-01-01T00:00:00.123456Z","onAllTasksComplete":"\#(onAllTasksComplete)",\#(reason)\#(why)
            "usesTaskDependencies":false,"isBlocked":\#(blocked != nil),
            "taskCounts":{"active":\#(numbers[0]),"running":\#(numbers[1]),"completed":\#(numbers[2] + numbers[3]),
            "succeeded":\#(numbers[2]),"failed":\#(numbers[3])}}
            """#
    }

    static func task(_ id: String, exitCode: Int, job: String = "job-a") -> String {
        let failure = #""failureInfo":{"category":"userError","code":"FailureExitCode","message":"m"},"#
        return #"""
            {"id":"\#(id)","jobId":"\#(job)","state":"completed","commandLine":"/bin/sh -c x","dependsOn":[],
            "isMergeTask":false,"executionInfo":{"startTime":"2020-01-01T00:00:02Z",
            "endTime":"2020-01-01T00:00:03.250000Z","exitCode":\#(exitCode),\#(exitCode == 0 ? "" : failure)
            "result":"\#(exitCode == 0 ? "success" : "failure")","retryCount":0,"requeueCount":0},
            "nodeInfo":{"poolId":"pool1","nodeId":"tvmps_1","taskDirectory":"/n/workitems/\#(job)/job-1/\#(id)"}}
            """#
    }

    static func list(_ items: String...) -> String { #"{"value":[\#(items.joined(separator: ","))]}"# }
}

extension Samples {
    static func service(process: Int32) -> String {
        #"{"version":"1","processId":\#(process),"home":"/h","startTime":"2026-01-01T00:00:00Z"}"#
    }
}
