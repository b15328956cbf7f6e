import ShipyardEngine
import ShipyardHTTPClient
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardStore

extension APIRoutes {
    /// The most tasks in one answer, and what is given where nothing is asked for.
    static let pageLimit = 1000

    func addTasks(to router: inout Router) {
        on(.get, "/jobs/{job}/tasks", in: &router) { request throws(APIFailure) in
            request.queryValue("limit") == "all"
                ? try wholeListing(request) : .json(try taskPage(request))
        }
        on(.get, "/jobs/{job}/tasks/{task}", in: &router) { request throws(APIFailure) in
            let status = try jobStatus(request.parameters["job"] ?? "")
            let found = try task(request.parameters["task"] ?? "", of: status)
            var response = try taskResponse(
                found.row, status, try dependencyNames(of: found.row, status), loop.transfersOfTasks())
            response.attempts = found.pastAttempts.map(ExecutionResponse.init)
            response.output = try output(of: found.row.definition.key)
            return .json(response)
        }
        on(.post, "/jobs/{job}/tasks/{task}/terminate", in: &router) { request throws(APIFailure) in
            let (job, task) = (request.parameters["job"] ?? "", request.parameters["task"] ?? "")
            try perform { core, now throws(Refusal) in try core.terminateTask(task, of: job, at: now) }
            return HTTPReply(status: 202)
        }
        on(.delete, "/jobs/{job}/tasks/{task}", in: &router) { request throws(APIFailure) in
            let (job, task) = (request.parameters["job"] ?? "", request.parameters["task"] ?? "")
            let removal = try perform { core, now throws(Refusal) in
                try core.deleteTask(task, of: job, at: now)
            }
            return .json(DeletionResponse(removal), status: 202)
        }
    }

    /// Nil where the task has left none. What it has left was looked at by its agent, so it can be read.
    private func output(of key: TaskKey) throws(APIFailure) -> JSONValue? {
        let found = try read { reader throws(StoreError) in try reader.taskOutput(of: key) }
        return found.flatMap { try? JSONValue(parsing: $0.document) }
    }

    func task(_ id: String, of job: JobStatus) throws(APIFailure) -> (
        row: TaskRow, pastAttempts: [TaskProgress]
    ) {
        let found = try read { reader throws(StoreError) in try reader.task(id, in: job.record.number) }
        guard let found else { throw APIFailure(Refusal.taskNotFound(id, job: job.record.id.text)) }
        return found
    }

    private func taskPage(_ request: HTTPRequest) throws(APIFailure) -> ListBody<TaskResponse> {
        let status = try jobStatus(request.parameters["job"] ?? "")
        let limit = Int(min(try number("limit", atLeast: 1, in: request) ?? .max, Int64(Self.pageLimit)))
        let after = try number("after", atLeast: 0, in: request).map { UInt32(clamping: $0) }
        let filter = try taskFilter(request)
        let rows = try read { reader throws(StoreError) in
            try reader.tasks(of: status.record.number, after: after, limit: limit, where: filter)
        }
        var responses: [TaskResponse] = []
        let transfers = loop.transfersOfTasks()
        var tails = errorTails(try number("tails", atLeast: 0, in: request), of: status.record)
        for row in rows {
            var response = try taskResponse(row, status, [], transfers)
            response.lastErrorLine = tails.line(of: row)
            responses.append(response)
        }
        let next = rows.count == limit ? rows.last.map { Int($0.definition.key.ordinal) } : nil
        return ListBody(value: responses, next: next)
    }

    /// `limit=all`: the same list without pages, while it is read.
    private func wholeListing(_ request: HTTPRequest) throws(APIFailure) -> HTTPReply {
        let job = try jobStatus(request.parameters["job"] ?? "").record
        let writer = TaskResponseWriter(
            job,
            tasksLocation: { [files = loop.files] in
                files.files(of: $0, in: job.pool).tasksLocation(of: job.id)
            },
            mergeTemplates: try planSummary(of: job).mergeTemplates)
        let listing = TaskListing(readers, job: job.number, try taskFilter(request), writer,
            tails: errorTails(try number("tails", atLeast: 0, in: request), of: job)
        ) { [loop] in
            loop.transfersOfTasks()
        }
        return HTTPReply(
            status: 200, headers: [HTTPHeader("Content-Type", "application/json")],
            body: .stream { () throws(HTTPReply.BrokenStream) in try listing.next() })
    }

    private func taskFilter(_ request: HTTPRequest) throws(APIFailure) -> TaskFilter {
        var filter = TaskFilter()
        if let state = request.queryValue("state") {
            guard let known = TaskState(rawValue: state) else {
                let states = TaskState.allCases.map(\.rawValue).joined(separator: ", ")
                throw APIFailure(400, "InvalidQueryParameter", "`state` is one of \(states), not `\(state)`")
            }
            filter.state = known
        }
        if let result = request.queryValue("result") {
            guard let known = ExecutionResult(rawValue: result) else {
                throw APIFailure(
                    400, "InvalidQueryParameter", "`result` is success or failure, not `\(result)`")
            }
            filter.result = known
        }
        return filter
    }

    func taskResponse(
        _ row: TaskRow, _ job: JobStatus, _ dependencies: [String],
        _ transfers: [TaskKey: TransferBoard.Entry]
    ) throws(APIFailure) -> TaskResponse {
        TaskResponse(
            id: row.definition.id, jobId: job.record.id.text, state: row.progress.state.rawValue,
            commandLine: row.definition.command.map(LateText.shown),
            executionInfo: ExecutionResponse(row.progress),
            transferInfo: transfers[row.definition.key].map(TransferResponse.init),
            nodeInfo: row.progress.node.map { node in
                TaskNodeResponse(
                    poolId: job.record.pool.text, nodeId: node.text,
                    taskDirectory: taskDirectory(row.definition.id, on: node, of: job.record))
            },
            dependsOn: dependencies,
            isMergeTask: try planSummary(of: job.record).mergeTemplates.contains(row.definition.template))
    }

    func taskDirectory(_ task: String, on node: NodeID, of job: JobRecord) -> String {
        loop.files.files(of: node, in: job.pool).location(of: .task(task, of: job.id))
    }

    /// The ids behind a task's dependencies, as many as a person reads.
    private func dependencyNames(of row: TaskRow, _ job: JobStatus) throws(APIFailure) -> [String] {
        let shown = 1000
        let list = row.definition.dependencies.flatMap(Dependency.list) ?? []
        var keys: [TaskKey] = []
        var names: [String] = []
        for dependency in list where keys.count < shown {
            switch dependency.upstream {
            case .task(let ordinal): keys.append(TaskKey(job: job.record.number, ordinal: ordinal))
            case .tasks(let range):
                keys += range.prefix(shown).map { TaskKey(job: job.record.number, ordinal: $0) }
            case .numbers(let range): names.append("\(range.lowerBound)..\(range.upperBound)")
            }
        }
        let known = try read { [keys] reader throws(StoreError) in try reader.definitions(of: keys) }
        return known.map(\.id) + names
    }
}
