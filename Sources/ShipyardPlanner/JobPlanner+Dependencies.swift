import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// A dependency on a task that nobody knows, and who has it.
private struct UnknownDependency {
    var entry: Int
    var name: Located<String>
}

extension JobPlanner {
    /// Resolves every dependency against the ids of this submission and of the job, looks for cycles, and
    /// gives the job's graph. Called once all ids are known.
    mutating func checkDependencies() -> PlanGraph {
        // No graph, since nobody looks at it, and nothing that could be wrong.
        if onlyChecks, !plan.usesTaskDependencies { return PlanGraph() }
        let hasRanges = entries.contains { $0.task.dependsOnRange != nil }
        let numbers = hasRanges ? NumberLayers(ids) : NumberLayers(SubmissionIDs())
        var unknown: [UnknownDependency] = []
        var edges = entries.indices.map { resolve($0, &unknown) }
        checkLateReferencesOfMergeTask(&unknown)
        reportUnknown(unknown, edges)
        addMergeEdges(&edges)
        let ranges = entries.map(numberRange)
        if hasRanges, !isAddition { checkGaps(ranges, numbers) }

        var search = CycleSearch(edges: edges, ranges: ranges, numbers: numbers)
        if let ring = search.ring() {
            reportRing(ring)
            return PlanGraph()
        }
        return graph(edges, ranges, numbers)
    }

    private func numberRange(_ entry: PlanEntry) -> ClosedRange<Int>? {
        for case .numbers(let range) in entry.dependencies { return range }
        return nil
    }

    /// The edges of one entry's `depends_on`; gathers the names that nobody has.
    private mutating func resolve(_ position: Int, _ unknown: inout [UnknownDependency]) -> [CycleSearch.Edge] {
        var edges: [CycleSearch.Edge] = []
        guard position & 63 > 0 || goesOn() else { return edges }
        guard !entries[position].dependencies.isEmpty else { return edges }
        for (reference, name) in entries[position].task.dependsOn.enumerated() {
            if let target = ids.entry(of: name.value) {
                edges.append(CycleSearch.Edge(target: target, reference: reference))
            } else if !isInJob(name.value) {
                unknown.append(UnknownDependency(entry: position, name: name))
            }
        }
        return edges
    }

    /// It depends on all tasks anyway, so that those whose outputs it uses are not written down.
    private mutating func checkLateReferencesOfMergeTask(_ unknown: inout [UnknownDependency]) {
        guard let position = entries.lastIndex(where: \.isMerge) else { return }
        let merge = entries[position]
        for reference in merge.task.lateReferences {
            let name = reference.value.task
            let isKnown = ids.entry(of: name).map { !entries[$0].isMerge } ?? isInJob(name)
            if !isKnown {
                unknown.append(UnknownDependency(entry: position, name: Located(name, at: reference.range)))
            }
        }
    }

    private mutating func reportUnknown(_ unknown: [UnknownDependency], _ edges: [[CycleSearch.Edge]]) {
        guard !unknown.isEmpty, !mayMissIDs else { return }
        let known = knownIDs
        for one in unknown.prefix(PlanLimits.unknownDependenciesPerJob) {
            let near = closestMatch(to: one.name.value, inSorted: known)
            let target = near.flatMap { ids.entry(of: $0) }
            let closesRing = target.map { waits($0, for: one.entry, edges) } ?? false
            report(.unknownDependency(one.name, in: job, near: closesRing ? nil : near))
        }
    }

    /// Whether an entry waits for another one, or is it; also where that takes too long to find out.
    private func waits(_ entry: Int, for other: Int, _ edges: [[CycleSearch.Edge]]) -> Bool {
        var seen: Set<Int> = [entry]
        var next = [entry]
        while let one = next.popLast() {
            if one == other || seen.count > PlanLimits.entriesSearched { return true }
            for edge in edges[one] where seen.insert(edge.target).inserted { next.append(edge.target) }
        }
        return false
    }

    /// Whether an entry failed, so that ids are missing which others may rightly name: one mistake gives
    /// one message.
    private var mayMissIDs: Bool { entries.contains(where: \.isBroken) }

