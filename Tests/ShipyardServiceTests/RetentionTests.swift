import ShipyardEngine
import ShipyardModel
import ShipyardStore
import Testing

@testable import ShipyardService

struct RetentionTests {
    @Test func aSearchThatFailedIsMadeUpFor() {
        var rules = (0...1).map {
            RetentionRule(job: 1, templates: $0...$0, retention: TimeSpan(milliseconds: 10))
        }
        let windows = SweepWindows()
        /// What was searched, as `first template: after..upTo`.
        func sweep(since: Int64, until: Int64, failing: Int?, _ rules: [RetentionRule]) -> [String] {
            var searched: [String] = []
            let failures = windows.search(
                rules, since: SteadyTime(milliseconds: since), until: SteadyTime(milliseconds: until)
            ) { rule, after, upTo throws(StoreError) in
                if rule.templates.lowerBound == failing {
                    throw StoreError(kind: .inputOutput, operation: "read", message: "a disk that fails")
                }
                searched.append("\(rule.templates.lowerBound): \(after.milliseconds)..\(upTo.milliseconds)")
            }
            #expect(failures.count == (failing == nil ? 0 : 1))
            return searched
        }
        #expect(sweep(since: 100, until: 200, failing: 1, rules) == ["0: 90..190"])
        #expect(sweep(since: 200, until: 300, failing: 1, rules) == ["0: 190..290"])
        // Templates that have come since are searched with those before them.
        rules[1].templates = 1...7
        #expect(sweep(since: 300, until: 400, failing: nil, rules) == ["0: 290..390", "1: 90..390"])
        #expect(sweep(since: 400, until: 500, failing: nil, rules) == ["0: 390..490", "1: 390..490"])
    }
}
