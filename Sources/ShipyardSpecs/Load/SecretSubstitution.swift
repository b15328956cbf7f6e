import ShipyardDiagnostics
import ShipyardModel

/// Puts the values of secrets in the place of the keys that name them, as the tables say: whatever kind of credentials
/// has such a key is served.
struct SecretSubstitution {
    private let find: SecretLookup
    /// Where a secret could not be had, and why.
    private(set) var missing: [(path: [String], failure: SecretFailure)] = []

    init(_ find: @escaping SecretLookup) { self.find = find }

    /// Whether there is anything to do.
    static func isNeeded(_ node: SyntaxNode, _ schema: MappingSchema) -> Bool {
        (node.entries ?? []).contains { entry in
            guard let name = entry.key.string, let key = schema[key: name] else { return false }
            if key.namesSecretOfSibling, entry.value.string != nil { return true }
            return key.type.innerMapping.map { isNeeded(entry.value, $0) } ?? false
        }
    }

    mutating func filled(_ node: SyntaxNode, _ schema: MappingSchema, at path: [String] = []) -> SyntaxNode {
        guard let entries = node.entries else { return node }
        var kept: [SyntaxEntry] = []
        var found: [SyntaxEntry] = []
        var replaced: Set<String> = []
        for entry in entries {
            guard let name = entry.key.string, let key = schema[key: name] else {
                kept.append(entry)
                continue
            }
            var entry = entry
            if key.namesSecretOfSibling, let sibling = key.secretOf, let text = entry.value.string {
                replaced.insert(sibling)
                if let value = value(text, entry.value, at: path) {
                    let name = SyntaxNode(.string(sibling), in: entry.key.source, entry.key.lower, entry.key.upper)
                    found.append(SyntaxEntry(key: name, value: value))
                }
            } else if let inner = key.type.innerMapping {
                entry.value = filled(entry.value, inner, at: path + [name])
            }
            kept.append(entry)
        }
        // The secret wins over what is written beside it, also where it cannot be had.
        kept.removeAll { $0.key.string.map(replaced.contains) ?? false }
        return SyntaxNode(.mapping(kept + found), in: node.source, node.lower, node.upper)
    }

    private mutating func value(_ text: String, _ node: SyntaxNode, at path: [String]) -> SyntaxNode? {
        guard let reference = SecretReference(text) else { return nil }
        do throws(SecretFailure) {
            let secret = try find(reference).withoutLineBreak
            guard let value = secret.withExposedBytes({ String(validating: $0, as: UTF8.self) }) else {
                throw SecretFailure("it is no text")
            }
            node.source.hide(node.lower..<node.upper)
            return SyntaxNode(.string(value), in: node.source, node.lower, node.upper)
        } catch {
            missing.append((path, SecretFailure("the secret `\(text)` cannot be had: \(error.reason)")))
            return nil
        }
    }
}

extension MappingSchema {
    /// Also of a key whose name the user chooses.
    fileprivate subscript(key name: String) -> KeySchema? { self[name] ?? pattern?.value }
}

extension KeySchema {
    fileprivate var namesSecretOfSibling: Bool { secretOf?.isEmpty == false && effect.isUseful }
}
