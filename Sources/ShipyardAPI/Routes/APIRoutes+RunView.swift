import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardStore
import ShipyardSystem

extension APIRoutes {
    /// More than a person reads as a tree. What is beyond is listed (`/jobs/{job}/tasks`).
    static let runViewLimit = 500
    private static let failedShown = 10
    private static let runningShown = 5
    private static let namesShown = 100
    private static let tailsShown = 50
    /// Characters of a task's output; the whole is in the answer for the task.
    private static let outputShown = 2000

    /// What the engine knows of a run, taken in one moment.
    private struct RunStatus: Sendable {
        var nodes: Set<NodeID>
        /// Ordinals.
        var neverRun: Set<UInt32>
        /// Beginnings, by ordinal.
        var outputs: [UInt32: String] = [:]
    }

    func runView(of id: String) throws(APIFailure) -> RunViewResponse {
        let status = try jobStatus(id)
        let number = status.record.number
        let limit = Self.runViewLimit
        let isWhole = status.counts.total <= limit
        let (found, nodeJobs, cause, outputs) = try read { reader throws(StoreError) in
            (
                isWhole
                    ? try reader.tasks(of: number, limit: limit)
                    : try reader.tasks(
                        of: number, limit: Self.failedShown, where: TaskFilter(result: .failure))
                        + reader.tasks(
                            of: number, limit: Self.runningShown, where: TaskFilter(state: .running)),
                try reader.nodeJobs(of: number), try reader.runJob(number),
                isWhole ? try reader.taskOutputs(of: number, characters: Self.outputShown) : [:]
            )
        }
        let active = found.filter { $0.progress.state == .active }.map(\.definition.key)
        let pool = status.record.pool
        var known = try inspect { engine in
            RunStatus(
                nodes: Set(engine.nodes(of: pool).map(\.record.id)),
                neverRun: Set(active.filter { engine.neverRuns($0) }.map(\.ordinal)))
        }
        known.outputs = outputs
        return RunViewResponse(
            job: try jobResponse(status), elapsedMilliseconds: elapsed(of: status.record), cause: try cause.flatMap { record throws(APIFailure) in
                try runCause(record)
            },
            nodeWork: nodeJobs.map { nodeWork($0, of: status.record, known.nodes) },
            tasks: try tasks(found, of: status, known, isWhole: isWhole), isWhole: isWhole, taskLimit: limit)
    }

    private func tasks(
        _ rows: [TaskRow], of job: JobStatus, _ known: RunStatus, isWhole: Bool
    ) throws(APIFailure) -> [RunViewResponse.Task] {
        let order = RunOrder(rows.map(\.definition))
        let transfers = loop.transfersOfTasks()
        var responses: [RunViewResponse.Task] = []
        var tails = errorTails(Int64(Self.tailsShown), of: job.record)
        for place in order.places {
            let row = rows[place.index]
            let upstream = isWhole ? order.upstream[place.index] : []
            let names = upstream.prefix(Self.namesShown).map { rows[$0].definition.id }
            let culprit = upstream.first { keeps(rows[$0], known) }.map { rows[$0].definition.id }
            var task = try taskResponse(row, job, names, transfers)
            task.lastErrorLine = tails.line(of: row)
            responses.append(
                RunViewResponse.Task(
                    task: task, attempt: Int(row.progress.attempt),
                    elapsedMilliseconds: elapsed(of: row.progress), dependencyCount: upstream.count, level: isWhole ? place.level : 0,
                    waitReason: waitReason(of: row, job, known, culprit),
                    isNodeThere: row.progress.node.map(known.nodes.contains) ?? true,
                    output: known.outputs[row.definition.key.ordinal]))
        }
        return responses
    }

    private func elapsed(of job: JobRecord) -> Int64? {
        guard job.reopening == nil else { return nil }
        return max(0, ((job.endTime ?? SystemClock.now()) - job.creationTime).milliseconds)
    }

    private func elapsed(of progress: TaskProgress) -> Int64? {
        guard progress.state == .running || progress.state == .preparing else { return nil }
        return progress.assignedTime.map { max(0, (SystemClock.now() - $0).milliseconds) }
    }

    /// Whether who comes after the task never runs because of it.
    private func keeps(_ row: TaskRow, _ known: RunStatus) -> Bool {
        if row.progress.state == .completed { return row.progress.result?.isSuccess != true }
        return known.neverRun.contains(row.definition.key.ordinal)
    }

    private func waitReason(
        of row: TaskRow, _ job: JobStatus, _ known: RunStatus, _ culprit: String?
    ) -> String? {
        guard row.progress.state == .active else { return nil }
        let hasEnded = job.record.state == .completed
        guard hasEnded || known.neverRun.contains(row.definition.key.ordinal) else { return nil }
        return culprit.map { "not run, because of `\($0)`" } ?? "not run"
    }

    private func nodeWork(
        _ record: NodeJobRecord, of job: JobRecord, _ nodes: Set<NodeID>
    ) -> RunViewResponse.NodeWork {
        let location = loop.files.files(of: record.node, in: record.pool).tasksLocation(of: job.id)
        return RunViewResponse.NodeWork(
            kind: record.isRelease ? "jobRelease" : "jobPreparation", nodeId: record.node.text,
            attempt: Int(record.attempt),
            executionInfo: ExecutionResponse(record.result, retryCount: 0, requeueCount: 0),
            directory: location + (record.isRelease ? "/jobrelease" : "/jobpreparation"),
            isThere: nodes.contains(record.node))
    }

    /// Nil where the run is on record no more.
    private func runCause(_ made: RunJobRecord) throws(APIFailure) -> RunViewResponse.Cause? {
        let (run, event) = try read { reader throws(StoreError) in
            let run = try reader.run(made.run)
            guard case .event(let number) = run?.cause else { return (run, TriggerEventRecord?.none) }
            return (run, try reader.triggerEvent(number))
        }
        guard let run else { return nil }
        let schedule = try inspect { $0.schedule(made.run.schedule)?.id.text }
        return RunViewResponse.Cause(
            scheduleId: schedule, run: made.run.number, attempt: made.attempt, state: run.state.rawValue,
            cause: run.cause.word,
            file: event.map { "\($0.file.account)/\($0.file.container)/\($0.file.path.shown)" },
            dueTime: run.due.iso8601,
            parameters: run.parameters.flatMap { try? JSONCoding.decode([String: String].self, from: $0) })
    }
}
