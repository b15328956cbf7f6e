import ShipyardModel

/// The table of a kind as JSON Schema (draft 7, which yaml-language-server reads), for editors.
package enum JSONSchema {
    package static func text(for kind: SpecKind) -> String? {
        guard let schema = kind.schema else { return nil }
        var writer = Writer()
        var members: [Member] = [
            ("$schema", .raw("\"http://json-schema.org/draft-07/schema#\"")),
            ("title", .raw(quoted("shipyard-swift \(kind.rawValue) file"))),
        ]
        members += mappingMembers(schema)
        writer.object(members)
        return writer.text + "\n"
    }

    fileprivate indirect enum Value {
        case raw(String)
        case object([Member])
    }
    fileprivate typealias Member = (name: String, value: Value)

    /// - Parameter dropped: the effect of a key around it, whose keys have none of their own.
    private static func mappingMembers(_ schema: MappingSchema, in dropped: LocalEffect? = nil) -> [Member] {
        var members: [Member] = [("type", .raw("\"object\"")), ("additionalProperties", .raw("false"))]
        let required = schema.keys.filter(\.isRequired).map { quoted($0.name) }
        if !required.isEmpty { members.append(("required", .raw("[\(required.joined(separator: ", "))]"))) }
        if !schema.keys.isEmpty {
            members.append(("properties", .object(schema.keys.map { ($0.name, .object(keyMembers($0, in: dropped))) })))
        }
        if let pattern = schema.pattern {
            let value = Value.object(keyMembers(pattern.value, in: dropped))
            members.append(("patternProperties", .object([(pattern.names.regularExpression, value)])))
        }
        return members
    }

    private static func keyMembers(_ key: KeySchema, in dropped: LocalEffect?) -> [Member] {
        var description = key.meaning
        if let text = key.defaultText { description += " Default: \(text)." }
        if let check = key.check { description += " Constraint: \(check.words)." }
        let effect = dropped ?? key.effect
        description += " Here: \(effect.words)."
        var members = typeMembers(
            key.type, check: key.check, isNullable: !key.isRequired, in: effect.isUseful ? nil : effect)
        if key.references != .none { members = members.flatMap(admittingReferences) }
        return [("description", .raw(quoted(description)))] + members
    }

    /// Besides the value itself, a text that has a reference in it: of a type and of a pattern, or of those of a list's elements.
    private static func admittingReferences(_ member: Member) -> [Member] {
        let pattern = "\"@\\\\{\""
        switch (member.name, member.value) {
        case ("pattern", .raw(let text)): return [("pattern", .raw(text.dropLast() + "|" + pattern.dropFirst()))]
        case ("type", .raw(let text)) where !text.contains("\"string\"") && !text.contains("\"array\""):
            let names = text.hasPrefix("[") ? String(text.dropFirst().dropLast()) : text
            return [("type", .raw("[\(names), \"string\"]")), ("pattern", .raw(pattern))]
        case ("items", .object(let members)) where !members.contains { $0.name == "properties" }:
            return [("items", .object(members.flatMap(admittingReferences)))]
        default: return [member]
        }
    }

    /// Null is "not given" for scalars and lists, and never allowed for mappings.
    private static func typeMembers(
        _ type: ValueType, check: ValueCheck?, isNullable: Bool, in dropped: LocalEffect?
    ) -> [Member] {
        func named(_ names: String...) -> [Member] {
            let all = (isNullable ? names + ["null"] : names).map(quoted)
            return [("type", .raw(all.count == 1 ? all[0] : "[\(all.joined(separator: ", "))]"))]
        }
        let rules = (check?.jsonSchemaMembers ?? []).map { Member($0.0, .raw($0.1)) }
        switch type {
        case .string: return named("string") + rules
        case .bool: return named("boolean")
        case .text: return named("string", "number") + rules
        case .scalar: return named("string", "number", "boolean")
        case .wideInteger: return named("integer")
        case .integer(let range): return named("integer") + (rules.isEmpty ? rangeMembers(range) : rules)
        case .float(let range):
            let limits = range.map {
                [
                    Member("minimum", .raw("\(Int($0.lowerBound))")),
                    Member("maximum", .raw("\(Int($0.upperBound))")),
                ]
            }
            return named("number", "string") + [("pattern", .raw(quoted(PythonNumber.floatPattern)))] + (limits ?? [])
        case .word(let words):
            let all = words.map(quoted) + (isNullable ? ["null"] : [])
            return [("enum", .raw("[\(all.joined(separator: ", "))]"))]
        case .list(let types):
            let items = types.map {
                Value.object(typeMembers($0, check: check, isNullable: $0.isNullableElement, in: dropped))
            }
            if items.count == 1 { return named("array") + [("items", items[0])] }
            return named("array") + [("items", .object([("anyOf", .raw(listText(items)))]))]
        case .listOrOne(let type):
            let one = typeMembers(type, check: check, isNullable: isNullable, in: dropped)
            let list = typeMembers(.list([type]), check: check, isNullable: false, in: dropped)
            return [("anyOf", .raw(listText([.object(one), .object(list)])))]
        case .mapping(let schema): return mappingMembers(schema, in: dropped)
        case .json: return []
        }
    }

    private static func rangeMembers(_ range: ClosedRange<Int>?) -> [Member] {
        guard let range else { return [] }
        let lower = Member("minimum", .raw("\(range.lowerBound)"))
        return range.upperBound == Int.max ? [lower] : [lower, ("maximum", .raw("\(range.upperBound)"))]
    }

    private static func listText(_ values: [Value]) -> String {
        let texts = values.map { value in
            var writer = Writer()
            writer.isCompact = true
            writer.value(value)
            return writer.text
        }
        return "[\(texts.joined(separator: ", "))]"
    }

    fileprivate static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        JSONText.append(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private struct Writer {
        var text = ""
        var isCompact = false
        private var depth = 0

        mutating func object(_ members: [Member]) {
            text += "{"
            depth += 1
            for (index, member) in members.enumerated() {
                if index > 0 { text += isCompact ? ", " : "," }
                newline()
                text += JSONSchema.quoted(member.name) + ": "
                value(member.value)
            }
            depth -= 1
            if !members.isEmpty { newline() }
            text += "}"
        }

        mutating func value(_ value: Value) {
            switch value {
            case .raw(let raw): text += raw
            case .object(let members): object(members)
            }
        }

        private mutating func newline() {
            if !isCompact { text += "\n" + String(repeating: "  ", count: depth) }
        }
    }
}

extension ValueType {
    /// Elements of a list may be null unless they are mappings.
    fileprivate var isNullableElement: Bool {
        if case .mapping = self { false } else { true }
    }
}
