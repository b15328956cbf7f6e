import Glibc
import ShipyardAPI

/// Walks the tasks that `jobs tasks term` and `jobs tasks del` mean, asking for each job once.
struct TaskSelection {
    private let invocation: Invocation
    private let service: ServiceClient

    init(_ invocation: Invocation) throws(CommandFailure) {
        self.invocation = invocation
        if invocation.has("taskid") { _ = try SpecIDs(invocation).singleJob(for: "taskid") }
        service = try invocation.service()
    }

    func each(
        _ action: String, _ body: (ServicePath, TaskResponse) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        let isYes = invocation.has("yes")
        for job in try SpecIDs(invocation).jobs() {
            if let id = invocation.arguments["taskid"] {
                let path = ServiceClient.task(id, of: job)
                let task: TaskResponse = try service.get(path)
                guard try invocation.console.confirm("\(action) task \(id) of job \(job)", yes: isYes) else {
                    continue
                }
                try body(path, task)
            } else {
                guard try invocation.console.confirm("\(action) all tasks of job \(job)", yes: isYes) else {
                    continue
                }
                try service.eachTask(of: job) { page throws(CommandFailure) in
                    for task in page { try body(ServiceClient.task(task.id, of: job), task) }
                    return true
                }
            }
        }
    }

    func client() -> ServiceClient { service }
}
