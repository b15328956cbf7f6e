import ShipyardDiagnostics
import ShipyardModel

/// Makes the entries of a mapping from its keys and values: no key twice, `<<` resolved.
enum MappingBuilder {
    /// `nodes` holds keys and values in turn; `mergeKeys` the positions of the keys that are `<<`.
    /// `mergedCount` grows by the number of entries that were copied from elsewhere.
    static func entries(
        of nodes: [SyntaxNode], mergeKeys: [Int], mergedCount: inout Int, _ diagnostics: inout Diagnostics
    ) -> [SyntaxEntry] {
        var entries: [SyntaxEntry] = []
        entries.reserveCapacity(nodes.count / 2)
        var known = KnownKeys()
        var merges: [SyntaxNode] = []
        for index in stride(from: 0, to: nodes.count - 1, by: 2) {
            let (key, value) = (nodes[index], nodes[index + 1])
            if let first = known.insert(key) {
                guard diagnostics.takesErrors(of: key.source) else { return entries }
                diagnostics.report(.duplicateKey(key, first: first))
            } else if mergeKeys.contains(index) {
                merges.append(value)
            } else {
                entries.append(SyntaxEntry(key: key, value: value))
            }
        }
        for merge in merges {
            for mapping in mappings(in: merge, &diagnostics) {
                for entry in mapping.entries ?? [] where known.insert(entry.key) == nil {
                    entries.append(entry)
                    mergedCount += 1
                }
            }
        }
        return entries
    }

    private static func mappings(in node: SyntaxNode, _ diagnostics: inout Diagnostics) -> [SyntaxNode] {
        switch node.content {
        case .mapping: return [node]
        case .sequence(let elements):
            return elements.filter { element in
                if element.entries == nil { diagnostics.report(.badMergeKey(element)) }
                return element.entries != nil
            }
        default:
            diagnostics.report(.badMergeKey(node))
            return []
        }
    }
}

/// The keys of one mapping so far: a list while they are few, a set of their texts when there are many, so
/// that a mapping of 100,000 keys is not checked quadratically.
private struct KnownKeys {
    private static let fewKeys = 12
    private var list: [SyntaxNode] = []
    private var texts: [CodePointText: SyntaxNode] = [:]

    /// Adds `key`; or returns the same key as it was written before.
    mutating func insert(_ key: SyntaxNode) -> SyntaxNode? {
        if texts.isEmpty, list.count < Self.fewKeys {
            if let first = list.first(where: { $0.content.isSameKey(as: key.content) }) { return first }
            list.append(key)
            return nil
        }
        if texts.isEmpty {
            for known in list { texts[Self.text(of: known)] = known }
        }
        let text = Self.text(of: key)
        if let first = texts[text] { return first }
        texts[text] = key
        return nil
    }

    private static func text(of key: SyntaxNode) -> CodePointText {
        // Lists and mappings as keys are never legal in a spec and are not compared.
        guard let text = PythonText.of(key.content) else { return CodePointText("at \(key.lower)") }
        return CodePointText("\(key.kindName):\(text)")
    }
}
