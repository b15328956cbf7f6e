import ShipyardAPI

/// What a question says will be lost: nobody can weigh "deleting job film" without knowing what runs there.
enum Losses {
    static func deleting(_ job: JobResponse) -> String {
        "deleting job \(job.id): \(tasks(of: [job])); their records and files are lost"
    }

    static func terminating(_ job: JobResponse) -> String {
        "terminating job \(job.id): \(tasks(of: [job])); what runs is ended, and what waits never runs"
    }

    static func deleting(_ pool: PoolResponse, jobs: [JobResponse]) -> String {
        let nodes = pool.nodeCounts.values.reduce(0, +)
        let here = jobs.filter { $0.poolId == pool.id }
        var text = "deleting pool \(pool.id): \(counted(nodes, "node")) with all files on them"
        if !here.isEmpty { text += "; \(counted(here.count, "job")) there with \(tasks(of: here)), whose records stay" }
        return text
    }

    /// `5 tasks, 2 running, 1 waiting`
    private static func tasks(of jobs: [JobResponse]) -> String {
        let counts = jobs.reduce(TaskCountsResponse()) { $0 + $1.taskCounts }
        var text = counted(counts.total, "task")
        if counts.running > 0 { text += ", \(counts.running) running" }
        if counts.active > 0 { text += ", \(counts.active) waiting" }
        return text
    }
}
