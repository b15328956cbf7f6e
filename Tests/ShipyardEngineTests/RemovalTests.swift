import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// Directories of jobs and tasks that are to go.
struct RemovalTests {
    private let node = NodeHandle(index: 0)

    private func asked(_ effects: [Effect]) -> [RemovalID] {
        effects.compactMap { if case .removeFiles(_, let id, _) = $0 { id } else { nil } }
    }

    private func pending(_ floor: Floor) -> Set<RemovalID> {
        floor.writes.reduce(into: []) { set, write in
            switch write {
            case .putRemoval(let record):
                if record.failure == nil { set.insert(record.id) } else { set.remove(record.id) }
            case .deleteRemoval(_, _, let id): set.remove(id)
            default: break
            }
        }
    }

    @Test func removalOfAJobIsStoredWithItsEndAndAskedForUntilItIsAnswered() {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        floor.end()
        floor.apply(.jobDeleted(job))
        let id = RemovalID(job: job)
        #expect(pending(floor) == [id])
        #expect(asked(floor.effects) == [id])
        // The agent dies with the order. The next one hears it before anything else.
        let next = floor.addJob(.free(1))
        let before = floor.effects.count
        floor.lose(0)
        let orders = floor.effects[before...].filter { effect in
            switch effect {
            case .removeFiles, .startWork: true
            default: false
            }
        }
        #expect(orders.first == .removeFiles(node, id, .job(JobID("job-1")!)))
        #expect(orders.count == 2)
        floor.apply(.filesRemoved(node, id))
        #expect(pending(floor) == [])
        #expect(floor.effects.last == .forgetRemoval(node, id))
        floor.lose(0)
        #expect(asked(floor.effects) == [id, id])
        // An echo: the agent is told once more that it need not keep the answer.
        floor.apply(.filesRemoved(node, id))
        #expect(floor.effects.last == .forgetRemoval(node, id))
        #expect(floor.engine.counts(next)?.running == 1)
    }

    /// Also before an order that the agent never got and that is sent again: its task may have the id of an old one.
    @Test func removalComesBeforeOrdersThatAreSentAgain() {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        floor.end()
        floor.apply(.jobDeleted(job))
        floor.addJob(.free(1))
        let before = floor.effects.count
        floor.apply(.nodeConnected(node, running: [], queued: []))
        let orders = Array(floor.effects[before...])
        #expect(orders.count == 2)
        #expect(orders.first == .removeFiles(node, RemovalID(job: job), .job(JobID("job-1")!)))
    }

    @Test func failureIsKeptAndNotTriedAgain() {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        floor.end()
        floor.apply(.jobDeleted(job))
        let failure = RemovalFailure(path: "/x/y", reason: "Operation not permitted")
        floor.apply(.filesNotRemoved(node, RemovalID(job: job), failure))
        let last = floor.writes.compactMap { if case .putRemoval(let record) = $0 { record } else { nil } }
            .last
        #expect(last?.failure == failure)
        floor.lose(0)
        #expect(asked(floor.effects).count == 1)
    }

    @Test func nodeThatLeavesTakesItsRemovalsWithIt() {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(.free(1))
        floor.end()
        floor.apply(.poolResized(Floor.pool, dedicated: 1, lowPriority: 0))
        floor.apply(.jobDeleted(job))
        // One is leaving with all that it has.
        #expect(asked(floor.effects) == [RemovalID(job: job)])
        floor.apply(.poolDeleted(Floor.pool), .nodeRemoved(node), .nodeRemoved(NodeHandle(index: 1)))
        floor.apply(.filesRemoved(node, RemovalID(job: job)))
        #expect(floor.count { if case .forgetRemoval = $0 { true } else { false } } == 0)
    }

    @Test func removalIsRestored() {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        floor.end()
        floor.apply(.jobDeleted(job))
        var engine = Engine.restored(from: floor.writes, [:], at: floor.now)
        for case .putRemoval(let record) in floor.writes { engine.restoreRemoval(record) }
        engine.finishRestoring(at: floor.now)
        engine.apply(.nodeConnected(node, running: [], queued: []), at: floor.now)
        #expect(asked(engine.takeTurn(at: floor.now).effects) == [RemovalID(job: job)])
    }
}
