import ShipyardCalendar
import ShipyardDiagnostics

/// One spec file that its caller has read.
package struct SpecSource: Sendable {
    package let kind: SpecKind
    package let text: SourceText

    /// The text's name must end in `.yaml`, `.yml` or `.json`: it says how the text is read.
    package init(_ kind: SpecKind, _ text: SourceText) {
        self.kind = kind
        // Whoever reads the file need not remember that nothing of a credentials file may be shown.
        let needsMask = kind == .credentials && !text.isSecret
        self.text = needsMask ? SourceText(name: text.name, bytes: text.bytes, isSecret: true) : text
    }
}

/// The specs of one run. Absent kinds have their defaults, or are nil where there are none.
package struct SpecSet: Sendable {
    package var credentials = CredentialsSpec()
    package var config = ConfigSpec()
    package var pool: PoolSpec?
    package var jobs: JobsSpec?
    package var schedules: SchedulesSpec?
    /// All files as one document, as they were merged; nil where there was an error.
    package var merged: SyntaxNode?

    package init() {}
}

/// From spec files to checked specs.
package enum SpecLoader {
    /// Reads, validates, merges and decodes. The specs may be used only if the diagnostics hold no error: a
    /// spec is refused whole or taken whole.
    ///
    /// - Parameters:
    ///   - values: what stands for the references of the jobs file.
    ///   - zones: where the time zones of schedules are.
    package static func load(
        _ sources: [SpecSource], _ values: ReferenceValues = .byHand, zones: ZoneFiles = ZoneFiles()
    ) -> (specs: SpecSet, diagnostics: Diagnostics) {
        var diagnostics = Diagnostics()
        var documents: [SpecKind: SyntaxNode] = [:]
        var merged: SyntaxNode?
        for kind in SpecKind.allCases {
            for source in sources where source.kind == kind {
                guard let root = checkedRoot(of: source, values, zones, &diagnostics) else {
                    continue
                }
                documents[kind] =
                    documents[kind].map { SpecMerge.merge($0, with: root, &diagnostics) } ?? root
                merged = merged.map { SpecMerge.merge($0, with: root, &diagnostics) } ?? root
            }
        }
        var specs = SpecSet()
        guard !diagnostics.hasErrors else { return (specs, diagnostics) }
        specs.merged = merged
        if let root = documents[.credentials] { specs.credentials = CredentialsSpec(decoding: root) }
        if let root = documents[.config] { specs.config = ConfigSpec(decoding: root) }
        specs.pool = documents[.pool].flatMap(PoolSpec.init(decoding:))
        specs.jobs = documents[.jobs].map { JobsSpec(decoding: $0, values) }
        specs.schedules = documents[.schedules].map { SchedulesSpec(decoding: $0, zones: zones) }
        return (specs, diagnostics)
    }

    /// Everything that is wrong with one file, looked at alone, whatever values it gets.
    package static func validate(_ source: SpecSource) -> Diagnostics {
        var diagnostics = Diagnostics()
        _ = checkedRoot(of: source, .samples, ZoneFiles(), &diagnostics)
        return diagnostics
    }

    /// Nil where nothing can be done with the file; also where it has errors, which are then reported.
    private static func checkedRoot(
        of source: SpecSource, _ values: ReferenceValues, _ zones: ZoneFiles,
        _ diagnostics: inout Diagnostics
    ) -> SyntaxNode? {
        guard var root = SpecReader.read(source.text, &diagnostics) else { return nil }
        guard let schema = source.kind.schema else {
            diagnostics.report(.wholeFileWithoutEffect(root, kind: source.kind))
            return root
        }
        let errorsBefore = diagnostics.errorCount
        var spoiled: Set<Int> = []
        if source.kind == .jobs {
            var findings = Diagnostics()
            (root, spoiled) = ReferenceWalk.walk(root, values, &findings)
            diagnostics.report(findings)
        }
        var findings = Diagnostics()
        Validator.validate(root, as: schema, &findings)
        // Of their own, since they stop at a number.
        var crossFindings = Diagnostics()
        CrossChecks.check(root, kind: source.kind, zones: zones, &crossFindings)
        findings.report(crossFindings)
        for finding in findings.all {
            // What is left of a text whose references have no value is nothing to judge.
            if let place = finding.primary?.range.lower, spoiled.contains(place) { continue }
            diagnostics.report(finding)
        }
        return diagnostics.errorCount == errorsBefore ? root : nil
    }
}

extension Diagnostic {
    /// SY5001, for files that matter only in the cloud.
    fileprivate static func wholeFileWithoutEffect(_ root: SyntaxNode, kind: SpecKind) -> Diagnostic {
        let range = SourceRange(root.source, root.lower, root.entries?.first?.key.upper ?? root.lower)
        return Diagnostic(
            code: .noLocalEffect, severity: .warning,
            message: "a file of kind `\(kind.rawValue)` is accepted, but has no local effect",
            primary: Label(at: range, "no local effect; only its syntax is checked"))
    }
}
