import ShipyardMetadata
import ShipyardModel
import ShipyardStore

@testable import ShipyardService

/// Users who count something up in one document, each by the ETag that it has read.
extension Simulation {
    private static let counter = MetadataKey(collection: "counts", id: "all")!
    private static let users = 3
    private static let increments = 4

    func planDocuments() {
        for user in 0..<Self.users {
            let act = addUser { [unowned self] in countUp(left: Self.increments) }
            substrate.schedule(.user(act), after: Int64(3 + 7 * user))
        }
    }

    private func countUp(left: Int) {
        guard left > 0 else { return }
        guard let core, let present = look({ try $0.document(Self.counter) }) else {
            return retry { [unowned self] in countUp(left: left) }
        }
        let tag = present.map { ETagCondition.tag(of: $0.version) }
        let condition = try! ETagCondition(
            ifMatch: tag.map { [$0] } ?? [], ifNoneMatch: tag == nil ? ["*"] : [])
        let next = present.flatMap { count(in: $0.text) } ?? 0
        let command = MetadataCommand(Self.counter, .put("{\"n\":\(next + 1)}"), if: condition)
        guard case .written? = try? core.changeDocument(command, at: substrate.moment) else {
            return retry { [unowned self] in countUp(left: left) }
        }
        var isAnswered = false
        core.afterCommit(isPromise: true) { [unowned self] error in
            if error == nil { incrementsTold += 1 }
            isAnswered = error == nil
        }
        retry { [unowned self] in countUp(left: isAnswered ? left - 1 : left) }
    }

    private func count(in text: String) -> Int64? {
        (try? JSONValue(parsing: text))?["n"]?.integerValue
    }

    /// No increment that was answered is lost, none was overwritten, and each has its place in the history.
    func checkDocuments() {
        guard
            let found = look({
                try ($0.document(Self.counter), $0.documentChanges(of: Self.counter, limit: 1000))
            })
        else { return }
        let stored = found.0.flatMap { count(in: $0.text) } ?? 0
        substrate.ledger.expect(
            stored >= Int64(incrementsTold),
            "\(incrementsTold) increments were answered, and \(stored) are stored")
        let history = found.1.reversed().compactMap { $0.text.flatMap { count(in: $0) } }
        substrate.ledger.expect(
            history == Array(1...max(stored, 1)).suffix(history.count)
                && history.count == min(Int(stored), 100),
            "\(stored) increments have the history \(history)")
        substrate.ledger.expect(
            incrementsTold > 0 || restarts > 0 || faultWasMet, "no increment was made, and nothing failed")
    }
}
