import ShipyardModel
import ShipyardStore
import Testing

struct TaskOutputTests {
    private func ended(_ ordinal: UInt32, attempt: Int32, _ output: TaskOutput?) -> StoreWrite {
        var result = someResult
        if output != nil { result.outcome = .exited(0) }
        result.output = output
        return .putTask(sampleProgress(ordinal, state: .completed, attempt: attempt, result: result))
    }

    @Test func theLatestSuccessHasTheOutput() throws {
        let store = try storeWithJob(tasks: 3)
        let key = TaskKey(job: 1, ordinal: 0)
        #expect(try store.taskOutput(of: key) == nil)
        try store.commit([ended(0, attempt: 1, .document("{\"é\":1}"))])
        #expect(try store.taskOutput(of: key) == TaskOutputRecord(attempt: 1, document: "{\"é\":1}"))
        // A failure, and one that records none, leave it as it is.
        try store.commit([ended(0, attempt: 2, nil)])
        #expect(try store.taskOutput(of: key)?.attempt == 1)
        try store.commit([ended(0, attempt: 3, .document("[2]"))])
        #expect(try store.taskOutput(of: key) == TaskOutputRecord(attempt: 3, document: "[2]"))
        try store.commit([ended(1, attempt: 1, .document("é23456789"))])
        #expect(try store.taskOutputs(of: 1, characters: 4) == [0: "[2]", 1: "é234"])
        try store.commit([ended(0, attempt: 4, .absent)])
        #expect(try store.taskOutput(of: key) == nil)
    }

    @Test func outputsGoWithTheirTaskAndWithTheirJob() throws {
        let store = try storeWithJob(tasks: 3)
        let keys = (0..<3).map { TaskKey(job: 1, ordinal: $0) }
        try store.commit((0..<3).map { ended($0, attempt: 1, .document("1")) })
        try store.commit([.deleteTask(keys[0])])
        #expect(try keys.map { try store.taskOutput(of: $0) != nil } == [false, true, true])
        try store.commit([.deleteJob(1)])
        var rounds = 0
        while store.hasRowsToPurge, rounds < 100 {
            try store.purgeJobRows(limit: 1)
            rounds += 1
        }
        #expect(try keys.allSatisfy { try store.taskOutput(of: $0) == nil })
    }
}
