import ShipyardAPI
import ShipyardDiagnostics
import ShipyardSpecs

/// The spec files of a command as the spec loader takes them: for commands that need no service.
struct SpecSources {
    private(set) var sources: [SpecSource] = []

    /// One kind, many files; `-` is standard input, taken for YAML.
    init(_ kind: SpecKind, paths: some Sequence<String>) throws(CommandFailure) {
        for path in paths { sources.append(SpecSource(kind, try SpecFiles.source(kind.rawValue, path))) }
    }

    /// Every file of these kinds that exists.
    init(_ kinds: [SpecKind], of invocation: Invocation) throws(CommandFailure) {
        let files = SpecFiles(invocation)
        for kind in kinds {
            guard let path = files.find(kind.rawValue) else { continue }
            sources.append(SpecSource(kind, try SpecFiles.source(kind.rawValue, path)))
        }
    }

    /// Rewrites each file that can be mended without asking, and says what was done.
    mutating func fix(_ values: ReferenceValues, _ console: Console) throws(CommandFailure) {
        for index in sources.indices {
            let before = sources[index]
            let name = before.text.name
            guard LocalFile.exists(name) else { continue }
            if SpecFixer.holdsConflict(before.text.bytes) {
                console.say("\(name): not fixed, since it holds a conflict of git")
                continue
            }
            let (source, changes) = SpecFixer.fixed(before) { PlanCheck.findings([$0], values) }
            guard !changes.isEmpty else { continue }
            try SpecRewrite.write(source.text.bytes, over: before.text.bytes, at: name)
            sources[index] = source
            for change in changes {
                let place = "\(name):\(change.position.line):\(change.position.column)"
                console.say("fixed \(DisplayText.printable("\(place): \(change.old) → \(change.new)"))")
            }
        }
    }

    func contains(_ kind: SpecKind) -> Bool { sources.contains { $0.kind == kind } }

    /// The absolute directory of a kind's file; the current one for standard input.
    func directory(of kind: SpecKind) -> String {
        let name = sources.last { $0.kind == kind }?.text.name ?? ""
        let path = absolutePath(name)
        guard LocalFile.exists(path), let slash = path.lastIndex(of: "/") else { return currentDirectory() }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

extension Console {
    /// Findings go where messages go; `validate` prints them itself, since they are its result.
    func show(_ diagnostics: Diagnostics) {
        guard !diagnostics.all.isEmpty else { return }
        messages.write(TextRenderer(color: colours(messages)).render(diagnostics))
        messages.flush()
    }
}
