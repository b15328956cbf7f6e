package enum Severity: String, Sendable, Codable { case error, warning, note }

/// A place and what is wrong there.
package struct Label: Sendable {
    package var range: SourceRange
    package var text: String

    package init(at range: SourceRange, _ text: String) {
        self.range = range
        self.text = text
    }
}

/// What a tool may do by itself to mend the spec.
package struct TextEdit: Sendable {
    package var range: SourceRange
    package var replacement: String

    package init(replacing range: SourceRange, with replacement: String) {
        self.range = range
        self.replacement = replacement
    }
}

/// One finding about a spec, as data; renderers make text, JSON and more of it.
package struct Diagnostic: Sendable {
    package var code: DiagnosticCode
    package var severity: Severity
    /// The fact, in lower case, without a full stop.
    package var message: String
    /// Nil only where no file is concerned, such as a missing one.
    package var primary: Label?
    package var others: [Label] = []
    package var notes: [String] = []
    /// What to do. Only this proposes a change.
    package var help: String?
    package var edit: TextEdit?
    /// The key that has no effect here, or only a part of it, where that is the whole finding.
    package var keyWithoutEffect: String?

    package init(code: DiagnosticCode, severity: Severity = .error, message: String, primary: Label?) {
        self.code = code
        self.severity = severity
        self.message = message
        self.primary = primary
    }
}

extension Diagnostic {
    /// It only says that a key has no effect here, or a part of it, and does no harm to who does not know.
    fileprivate var isAboutAnEffect: Bool {
        guard keyWithoutEffect != nil else { return false }
        return code == .noLocalEffect && severity != .error || code == .partOfItsEffect && severity == .note
    }
}

/// Findings gathered on the way from text to plan.
package struct Diagnostics: Sendable {
    package private(set) var all: [Diagnostic] = []

    package init() {}

    package var hasErrors: Bool { all.contains { $0.severity == .error } }
    package var errorCount: Int { all.count { $0.severity == .error } }
    package mutating func report(_ diagnostic: Diagnostic) { all.append(diagnostic) }
    package mutating func report(_ others: Diagnostics) { all += others.all }

    /// `--strict`.
    package mutating func makeWarningsErrors() {
        for index in all.indices where all[index].severity == .warning { all[index].severity = .error }
    }

    /// Takes out what only says of keys that they have no effect here, or a part of it, and gives it as one line; nil where there is
    /// nothing of the kind.
    package mutating func takeEffects() -> String? {
        let dropped = names { $0.code == .noLocalEffect }
        let partly = names { $0.code == .partOfItsEffect }
        guard !dropped.isEmpty || !partly.isEmpty else { return nil }
        all.removeAll(where: \.isAboutAnEffect)
        let parts = [("no effect here", dropped), ("only a part of their effect", partly)].filter { !$0.1.isEmpty }
        return "note: " + parts.map { "\($0.0): \(Self.listing($0.1))" }.joined(separator: "; ")
            + " (`validate -v` says more)\n"
    }

    private func names(_ isMeant: (Diagnostic) -> Bool) -> [String] {
        var names: [String] = []
        for diagnostic in inOrder where diagnostic.isAboutAnEffect && isMeant(diagnostic) {
            guard let name = diagnostic.keyWithoutEffect.map({ "`\($0)`" }) else { continue }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    private static func listing(_ names: [String]) -> String {
        let most = 12
        guard names.count > most else { return names.joined(separator: ", ") }
        return names.prefix(most).joined(separator: ", ") + " and \(names.count - most) more"
    }

    /// As `inOrder`, but notes before warnings and those before errors.
    package var worstLast: [Diagnostic] {
        let ordered = inOrder
        return [Severity.note, .warning, .error].flatMap { severity in ordered.filter { $0.severity == severity } }
    }

    /// File by file in the order in which the files were first complained of, and by place within a file.
    /// Findings without a place come first; equal places keep the order in which they were found.
    package var inOrder: [Diagnostic] {
        var ranks: [ObjectIdentifier: Int] = [:]
        var keys: [(rank: Int, offset: Int, index: Int)] = []
        for (index, diagnostic) in all.enumerated() {
            guard let range = diagnostic.primary?.range else {
                keys.append((-1, 0, index))
                continue
            }
            let source = ObjectIdentifier(range.source)
            let rank = ranks[source] ?? ranks.count
            ranks[source] = rank
            keys.append((rank, range.lower, index))
        }
        return keys.sorted { $0 < $1 }.map { all[$0.index] }
    }
}
