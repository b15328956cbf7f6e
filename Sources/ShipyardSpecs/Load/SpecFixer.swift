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
            var isDone = false
            for chosen in [edits] + (edits.count > 1 ? edits.prefix(tries).map { [$0] } : []) {
                let (candidate, places) = source.with(chosen)
                let left = findings(candidate)
                guard isBetter(left, than: found, at: places) else { continue }
                changes += chosen.map { edit in
                    let isShown = !source.text.isSecret && !edit.range.isMasked
                    return Change(
                        position: edit.range.start, old: isShown ? edit.range.text : "…",
                        new: isShown ? edit.replacement : "…")
                }
                (source, found, isDone) = (candidate, left, true)
                break
            }
            guard isDone else { break }
        }
        return (source, changes)
    }

    /// Whether a merge of git has left its marks. Those between the two sides may stand in any text, too.
    package static func holdsConflict(_ bytes: [UInt8]) -> Bool {
        SyntaxHint.conflictMarkers(in: bytes).contains { "<>".utf8.contains(bytes[$0]) }
    }

    /// Whether nothing is wrong any more where something was written anew, and the file can be read no worse. More errors
    /// than before may be told: below a key that was misspelt nobody had looked.
    private static func isBetter(_ found: Diagnostics, than before: Diagnostics, at places: [Range<Int>]) -> Bool {
        let syntax = { (found: Diagnostics) in
            found.all.count { $0.severity == .error && $0.code.rawValue.hasPrefix("SY0") }
        }
        guard syntax(found) <= syntax(before) else { return false }
        let starts = found.all.filter { $0.severity == .error }.compactMap { $0.primary?.range.lower }
        return !places.contains { place in starts.contains { place.contains($0) } }
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
    fileprivate func with(_ edits: [TextEdit]) -> (source: SpecSource, places: [Range<Int>]) {
        var bytes: [UInt8] = []
        var places: [Range<Int>] = []
        var position = 0
        for edit in edits {
            bytes += text.bytes[position..<edit.range.lower]
            let start = bytes.count
            bytes += edit.replacement.utf8
            places.append(start..<bytes.count)
            position = edit.range.upper
        }
        bytes += text.bytes[position...]
        let text = SourceText(name: text.name, bytes: bytes, isSecret: text.isSecret)
        return (SpecSource(kind, text), places)
    }
}
