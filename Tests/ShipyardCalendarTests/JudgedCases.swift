import ShipyardCalendar
import ShipyardModel

/// A line that scripts/calendar-judges wrote: a question and what somebody else answered.
struct JudgedCase {
    let line: Substring
    private let parts: [String]

    init(_ line: Substring) {
        self.line = line
        parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }

    static func read(_ text: String) -> [JudgedCase] {
        text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(JudgedCase.init)
    }

    var kind: String { parts[0] }

    /// Nil where we answer the same.
    func disagreement(_ zones: ZoneFiles) -> String? {
        do {
            let (ours, theirs) = try answers(zones)
            return ours == theirs ? nil : "\(line): we say \(ours)"
        } catch {
            return "\(line): we say \(error)"
        }
    }

    private func answers(_ zones: ZoneFiles) throws -> (ours: String, theirs: String) {
        switch kind {
        case "offset":
            let kind = try zones.zone(named: parts[1]).kind(at: instant(2))
            return ("\(kind.offset) \(kind.abbreviation)", "\(parts[3]) \(parts[4])")
        case "moments":
            let reading = CivilTime(seconds: Int64(parts[2]) ?? 0)
            return (list(try zones.zone(named: parts[1]).instants(showing: reading)), parts[3])
        case "next", "differs": return (list(try firings(zones, count: count(5))), parts[5])
        case "previous": return (list(try firingsBackwards(zones, count: count(5))), parts[5])
        default: return ("no such question", "")
        }
    }

    /// What the judge said where our rule says otherwise.
    var rejectedAnswer: String { parts[6] }
    var reason: String { parts[7] }
    var expected: String { parts[5] }

    private func firings(_ zones: ZoneFiles, count: Int) throws -> [Instant] {
        let zone = try zones.zone(named: parts[3])
        let expression = try CronExpression(parts[2])
        var found: [Instant] = []
        var last = instant(4)
        while found.count < count, let next = expression.next(after: last, in: zone) {
            found.append(next.instant)
            last = next.instant
        }
        // Going on must give what asking again and again does.
        let walk = expression.firings(in: instant(4) + .seconds(1)..<last + .seconds(1), zone: zone).map(
            \.instant)
        return walk == found ? found : []
    }

    private func firingsBackwards(_ zones: ZoneFiles, count: Int) throws -> [Instant] {
        let zone = try zones.zone(named: parts[3])
        let expression = try CronExpression(parts[2])
        var found: [Instant] = []
        var last = instant(4)
        while found.count < count, let previous = expression.previous(before: last, in: zone) {
            found.append(previous.instant)
            last = previous.instant
        }
        return found
    }

    private func count(_ index: Int) -> Int { parts[index].split(separator: ",").count }
    private func instant(_ index: Int) -> Instant { Instant(seconds: Int64(parts[index]) ?? 0) }
    private func list(_ instants: [Instant]) -> String {
        instants.map { "\($0.flooredSeconds)" }.joined(separator: ",")
    }
}
