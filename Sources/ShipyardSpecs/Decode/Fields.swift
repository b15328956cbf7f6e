import ShipyardDiagnostics
import ShipyardModel

/// The keys of one mapping that the validator has passed, for a decoder that fills a type from them.
///
/// Asking for a key that the table does not know is a programmer's error and stops the program: what is
/// decoded, what is validated and what is documented cannot drift apart.
struct Fields {
    let node: SyntaxNode
    let schema: MappingSchema

    init(_ node: SyntaxNode, _ schema: MappingSchema) {
        self.node = node
        self.schema = schema
    }

    /// The value as written; nil when the key is absent.
    func written(_ key: String) -> SyntaxNode? {
        // Of what is not there only a debug build asks the table: of forty keys a task has two.
        guard let found = node[key] else {
            assert(schema.position(of: key) != nil, "the table of \(schema.name) has no key \(key)")
            return nil
        }
        invariant(schema.position(of: key) != nil, "the table of \(schema.name) has no key \(key)")
        return found
    }

    /// The value; nil when the key is absent or null. A secret is read by `secret` and by nothing else.
    func value(_ key: String) -> SyntaxNode? {
        assert(!schema.isSecret(key), "\(key) of \(schema.name) is a secret")
        guard let found = present(key) else { return nil }
        invariant(!schema.isSecret(key), "\(key) of \(schema.name) is a secret")
        return found
    }

    private func present(_ key: String) -> SyntaxNode? {
        guard let value = written(key), !value.isNull else { return nil }
        return value
    }

    /// The value as Python's `str` writes it, since a password may be a number.
    func secret(_ key: String) -> Secret? {
        invariant(schema[key]?.isSecret == true, "\(key) of \(schema.name) is no secret")
        return present(key).flatMap { PythonText.of($0.content) }.map { Secret($0) }
    }

    func has(_ key: String) -> Bool { written(key) != nil }

    func string(_ key: String) -> String? { value(key)?.string }

    func located(_ key: String) -> Located<String>? {
        value(key).flatMap { node in node.string.map { Located($0, at: node.range) } }
    }

    func integer(_ key: String) -> Int? { value(key)?.integer }

    func bool(_ key: String) -> Bool? {
        guard case .bool(let flag)? = value(key)?.content else { return nil }
        return flag
    }

    func duration(_ key: String) -> TimeSpan? {
        guard let text = string(key), case .success(let span) = SpecDuration.parse(text) else { return nil }
        return span
    }

    func word<Word: RawRepresentable>(_ key: String, as type: Word.Type = Word.self) -> Word?
    where Word.RawValue == String {
        string(key).flatMap(Word.init)
    }

    /// The texts of a list, without its nulls.
    func strings(_ key: String) -> [String] { (value(key)?.elements ?? []).compactMap(\.string) }

    func fields(_ key: String) -> Fields? {
        guard let node = value(key), let inner = schema.innerMapping(of: key) else { return nil }
        return Fields(node, inner)
    }

    /// The mappings of a list.
    func list(_ key: String) -> [Fields] {
        list(key) { $0 }
    }

    /// Made one by one: a list of tasks is long.
    func list<Item>(_ key: String, _ make: (Fields) -> Item) -> [Item] {
        guard let node = value(key), let inner = schema.innerMapping(of: key) else { return [] }
        let elements = node.elements ?? [node]
        var items: [Item] = []
        items.reserveCapacity(elements.count)
        for element in elements where element.entries != nil { items.append(make(Fields(element, inner))) }
        return items
    }

    /// The entries of a mapping whose keys the user chose.
    func named(_ key: String) -> [(name: String, value: SyntaxNode)] {
        (value(key)?.entries ?? []).compactMap { entry in entry.key.string.map { ($0, entry.value) } }
    }
}

extension SyntaxNode {
    var integer: Int? {
        if case .integer(let number) = content { number } else { nil }
    }
}
