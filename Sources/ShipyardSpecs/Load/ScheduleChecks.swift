import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel

/// Rules of a schedules file by itself, beyond what its table says. They look at the tree, so that they speak up
/// beside other errors of the same file.
struct ScheduleChecks {
    private let zones: ZoneFiles
    /// Zones that were found to be there.
    private var knownZones: Set<String> = []
    private var diagnostics = Diagnostics()

    static func check(_ root: SyntaxNode, zones: ZoneFiles, _ diagnostics: inout Diagnostics) {
        var checks = ScheduleChecks(zones: zones)
        let schedules = (root["schedule_specifications"]?.elements ?? []).filter { $0.entries != nil }
        for schedule in schedules {
            guard checks.diagnostics.all.count < SpecLimits.findingsPerFile else { break }
            checks.check(schedule)
        }
        checks.checkIDs(schedules)
        checks.checkChains(schedules)
        diagnostics.report(checks.diagnostics)
    }

    private init(zones: ZoneFiles) { self.zones = zones }

    private mutating func check(_ schedule: SyntaxNode) {
        for node in schedule["cron"].map(Self.oneOrMore) ?? [] {
            guard let text = node.string else { continue }
            do throws(CronError) {
                _ = try CronExpression(text)
            } catch {
                diagnostics.report(.cron(error, node))
            }
        }
        if let node = schedule["timezone"], let name = node.string, !name.isEmpty, !knownZones.contains(name)
        {
            do throws(ZoneError) {
                _ = try zones.zone(named: name)
                knownZones.insert(name)
            } catch {
                diagnostics.report(.timeZone(error, node))
            }
        }
        checkLimits(schedule)
        for after in schedule["after"].map(Self.oneOrMore) ?? [] { checkAfter(after) }
        let times = ["cron", "interval", "at", "after", "on"]
        if !times.contains(where: { schedule[$0].map { !$0.isNull } ?? false }) {
            diagnostics.report(.neverDue(schedule, times))
        }
    }

    private mutating func checkLimits(_ schedule: SyntaxNode) {
        for (key, owner, word) in [
            ("max_queued_runs", "overlap", "queue"), ("max_active_runs", "overlap", "parallel"),
            ("max_catch_up", "catch_up", "all"),
        ] {
            guard let node = schedule[key], !node.isNull, schedule[owner]?.string != word else { continue }
            let other = schedule[owner] ?? node
            diagnostics.report(
                .contradiction(
                    "`\(key)` counts only with `\(owner): \(word)`", node, "has no effect", other: other))
        }
        if let from = schedule["do_not_run_until"], let until = schedule["do_not_run_after"],
            let first = from.string.flatMap({ SpecDate.instant($0, in: .utc) }),
            let last = until.string.flatMap({ SpecDate.instant($0, in: .utc) }), first > last
        {
            diagnostics.report(
                .contradiction(
                    "`do_not_run_after` is before `do_not_run_until`", until, "nothing is ever due",
                    other: from))
        }
    }

    private mutating func checkAfter(_ after: SyntaxNode) {
        guard after.entries != nil else { return }
        switch (after["schedule"], after["job"]) {
        case (let schedule?, let job?):
            diagnostics.report(
                .contradiction(
                    "an entry of `after` names a schedule or a job, not both", job, "a second one",
                    other: schedule))
        case (nil, nil): diagnostics.report(.afterNothing(after))
        case (_?, nil), (nil, _?): break
        }
    }

    private mutating func checkIDs(_ schedules: [SyntaxNode]) {
        var first: [String: SyntaxNode] = [:]
        for schedule in schedules {
            guard let node = schedule["id"], let id = node.string else { continue }
            if let known = first[id.lowercased()] {
                diagnostics.report(.duplicateSchedule(node, first: known))
            } else {
                first[id.lowercased()] = node
            }
        }
    }

    // MARK: - Chains

    private struct Edge {
        var node: SyntaxNode
        var target: String
    }

    private mutating func checkChains(_ schedules: [SyntaxNode]) {
        var edges: [String: [Edge]] = [:]
        for schedule in schedules {
            guard let id = schedule["id"]?.string, edges[id] == nil else { continue }
            edges[id] = (schedule["after"].map(Self.oneOrMore) ?? []).compactMap { after in
                after["schedule"].flatMap { node in node.string.map { Edge(node: node, target: $0) } }
            }
        }
        let known = edges.keys.sorted()
        for edge in edges.values.joined().sorted(by: { $0.node.lower < $1.node.lower })
        where edges[edge.target] == nil {
            diagnostics.report(.unknownSchedule(edge.node, known: known))
        }
        findRings(known, edges)
    }

    /// Depth first, by a stack of our own: a file may have 100,000 schedules in one chain.
    private mutating func findRings(_ ids: [String], _ edges: [String: [Edge]]) {
        var isDone: Set<String> = []
        for start in ids where !isDone.contains(start) {
            var path: [(id: String, next: Int)] = [(start, 0)]
            var positions = [start: 0]
            while let (id, next) = path.last {
                guard let list = edges[id], next < list.count else {
                    path.removeLast()
                    positions[id] = nil
                    isDone.insert(id)
                    continue
                }
                path[path.count - 1].next += 1
                let target = list[next].target
                if let begin = positions[target] {
                    let ring = path[begin...].compactMap { step in
                        edges[step.id].map { (id: step.id, node: $0[step.next - 1].node) }
                    }
                    diagnostics.report(.scheduleRing(ring))
                } else if edges[target] != nil, !isDone.contains(target) {
                    positions[target] = path.count
                    path.append((target, 0))
                }
            }
        }
    }

    private static func oneOrMore(_ node: SyntaxNode) -> [SyntaxNode] { node.elements ?? [node] }
}
