import ShipyardCalendar
import ShipyardDiagnostics

/// What is left of spec files when everything that is wrong in them is taken away, so that what only planning sees is
/// found in the same run: a misspelt key must not hide a cycle.
package struct SpecRemains: Sendable {
    /// For checks alone: nothing of it may be run.
    package let specs: SpecSet
    /// More than keys that nobody knows was taken away. What names a thing may then miss it for that reason.
    package let isLossy: Bool

    /// Each round takes away what the one before it has brought to light.
    private static let rounds = 6

    package init(
        _ sources: [SpecSource], _ values: ReferenceValues = .byHand, zones: ZoneFiles = ZoneFiles()
    ) {
        var specs = SpecSet()
        var isLossy = false
        for kind in [SpecKind.credentials, .config, .pool, .jobs, .schedules] {
            // Where there are several of a kind, only those can be judged that were merged.
            let own = sources.filter { $0.kind == kind }
            guard own.count == 1, let source = own.first else {
                isLossy = isLossy || !own.isEmpty
                continue
            }
            var mending = Mending(source, values, zones)
            let root = mending.mended(rounds: Self.rounds)
            isLossy = isLossy || mending.isLossy || root == nil
            guard let root else { continue }
            switch kind {
            case .config: specs.config = ConfigSpec(decoding: root)
            case .pool: specs.pool = PoolSpec(decoding: root)
            case .jobs: specs.jobs = JobsSpec(decoding: root, values)
            case .schedules: specs.schedules = SchedulesSpec(decoding: root, zones: zones)
            case .credentials: specs.credentials = CredentialsSpec(decoding: root)
            case .fs: break
            }
        }
        self.specs = specs
        self.isLossy = isLossy
    }
}

/// One file on its way to what is left of it.
private struct Mending {
    private let source: SpecSource
    private let values: ReferenceValues
    private let zones: ZoneFiles
    private(set) var isLossy = false

    init(_ source: SpecSource, _ values: ReferenceValues, _ zones: ZoneFiles) {
        (self.source, self.values, self.zones) = (source, values, zones)
    }

    /// Nil where nothing is left.
    mutating func mended(rounds: Int) -> SyntaxNode? {
        var findings = Diagnostics()
        guard var root = SpecReader.read(source.text, &findings), let schema = source.kind.schema else { return nil }
        // A file that can be read in part is not judged by the part.
        guard !findings.hasErrors else { return nil }
        if source.kind == .jobs {
            findings = Diagnostics()
            (root, _) = ReferenceWalk.walk(root, values, &findings)
            if findings.hasErrors {
                guard let rest = without(findings, root) else { return nil }
                root = rest
            }
        }
        for _ in 0..<rounds {
            findings = Diagnostics()
            Validator.validate(root, as: schema, &findings)
            CrossChecks.check(root, kind: source.kind, zones: zones, &findings)
            guard findings.hasErrors else { return root }
            guard let rest = without(findings, root) else { return nil }
            root = rest
        }
        return nil
    }

    /// Nil where nothing is left, or nothing was found to take away.
    private mutating func without(_ findings: Diagnostics, _ root: SyntaxNode) -> SyntaxNode? {
        var pruning = Pruning(findings.all.filter { $0.severity == .error })
        let rest = pruning.pruned(root)
        isLossy = isLossy || pruning.isLossy
        return pruning.hasChanged ? rest : nil
    }
}

/// Takes the places of errors out of a tree.
private struct Pruning {
    private struct Fault {
        var lower: Int
        var upper: Int
        var code: DiagnosticCode
        var replacement: String?
    }

    /// By where they begin.
    private let faults: [Fault]
    private(set) var isLossy = false
    private(set) var hasChanged = false

    init(_ errors: [Diagnostic]) {
        faults = errors.compactMap { error in
            error.primary.map { label in
                Fault(
                    lower: label.range.lower, upper: label.range.upper, code: error.code,
                    replacement: error.code == .unknownKey ? error.edit?.replacement : nil)
            }
        }.sorted { $0.lower < $1.lower }
    }

    private func first(from lower: Int) -> Int {
        var (low, high) = (0, faults.count)
        while low < high {
            let middle = (low + high) / 2
            if faults[middle].lower < lower { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether anything is wrong from `lower` to `upper`.
    private func isTouched(_ lower: Int, _ upper: Int) -> Bool {
        let index = first(from: lower)
        return index < faults.count && faults[index].lower <= upper
    }

    private func fault(at node: SyntaxNode) -> Fault? {
        let index = first(from: node.lower)
        guard index < faults.count else { return nil }
        return faults[index...].prefix { $0.lower == node.lower }.first { $0.upper == node.upper }
    }

    /// Nil where it is taken away.
    mutating func pruned(_ node: SyntaxNode) -> SyntaxNode? {
        switch node.content {
        case .sequence(let elements):
            if fault(at: node) != nil { return taken() }
            guard isTouched(node.lower, node.upper) else { return node }
            return SyntaxNode(
                .sequence(elements.compactMap { pruned($0) }), in: node.source, node.lower, node.upper,
                isLate: node.isLate)
        case .mapping(let entries): return pruned(node, entries)
        case .null, .bool, .integer, .bigInteger, .float, .string, .date:
            // In the midst of a text, too: a reference.
            return isTouched(node.lower, max(node.lower, node.upper - 1)) ? taken() : node
        }
    }

    private mutating func taken() -> SyntaxNode? {
        (isLossy, hasChanged) = (true, true)
        return nil
    }

    private mutating func pruned(_ node: SyntaxNode, _ entries: [SyntaxEntry]) -> SyntaxNode? {
        // A key that is missing is told at the first that is there.
        if let key = entries.first?.key, fault(at: key)?.code == .missingKey { return taken() }
        if fault(at: node) != nil { return taken() }
        guard isTouched(node.lower, node.upper) || entries.contains(where: { $0.key.source !== node.source })
        else { return node }
        let names = Set(entries.compactMap(\.key.string))
        var rest: [SyntaxEntry] = []
        for entry in entries {
            guard let fault = fault(at: entry.key) else {
                if let value = pruned(entry.value) { rest.append(SyntaxEntry(key: entry.key, value: value)) }
                continue
            }
            hasChanged = true
            guard fault.code == .unknownKey else {
                isLossy = true
                continue
            }
            guard let name = fault.replacement, !names.contains(name) else { continue }
            let key = SyntaxNode(.string(name), in: entry.key.source, entry.key.lower, entry.key.upper)
            rest.append(SyntaxEntry(key: key, value: entry.value))
        }
        return SyntaxNode(.mapping(rest), in: node.source, node.lower, node.upper, isLate: node.isLate)
    }
}
