import ShipyardDiagnostics

/// Merges a later document into an earlier one: mappings key by key, everything else replaced whole.
package enum SpecMerge {
    /// Nil where the earlier value is a mapping and the later one is not, which is reported.
    package static func merge(
        _ first: SyntaxNode, with second: SyntaxNode, _ diagnostics: inout Diagnostics
    ) -> SyntaxNode? {
        guard let earlier = first.entries, let later = second.entries else { return second }
        var entries = earlier
        var succeeded = true
        for entry in later {
            guard
                let position = entries.firstIndex(where: { $0.key.content.isSameKey(as: entry.key.content) })
            else {
                entries.append(entry)
                continue
            }
            let known = entries[position]
            if known.value.entries == nil {
                entries[position] = entry
            } else if entry.value.entries == nil {
                diagnostics.report(.cannotMerge(entry.key, first: known.key, second: entry.value))
                succeeded = false
            } else if let value = merge(known.value, with: entry.value, &diagnostics) {
                entries[position].value = value
            } else {
                succeeded = false
            }
        }
        guard succeeded else { return nil }
        return SyntaxNode(.mapping(entries), in: second.source, second.lower, second.upper)
    }
}
