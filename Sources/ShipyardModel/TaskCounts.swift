/// How many tasks of a job are in which state. `running` includes `preparing`, as Azure Batch counts.
package struct TaskCounts: Sendable, Hashable {
    package var active = 0
    package var running = 0
    package var succeeded = 0
    package var failed = 0

    package var completed: Int { succeeded + failed }
    package var total: Int { active + running + completed }
    package init() {}
}
