import ShipyardModel
import Testing

@testable import ShipyardAPI

/// How the tasks of a run are laid out.
@Suite struct RunOrderTests {
    private func order(_ tasks: (id: String, after: [Dependency])...) -> [String] {
        let definitions = tasks.enumerated().map { index, task in
            TaskDefinition(
                key: TaskKey(job: 1, ordinal: UInt32(index)), id: task.id, command: nil, template: 0,
                dependencies: task.after.isEmpty ? nil : Dependency.text(of: task.after))
        }
        return RunOrder(definitions).places.map {
            String(repeating: "  ", count: $0.level) + definitions[$0.index].id
        }
    }

    @Test func aDiamondStandsOnceAndBelowItsLast() {
        #expect(
            order(("a", []), ("b", [.task(0)]), ("c", [.task(0)]), ("d", [.task(1), .task(2)]))
                == ["a", "  b", "  c", "    d"])
    }

    @Test func aBranchIsWholeBeforeTheNext() {
        #expect(
            order(("x", []), ("y", []), ("x1", [.task(0)]), ("y1", [.task(1)]), ("x2", [.task(2)]))
                == ["x", "  x1", "    x2", "y", "  y1"])
    }

    @Test func whatComesAfterARangeOrANumberStandsBehindAllOfIt() {
        #expect(
            order(("merge", [.tasks(1...2)]), ("1", []), ("02", []), ("n", [.numbers(2...3)]))
                == ["1", "02", "  merge", "  n"])
    }
}
