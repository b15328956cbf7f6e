import ShipyardAPI
import ShipyardModel

/// `--raw`: what Batch Shipyard prints of the service's answers, which is the JSON of Azure Batch's REST API.
enum RawShape {
    /// A list command prints the service's pages; ours always has one.
    static func pages(_ path: String, _ values: [JSONValue]) -> JSONValue {
        [page(path, values)]
    }

    static func page(_ path: String, _ values: [JSONValue]) -> JSONValue {
        ["odata.metadata": .string(metadata(path)), "value": .array(values)]
    }

    static func metadata(_ path: String) -> String { "http://shipyard/$metadata#\(path)" }

    static func pool(_ pool: PoolResponse) -> JSONValue {
        var members: [(String, JSONValue?)] = [
            ("id", .string(pool.id)), ("state", .string(pool.state)),
            ("allocationState", .string(pool.allocationState)),
            ("creationTime", .string(pool.creationTime)), ("vmSize", pool.vmSize.map(JSONValue.string)),
            ("currentDedicatedNodes", .count(pool.currentDedicatedNodes)),
            ("currentLowPriorityNodes", .count(pool.currentLowPriorityNodes)),
            ("targetDedicatedNodes", .count(pool.targetDedicatedNodes)),
            ("targetLowPriorityNodes", .count(pool.targetLowPriorityNodes)),
            ("maxTasksPerNode", .count(pool.taskSlotsPerNode)),
            ("taskSchedulingPolicy", ["nodeFillType": .string(pool.nodeFillType)]),
            ("enableInterNodeCommunication", .bool(pool.enableInterNodeCommunication)),
            ("enableAutoScale", .bool(pool.enableAutoScale)),
            ("startTask", pool.startTaskCommandLine.map { ["commandLine": .string($0)] }),
        ]
        if !pool.applicationPackageReferences.isEmpty {
            let references = pool.applicationPackageReferences.map { reference -> JSONValue in
                ["applicationId": .string(reference.applicationId), "version": .string(reference.version)]
            }
            members.append(("applicationPackageReferences", .array(references)))
        }
        return .present(members)
    }

    static func node(_ node: NodeResponse) -> JSONValue {
        .present([
            ("id", .string(node.id)), ("state", .string(node.state)),
            ("isDedicated", .bool(node.isDedicated)),
            ("allocationTime", .string(node.allocationTime)),
            ("stateTransitionTime", .string(node.stateTransitionTime)),
            ("runningTasksCount", .count(node.runningTasksCount)),
            ("runningTaskSlotsCount", .count(node.runningTaskSlotsCount)),
            ("totalTasksRun", .count(node.totalTasksRun)),
            ("totalTasksSucceeded", .count(node.totalTasksSucceeded)),
            ("startTaskInfo", node.startTaskInfo.map(execution)),
            (
                "errors",
                node.cannotStartReason.map {
                    .array([["code": .string("NodeCannotStartWork"), "message": .string($0)]])
                }
            ),
            ("rootDirectory", .string(node.rootDirectory)),
        ])
    }

    /// Every state is named, also those without a node.
    static func nodeCounts(of pool: String, _ nodes: [NodeResponse]) -> JSONValue {
        func counts(dedicated: Bool) -> JSONValue {
            let chosen = nodes.filter { $0.isDedicated == dedicated }
            let states = NodeState.allCases.map(\.rawValue) + ["reimaging"]
            let each = states.map { state in (state, JSONValue.count(chosen.count { $0.state == state })) }
            return .present(each + [("total", .count(chosen.count))])
        }
        let value: JSONValue = [
            "dedicated": counts(dedicated: true), "lowPriority": counts(dedicated: false),
            "poolId": .string(pool),
        ]
        return .present([(pool, page("nodecounts", [value]))])
    }

    static func job(_ job: JobResponse) -> JSONValue {
        .present([
            ("id", .string(job.id)), ("state", .string(job.state)), ("priority", .count(job.priority)),
            ("creationTime", .string(job.creationTime)),
            ("stateTransitionTime", .string(job.stateTransitionTime)),
            ("poolInfo", ["poolId": .string(job.poolId)]),
            ("onAllTasksComplete", .string(job.onAllTasksComplete.lowercased())),
            ("usesTaskDependencies", .bool(job.usesTaskDependencies)),
            ("constraints", job.maxWallClockTime.map { ["maxWallClockTime": .string($0)] }),
            (
                "executionInfo",
                .present([
                    ("poolId", .string(job.poolId)), ("startTime", .string(job.creationTime)),
                    ("endTime", job.endTime.map(JSONValue.string)),
                    ("terminateReason", job.terminateReason.map(JSONValue.string)),
                ])
            ),
        ])
    }

    static func jobSchedule(_ schedule: ScheduleResponse) -> JSONValue {
        let info = schedule.executionInfo
        return .present([
            ("id", .string(schedule.id)), ("state", .string(schedule.state)),
            ("creationTime", .string(schedule.creationTime)),
            ("stateTransitionTime", .string(schedule.stateTransitionTime)),
            (
                "executionInfo",
                .present([
                    ("nextRunTime", info.nextRunTime.map(JSONValue.string)),
                    ("recentJob", info.recentJob.map { ["id": .string($0.id)] }),
                    ("endTime", info.endTime.map(JSONValue.string)),
                ])
            ),
        ])
    }

    static func task(_ task: TaskResponse) -> JSONValue {
        let dependsOn: JSONValue = [
            "taskIdRanges": [], "taskIds": .array(task.dependsOn.map(JSONValue.string)),
        ]
        return .present([
            ("id", .string(task.id)), ("state", .string(task.state)),
            ("commandLine", task.commandLine.map(JSONValue.string)),
            ("dependsOn", task.dependsOn.isEmpty ? nil : dependsOn),
            ("executionInfo", execution(task.executionInfo)), ("output", task.output),
            (
                "nodeInfo",
                task.nodeInfo.map { node in
                    [
                        "poolId": .string(node.poolId), "nodeId": .string(node.nodeId),
                        "taskRootDirectory": .string(node.taskDirectory),
                    ]
                }
            ),
        ])
    }

    static func taskCounts(_ counts: TaskCountsResponse) -> JSONValue {
        [
            "active": .count(counts.active), "running": .count(counts.running),
            "completed": .count(counts.completed), "succeeded": .count(counts.succeeded),
            "failed": .count(counts.failed),
        ]
    }

    private static func execution(_ info: ExecutionResponse) -> JSONValue {
        .present([
            ("startTime", info.startTime.map(JSONValue.string)),
            ("endTime", info.endTime.map(JSONValue.string)),
            ("exitCode", info.exitCode.map { .integer(Int64($0)) }),
            ("result", info.result.map(JSONValue.string)),
            (
                "failureInfo",
                info.failureInfo.map { failure in
                    [
                        // Batch Shipyard's client library lowers the case of every enumeration.
                        "category": .string(failure.category.lowercased()), "code": .string(failure.code),
                        "message": .string(failure.message),
                    ]
                }
            ),
            ("retryCount", .count(info.retryCount)), ("requeueCount", .count(info.requeueCount)),
        ])
    }
}

extension JSONValue {
    static func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }

    /// An object of the members that are not nil.
    static func present(_ members: [(String, JSONValue?)]) -> JSONValue {
        .object(members.compactMap { name, value in value.map { Member(name, $0) } })
    }
}

extension Console {
    /// JSON to the results, keys sorted, indented by two.
    func printRaw(_ value: JSONValue) { print(value.prettyText) }
}
