import ShipyardModel

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
    /// Whether hardly anything else can have been meant, so that it may be done without asking: what it changes is
    /// how something is written, never which task waits for which.
    package var isSafe: Bool

    package init(replacing range: SourceRange, with replacement: String, isSafe: Bool = false) {
        self.range = range
        self.replacement = replacement
        self.isSafe = isSafe
    }

    /// Another word in the place of a word: in quotes where that was, or where it would be no text without.
    package init(replacing range: SourceRange, withWord word: String, isSafe: Bool = false) {
        let first = range.lower < range.source.bytes.count ? range.source.bytes[range.lower] : 0
        let isQuoted = first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") || !Self.isPlainWord(word)
        self.init(replacing: range, with: isQuoted ? Self.quoted(word) : word, isSafe: isSafe)
    }

    /// In double quotes, as YAML and JSON both read them.
    package static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        JSONText.append(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether YAML takes the word for text wherever it stands without quotes. Some that would be are not counted.
    package static func isPlainWord(_ word: String) -> Bool {
        let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
        guard let first = word.utf8.first, isLetter(first) || first == UInt8(ascii: "_") else { return false }
        let isSimple = word.utf8.allSatisfy {
            isLetter($0) || (0x30...0x39).contains($0) || "_-./".utf8.contains($0)
        }
        return isSimple && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(word.lowercased())
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

/// What findings may cost, each with the reason for its number.
package enum DiagnosticLimits {
    /// Errors of one file, and so many warnings and notes. Nobody reads more, and a misspelling in a file of 50,000 tasks
    /// repeats.
    package static let findingsPerFile = 500
    /// What the findings of one file may say and show together: some pages of a terminal's scrollback.
    static let bytesPerFile = 1 << 20
    /// A message, a note or a help; and what stands at a label.
    static let textBytes = 2000
    static let labelBytes = 400
    /// Further places of one finding, and its notes.
    static let places = 16
    /// The lines of an excerpt with its carets: counted, since each label shows one.
    fileprivate static let excerptBytes = 400
}

/// Findings gathered on the way from text to plan. Bounded, whoever reports: in number, in bytes, and so in time.
package struct Diagnostics: Sendable {
    package private(set) var all: [Diagnostic] = []

    /// What the findings of one kind of one file have taken of their limits.
    private struct Share {
        var count = 0
        var bytes = 0
        var isFull = false
    }

    private struct Owner: Hashable {
        /// Nil for findings without a place.
        var source: ObjectIdentifier?
        var isError: Bool
    }

    private var shares: [Owner: Share] = [:]
    private var droppedErrors = 0

    package init() {}

    package var hasErrors: Bool { droppedErrors > 0 || all.contains { $0.severity == .error } }
    /// With those that were too many to keep.
    package var errorCount: Int { droppedErrors + all.count { $0.severity == .error } }

    /// Whether one more error of a file would be kept: asked before costly things are found out for it.
    package func takesErrors(of source: SourceText) -> Bool {
        shares[Owner(source: ObjectIdentifier(source), isError: true)]?.isFull != true
    }

    /// The same of warnings and notes.
    package func takesWarnings(of source: SourceText) -> Bool {
        shares[Owner(source: ObjectIdentifier(source), isError: false)]?.isFull != true
    }

    package mutating func report(_ diagnostic: Diagnostic) {
        let isError = diagnostic.severity == .error
        let owner = Owner(
            source: (diagnostic.primary?.range.source).map { ObjectIdentifier($0) }, isError: isError)
        guard shares[owner]?.isFull != true else {
            if isError { droppedErrors += 1 }
            return
        }
        let kept = diagnostic.bounded
        shares[owner, default: Share()].count += 1
        shares[owner, default: Share()].bytes += kept.weight
        let share = shares[owner, default: Share()]
        let isTooMuch =
            share.count > DiagnosticLimits.findingsPerFile || share.bytes > DiagnosticLimits.bytesPerFile
        if isTooMuch || kept.code == .tooManyErrors { shares[owner, default: Share()].isFull = true }
        all.append(isTooMuch && kept.code != .tooManyErrors ? .tooMany(after: kept) : kept)
    }

    package mutating func report(_ others: Diagnostics) {
        others.all.forEach { report($0) }
        droppedErrors += others.droppedErrors
    }

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

extension Diagnostic {
    /// SY1009. `last` would have been the first too many.
    package static func tooMany(after last: Diagnostic) -> Diagnostic {
        let what = last.severity == .error ? "errors" : "warnings"
        return Diagnostic(
            code: .tooManyErrors, severity: last.severity == .error ? .error : .warning,
            message: "more than \(DiagnosticLimits.findingsPerFile) \(what) in one file",
            primary: last.primary.map { Label(at: $0.range, "the rest is not looked at") })
    }

    /// Cut to what is shown of any finding.
    fileprivate var bounded: Diagnostic {
        var copy = self
        copy.message = DisplayText.cut(message, bytes: DiagnosticLimits.textBytes)
        copy.help = help.map { DisplayText.cut($0, bytes: DiagnosticLimits.textBytes) }
        copy.primary?.text = DisplayText.cut(primary?.text ?? "", bytes: DiagnosticLimits.labelBytes)
        copy.others = others.prefix(DiagnosticLimits.places).map {
            Label(at: $0.range, DisplayText.cut($0.text, bytes: DiagnosticLimits.labelBytes))
        }
        copy.notes = notes.prefix(DiagnosticLimits.places).map {
            DisplayText.cut($0, bytes: DiagnosticLimits.textBytes)
        }
        // Half an edit would be worse than none.
        if let edit, edit.replacement.utf8.count > DiagnosticLimits.textBytes { copy.edit = nil }
        return copy
    }

    /// About as many bytes as it takes to show it.
    fileprivate var weight: Int {
        let labels = (primary.map { [$0] } ?? []) + others
        return message.utf8.count + (help?.utf8.count ?? 0) + notes.reduce(0) { $0 + $1.utf8.count }
            + labels.reduce(0) { $0 + $1.text.utf8.count + DiagnosticLimits.excerptBytes }
    }
}
