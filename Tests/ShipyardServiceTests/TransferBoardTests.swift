import ShipyardEngine
import ShipyardModel
import Testing

@testable import ShipyardService

/// How far transfers are, as agents tell it.
struct TransferBoardTests {
    @Test func ratesAreOfTheTimeBetweenTwoReports() {
        let board = TransferBoard()
        let work = WorkID(TaskKey(job: 1, ordinal: 2), attempt: 1)
        let node = NodeHandle(index: 0)
        board.tell(TransferProgress(.upload, bytes: 100), of: work, on: node, at: 1_000_000)
        #expect(board.ofTasks()[TaskKey(job: 1, ordinal: 2)]?.bytesPerSecond == nil)
        board.tell(TransferProgress(.upload, bytes: 1100), of: work, on: node, at: 3_000_000)
        #expect(board.ofTasks()[TaskKey(job: 1, ordinal: 2)]?.bytesPerSecond == 500)
        board.tell(
            TransferProgress(.upload), of: WorkID(kind: .startTask, key: 0, attempt: 1), on: node, at: 0)
        #expect(board.ofTasks().count == 1)
        board.forget(node)
        #expect(board.ofTasks().isEmpty)
    }
}