    /// What a misspelt id may have meant: explicit ids, and the first and last of each factory.
    private var knownIDs: [String] {
        Set(entries.flatMap { [$0.firstID, $0.lastID] }.filter { !$0.isEmpty }).sorted()
    }

    private mutating func isInJob(_ id: String) -> Bool {
        guard isAddition else { return false }
        do {
            return try world.hasTask(id, in: job)
        } catch {
            report(.jobNotReadable(error, job: spec.id))
            return true
        }
    }

    /// A merge task waits for all others. Only who waits for the merge task can make a ring of that, so only
    /// those edges are written down.
    private func addMergeEdges(_ edges: inout [[CycleSearch.Edge]]) {
        guard let merge = entries.lastIndex(where: \.isMerge) else { return }
        for position in edges.indices where edges[position].contains(where: { $0.target == merge }) {
            edges[merge].append(CycleSearch.Edge(target: position, reference: nil))
        }
    }

    private mutating func checkGaps(_ ranges: [ClosedRange<Int>?], _ numbers: NumberLayers) {
        guard !mayMissIDs else { return }
        let covered = numbers.covered()
        for (position, range) in ranges.enumerated() {
            guard let range, let written = entries[position].task.dependsOnRange else { continue }
            var (low, high) = (0, covered.count)
            while low < high {
                let middle = (low + high) / 2
                if covered[middle].upperBound < range.lowerBound { low = middle + 1 } else { high = middle }
            }
            var missing = range.lowerBound
            if low < covered.count, covered[low].lowerBound <= missing {
                guard covered[low].upperBound < range.upperBound else { continue }
                missing = covered[low].upperBound + 1
                low += 1
            }
            let end =
                low < covered.count ? min(covered[low].lowerBound - 1, range.upperBound) : range.upperBound
            report(.rangeWithGaps(written, missing: missing...end, in: job))
        }
    }

    private mutating func reportRing(_ ring: [(node: Int, edge: CycleSearch.Edge)]) {
        var links: [(task: String, edge: SourceRange?)] = []
        for (index, link) in ring.enumerated() {
            let task = entries[link.node].task
            let range = link.edge.reference.map { task.dependsOn[$0].range } ?? task.dependsOnRange?.range
            // A factory's task is called what the edge that leads to it calls it.
            let before = ring[(index + ring.count - 1) % ring.count]
            let called = before.edge.reference.map { entries[before.node].task.dependsOn[$0].value }
            links.append((called ?? entries[link.node].firstID, range))
        }
        report(.dependencyCycle(links, in: job))
    }

    // MARK: - The graph

    private func graph(
        _ edges: [[CycleSearch.Edge]], _ ranges: [ClosedRange<Int>?], _ numbers: NumberLayers
    ) -> PlanGraph {
        var graph = PlanGraph()
        graph.nodes = entries.enumerated().map { position, entry in
            PlanGraph.Node(
                template: Int(entry.template), firstID: entry.firstID, lastID: entry.lastID, count: entry.count,
                isMerge: entry.isMerge, isFactory: entry.task.factory != nil)
        }
        for (node, targets) in edges.enumerated() where !entries[node].isMerge {
            for target in Set(targets.map(\.target)).sorted() {
                graph.edges.append(PlanGraph.Edge(node: node, dependency: target))
            }
            if let range = ranges[node] { addEdges(of: range, node, numbers, to: &graph) }
        }
        graph.measure()
        return graph
    }

    private func addEdges(
        of range: ClosedRange<Int>, _ node: Int, _ numbers: NumberLayers, to graph: inout PlanGraph
    ) {
        var targets: Set<Int> = []
        for layer in numbers.layers.indices {
            var position = numbers.position(of: range.lowerBound, layer: layer)
            while position < numbers.layers[layer].count,
                numbers.layers[layer][position].lower <= range.upperBound
            {
                guard graph.edges.count + targets.count < PlanGraph.edgeLimit else {
                    graph.isWhole = false
                    return
                }
                targets.insert(numbers.layers[layer][position].entry)
                position += 1
            }
        }
        for target in targets.sorted() { graph.edges.append(PlanGraph.Edge(node: node, dependency: target)) }
    }
}
