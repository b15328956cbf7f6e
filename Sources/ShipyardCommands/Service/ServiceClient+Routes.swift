import ShipyardAPI
import ShipyardModel

/// A list as the API wraps it.
package struct ListResponse<Item: Codable & Sendable>: Codable, Sendable {
    package var value: [Item]
    /// Where the next page starts; nil on the last one and where there are no pages.
    package var next: Int?

    package init(value: [Item], next: Int? = nil) {
        self.value = value
        self.next = next
    }
}

/// The body of `POST /pools/{pool}/resize`.
package struct ResizeRequest: Codable, Sendable {
    package var targetDedicatedNodes: Int
    package var targetLowPriorityNodes: Int
}

extension ServiceClient {
    package static func pool(_ id: String) -> ServicePath { "/pools" / id }
    package static func job(_ id: String) -> ServicePath { "/jobs" / id }
    package static func task(_ id: String, of job: String) -> ServicePath { Self.job(job) / "tasks" / id }

    package static func schedule(_ id: String) -> ServicePath { "/schedules" / id }

    package func pools() throws(CommandFailure) -> [PoolResponse] {
        try get("/pools", as: ListResponse<PoolResponse>.self).value
    }

    package func nodes(of pool: String) throws(CommandFailure) -> [NodeResponse] {
        try get(Self.pool(pool) / "nodes", as: ListResponse<NodeResponse>.self).value
    }

    package func jobs() throws(CommandFailure) -> [JobResponse] {
        try get("/jobs", as: ListResponse<JobResponse>.self).value
    }

    /// None where the service is of a version that has none.
    package func schedules() throws(CommandFailure) -> [ScheduleResponse] {
        try find("/schedules", as: ListResponse<ScheduleResponse>.self)?.value ?? []
    }

    /// The latest first, `count` at most.
    package func runs(of schedule: String, count: Int) throws(CommandFailure) -> [RunResponse] {
        var runs: [RunResponse] = []
        var before: Int?
        repeat {
            let path = (Self.schedule(schedule) / "runs").query(
                "limit", String(min(1000, count - runs.count))
            )
            .query("before", before.map(String.init))
            let page = try get(path, as: ListResponse<RunResponse>.self)
            runs += page.value
            before = page.next
        } while before != nil && runs.count < count
        return runs
    }

    package func files(below path: ServicePath) throws(CommandFailure) -> FilesResponse {
        try get(path / "files")
    }

    package func orphans() throws(CommandFailure) -> [OrphanResponse] {
        try get("/orphans", as: ListResponse<OrphanResponse>.self).value
    }

    /// What became of each.
    package func removeOrphans() throws(CommandFailure) -> [OrphanResponse] {
        try delete("/orphans", as: ListResponse<OrphanResponse>.self).value
    }

    /// Hands over the tasks of `job` page by page until `body` answers false.
    package func eachTask(
        of job: String, filter: TaskFilter = TaskFilter(),
        _ body: ([TaskResponse]) throws(CommandFailure) -> Bool
    ) throws(CommandFailure) {
        var after: Int?
        repeat {
            let path = (Self.job(job) / "tasks")
                .query("after", after.map(String.init)).query("limit", String(filter.pageSize))
                .query("state", filter.state).query("result", filter.onlyFailures ? "failure" : nil)
            let page = try get(path, as: ListResponse<TaskResponse>.self)
            guard try body(page.value) else { return }
            after = page.next
        } while after != nil
    }

    /// What nodes have not removed yet, or could not, of one removal of files of `job`.
    package func removals(
        _ removal: DeletionResponse, of job: String
    ) throws(CommandFailure) -> DirectoryRemovalsResponse {
        try get((Self.job(job) / "removals").query("removal", removal.removal))
    }

    /// Answers as soon as the job differs from `seen`, or after `seconds`.
    package func waitForChange(
        of job: String, seen: String?, seconds: Int
    ) throws(CommandFailure) -> JobResponse {
        let path = (Self.job(job) / "wait").query("timeout", String(seconds)).query("counts", seen)
        return try get(path, timeoutSeconds: seconds + 30)
    }

    /// As `waitForChange`, or at once when ctrl-C has come; nil where the job is gone.
    package func findChange(
        of job: String, seen: String?, seconds: Int
    ) throws(CommandFailure) -> JobResponse? {
        let path = (Self.job(job) / "wait").query("timeout", String(seconds)).query("counts", seen)
        var request = ServiceRequest(.get, path)
        request.timeoutSeconds = seconds + 30
        let hadCome = Interruption.hasCome
        request.isWanted = { hadCome || !Interruption.hasCome }
        do throws(CommandFailure) {
            return try find(request)
        } catch {
            guard error.code == .interrupted else { throw error }
            return try find(Self.job(job))
        }
    }
}

package struct TaskFilter: Sendable {
    package var state: String?
    package var onlyFailures = false
    /// The service's page size too: enough that a million tasks are a thousand requests.
    package var pageSize = 1000

    package init() {}
}
