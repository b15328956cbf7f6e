import ShipyardPlanner

/// What one call of a generator gave where it was run, by whoever submits: the service runs no module of anybody's.
package struct GeneratorRun: Codable, Sendable {
    package struct Failure: Codable, Sendable {
        package var message: String
        package var help: String?

        package init(message: String, help: String? = nil) {
            self.message = message
            self.help = help
        }
    }

    package var call: GeneratorCall
    /// How many rows there are.
    package var count = 0
    /// The rows of a build, each a line as `GeneratorRow` writes it; empty for a check, which only counts.
    package var rows = ""
    /// What ended the generator behind the last row.
    package var failure: Failure?

    package init(_ call: GeneratorCall) { self.call = call }

    /// Hands the rows to `body` until it answers false.
    func forEachRow(_ body: ([PythonValue]) -> Bool) throws(PlannerWorldError) {
        switch call.pass {
        case .check:
            for _ in 0..<max(0, count) where !body([]) { return }
        case .build:
            var rest = Array(rows.utf8)[...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                guard let row = GeneratorRow.values(rest[..<end]) else {
                    throw PlannerWorldError("a row of a generator came that cannot be understood")
                }
                guard body(row) else { return }
                rest = rest[(end + 1)...]
            }
        }
        if let failure { throw PlannerWorldError(failure.message, help: failure.help) }
    }
}
