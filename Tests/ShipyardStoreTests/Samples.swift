import Glibc
import ShipyardModel
import ShipyardStore

/// A directory that goes when the test ends.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/shipyard-store-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template)!)
    }

    deinit {
        for name in [
            "shipyard.db", "shipyard.db-wal", "shipyard.db-shm", "copy.db", "copy.db-wal", "copy.db-shm",
        ] {
            unlink("\(path)/\(name)")
        }
        rmdir(path)
    }

    var database: String { path + "/shipyard.db" }
}

func at(_ milliseconds: Int64) -> Instant { Instant(milliseconds: milliseconds) }

let somePool = PoolID("p")!

let someResult = AttemptResult(
    .exited(3),
    startTime: at(10), endTime: at(20),
    usage: ResourceUsage(wall: 1, user: 2, system: 3, peakMemoryBytes: 4))

func samplePool(_ id: String = "p") -> PoolRecord {
    PoolRecord(
        id: PoolID(id)!, state: .active, allocationState: .resizing, targetDedicatedNodes: 2,
        targetLowPriorityNodes: 1, taskSlotsPerNode: 4, creationTime: at(5),
        autoPoolJob: 7, lastNodeNumber: 3)
}

func sampleNode(_ id: String = "node-1", pool: String = "p") -> NodeRecord {
    NodeRecord(
        pool: PoolID(pool)!, id: NodeID(id), isDedicated: true, state: .waitingForStartTask, boot: 1 << 40,
        startTaskAttempt: 2, startTaskResult: someResult, allocationTime: at(6), stateTransitionTime: at(7))
}

func sampleJob(_ number: UInt32 = 1, id: String = "job", taskCount: Int = 0) -> JobRecord {
    JobRecord(
        number: number, id: JobID(id)!, pool: somePool, state: .active, priority: -5,
        taskCount: taskCount, autoComplete: true, creationTime: at(1), stateTransitionTime: at(2),
        endTime: nil, terminateReason: nil)
}

func sampleTask(_ ordinal: UInt32, job: UInt32 = 1) -> TaskDefinition {
    TaskDefinition(
        key: TaskKey(job: job, ordinal: ordinal), id: "task-" + padded(ordinal, 5),
        command: "echo \(ordinal)",
        template: 0)
}

func sampleProgress(
    _ ordinal: UInt32, job: UInt32 = 1, state: TaskState, attempt: Int32 = 1, result: AttemptResult? = nil
) -> TaskProgress {
    var progress = TaskProgress(key: TaskKey(job: job, ordinal: ordinal))
    progress.state = state
    progress.attempt = attempt
    progress.node = NodeID("node-1")
    progress.boot = 9
    progress.assignedTime = at(3)
    progress.result = result
    return progress
}

/// A job with `count` tasks, none of which was attempted.
func storeWithJob(tasks count: Int, path: String = ":memory:") throws -> StoreWriter {
    let store = try StoreWriter(path: path)
    let tasks = (0..<UInt32(count)).map { StoreWrite.addTask(sampleTask($0)) }
    try store.commit(tasks + [.putJob(sampleJob(taskCount: count))])
    return store
}

/// Purges to the end; answers in how many slices that did something.
@discardableResult func purge(_ store: StoreWriter, limit: Int = 1000) throws -> Int {
    var slices = -1
    while store.hasRowsToPurge {
        try store.purgeJobRows(limit: limit)
        slices += 1
    }
    return slices
}
