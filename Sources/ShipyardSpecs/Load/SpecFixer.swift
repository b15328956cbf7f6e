import ShipyardDiagnostics

/// Does what findings propose, where hardly anything else can have been meant, and only where the file is better for it.
package enum SpecFixer {
    /// What was written anew, and where it stood.
    package struct Change: Sendable {
        package var position: SourcePosition
        package var old: String
        package var new: String
    }

    /// A file of 500 misspellings tells of more once these are gone.
    private static let rounds = 20
    /// Tried one by one where all together do not help.
    private static let tries = 50

    /// - Parameter findings: what is wrong with a text, looked at alone.
    package static func fixed(
        _ source: SpecSource, findings: (SpecSource) -> Diagnostics
    ) -> (source: SpecSource, changes: [Change]) {
        var source = source
        var changes: [Change] = []
        // Both sides of a conflict are somebody's work.
        guard !holdsConflict(source.text.bytes) else { return (source, changes) }
        var found = findings(source)
        for _ in 0..<rounds {
            let edits = safeEdits(of: found, in: source.text)
            guard !edits.isEmpty else { break }
            var isBetter = false
            for chosen in [edits] + (edits.count > 1 ? edits.prefix(tries).map { [$0] } : []) {
                let candidate = source.with(chosen)
                let left = findings(candidate)
                guard rank(left) < rank(found) else { continue }
                changes += chosen.map { edit in
                    let isShown = !source.text.isSecret && !edit.range.isMasked
                    return Change(
                        position: edit.range.start, old: isShown ? edit.range.text : "…",
                        new: isShown ? edit.replacement : "…")
                }
                (source, found, isBetter) = (candidate, left, true)
                break
            }
            guard isBetter else { break }
        }
        return (source, changes)
    }

    /// Whether a merge of git has left its marks.
    package static func holdsConflict(_ bytes: [UInt8]) -> Bool {
        bytes.split(separator: UInt8(ascii: "\n")).contains { line in
            line.starts(with: "<<<<<<< ".utf8) || line.starts(with: ">>>>>>> ".utf8)
        }
    }

    /// What a person sees of a file first: that it cannot be read, then errors, then warnings.
    private static func rank(_ found: Diagnostics) -> (Int, Int, Int) {
        let syntax = found.all.count { $0.severity == .error && $0.code.rawValue.hasPrefix("SY0") }
        return (syntax, found.errorCount, found.all.count { $0.severity == .warning })
    }

    /// In the order of the file; of two that overlap the first.
    private static func safeEdits(of found: Diagnostics, in text: SourceText) -> [TextEdit] {
        let all = found.all.compactMap(\.edit).filter { $0.isSafe && $0.range.source === text }
        var edits: [TextEdit] = []
        for edit in all.sorted(by: { $0.range.lower < $1.range.lower }) {
            // An alias shows the same place twice.
            guard edit.range.lower >= (edits.last?.range.upper ?? 0) else { continue }
            edits.append(edit)
        }
        return edits
    }
}

extension SpecSource {
    /// With edits that are in order and do not overlap; every other byte stays.
    fileprivate func with(_ edits: [TextEdit]) -> SpecSource {
        var bytes: [UInt8] = []
        var position = 0
        for edit in edits {
            bytes += text.bytes[position..<edit.range.lower]
            bytes += edit.replacement.utf8
            position = edit.range.upper
        }
        bytes += text.bytes[position...]
        return SpecSource(kind, SourceText(name: text.name, bytes: bytes, isSecret: text.isSecret))
    }
}
