import Testing

@testable import ShipyardMetadata

struct ETagConditionTests {
    @Test func conditionsHoldForTheVersionsThatTheyName() throws {
        // If-Match, If-None-Match, and for which of (nothing, 17, 18) it holds.
        let cases: [([String], [String], [Bool])] = [
            ([], [], [true, true, true]), (["\"17\""], [], [false, true, false]),
            (["17"], [], [false, true, false]),
            ([" * "], [], [false, true, true]), ([], ["*"], [true, false, false]),
            (["\"1\", \"17\"\t,\"18\""], [], [false, true, true]),
            (["\"1\"", "\"18\""], [], [false, false, true]),
            (["W/\"17\""], [], [false, false, false]), ([], ["W/\"17\""], [true, false, true]),
            ([], ["\"17\",\"3\""], [true, false, true]), (["\"another\""], [], [false, false, false]),
            (["\"17\""], ["\"17\""], [false, false, false]), (["*"], ["\"17\""], [false, false, true]),
            (["\"-17\""], [], [false, false, false]), (["\"017\""], [], [false, true, false]),
        ]
        for (match, noneMatch, holds) in cases {
            let condition = try ETagCondition(ifMatch: match, ifNoneMatch: noneMatch)
            #expect([nil, 17, 18].map { condition.holds(for: $0) } == holds, "\(match) \(noneMatch)")
        }
        for wrong in ["", "abc", "\"17", "W/17", "*,\"17\"", "\"17\" \"18\",", "**"] {
            #expect(throws: MetadataQueryError.self, "\(wrong)") {
                try ETagCondition(ifMatch: [wrong], ifNoneMatch: [])
            }
        }
    }
}
