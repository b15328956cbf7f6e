import ShipyardDiagnostics
import ShipyardModel

/// What to write instead of a value of the wrong type, where that is plain, and where it would be taken.
struct TypeHint {
    private(set) var help: String
    private(set) var replacement: String
    /// Whether it means the same as what was written.
    private(set) var isSafe = true

    private init(_ help: String, _ replacement: String) {
        self.help = help
        self.replacement = replacement
    }

    init?(_ node: SyntaxNode, _ type: ValueType, _ check: ValueCheck?, key: String) {
        guard !node.source.isSecret, !node.isHidden, node.upper - node.lower <= SpecLimits.quotedBytes else { return nil }
        let written = node.range.text
        guard !written.isEmpty, written.count <= SpecLimits.quotedCharacters, !written.contains(where: \.isNewline) else {
            return nil
        }
        let hint: TypeHint? =
            switch node.content {
            case .integer, .bigInteger, .float, .bool, .date: Self.text(written, node, type, check, key)
            case .string(let text): Self.other(text, written, node, type, check, key)
            case .null, .sequence, .mapping: nil
            }
        guard let hint else { return nil }
        self = hint
    }

    /// Text where something else was written.
    private static func text(
        _ written: String, _ node: SyntaxNode, _ type: ValueType, _ check: ValueCheck?, _ key: String
    ) -> TypeHint? {
        switch type {
        case .string, .text: break
        case .word(let words): guard words.contains(written) else { return nil }
        case .integer, .wideInteger, .float, .bool, .scalar, .list, .listOrOne, .mapping, .json: return nil
        }
        if takes(.string(written), node, check, key) {
            return TypeHint("put it in quotes: \"\(written)\"", TextEdit.quoted(written))
        }
        // Everybody who writes a number for a length of time means seconds, or nearly everybody.
        guard let seconds = node.integer, (1...Int(SpecLimits.durationDays) * 86_400).contains(seconds) else { return nil }
        let length = SpecDuration.text(.seconds(Int64(seconds)))
        guard case .duration? = check.map(Kind.init), takes(.string(length), node, check, key) else { return nil }
        var hint = TypeHint("write \"\(length)\" for \(seconds) seconds", TextEdit.quoted(length))
        hint.isSafe = false
        return hint
    }

    private enum Kind {
        case duration, other
        init(_ check: ValueCheck) {
            switch check {
            case .duration, .positiveDuration: self = .duration
            default: self = .other
            }
        }
    }

    /// Something else where text was written.
    private static func other(
        _ text: String, _ written: String, _ node: SyntaxNode, _ type: ValueType, _ check: ValueCheck?, _ key: String
    ) -> TypeHint? {
        switch type {
        case .bool:
            switch text.lowercased() {
            case "yes", "on", "y", "true": return TypeHint("write `true`", "true")
            case "no", "off", "n", "false": return TypeHint("write `false`", "false")
            default: return nil
            }
        case .integer(let range):
            guard let number = PythonNumber.integer(text), range?.contains(number) ?? true,
                takes(.integer(number), node, check, key)
            else { return nil }
            return TypeHint("remove the quotes", String(number))
        case .list(let types):
            guard types.contains(where: { takesText($0, text) }) else { return nil }
            if key == "iterable" { return words(of: text) }
            guard takes(.string(text), node, check, key) else { return nil }
            let isPlain = written == text
            let element = isPlain && !TextEdit.isPlainWord(text) ? TextEdit.quoted(text) : written
            return TypeHint("write [\(element)]", "[\(element)]")
        case .string, .wideInteger, .float, .text, .scalar, .word, .listOrOne, .mapping, .json: return nil
        }
    }

    /// Whoever gives a text to choose from means its parts: as Python would, its characters.
    private static func words(of text: String) -> TypeHint? {
        let parts =
            text.contains(",")
            ? text.split(separator: ",").map { String($0.drop(while: \.isWhitespace)) }
            : text.contains(" ") ? text.split(separator: " ").map(String.init) : text.unicodeScalars.map { String($0) }
        guard parts.count > 1, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        let list = "[" + parts.map { TextEdit.quoted($0) }.joined(separator: ", ") + "]"
        var hint = TypeHint("write \(list)", list)
        hint.isSafe = false
        return hint
    }

    private static func takesText(_ type: ValueType, _ text: String) -> Bool {
        switch type {
        case .string, .text, .scalar: true
        case .word(let words): words.contains(text)
        case .integer, .wideInteger, .float, .bool, .list, .listOrOne, .mapping, .json: false
        }
    }

    private static func takes(
        _ content: SyntaxNode.Content, _ node: SyntaxNode, _ check: ValueCheck?, _ key: String
    ) -> Bool {
        guard let check else { return true }
        let proposed = SyntaxNode(content, in: node.source, node.lower, node.upper)
        return check.finding(for: proposed, key: key) == nil
    }
}

extension TypeHint {
    /// `command: {0}` and `command: [ -f a ]`, which YAML takes for collections.
    static func isTextInBrackets(_ node: SyntaxNode, _ type: ValueType) -> Bool {
        switch type {
        case .string, .text: break
        case .integer, .wideInteger, .float, .bool, .scalar, .word, .list, .listOrOne, .mapping, .json: return false
        }
        guard node.upper > node.lower, "{[".utf8.contains(node.source.bytes[node.lower]) else { return false }
        return node.elements != nil || node.entries != nil
    }

    /// A command as a list of its words, as other engines take it.
    static func commandOfWords(_ node: SyntaxNode, key: String) -> String? {
        guard key == "command", let elements = node.elements, let first = elements.first?.string, !first.hasPrefix("-"),
            !node.source.isSecret, !node.isHidden
        else { return nil }
        let words = elements.map { $0.range.text }
        let text = words.joined(separator: " ")
        return text.utf8.count <= SpecLimits.quotedBytes && !text.contains(where: \.isNewline)
            ? "a command is one text: \(text)" : "a command is one text, in which words have spaces between them"
    }

    /// A mapping where a list of mappings should be: with names in the place of ids, or a single element without its dash.
    static func list(_ node: SyntaxNode, of schema: MappingSchema) -> String? {
        guard let entries = node.entries, let first = entries.first, let name = first.key.string else {
            return nil
        }
        if schema[name] != nil { return "write `- ` before the first key: the list has this one element" }
        guard schema["id"] != nil, entries.allSatisfy({ $0.value.entries != nil }) else { return nil }
        return "write \(Quoted("- id: \(name)")), and below it the keys of \(schema.name)"
    }

    /// A list where a mapping should be.
    static func mapping(_ node: SyntaxNode, _ schema: MappingSchema) -> String? {
        guard let elements = node.elements, let first = elements.first, !node.source.isSecret, !node.isHidden else {
            return nil
        }
        if let pattern = schema.pattern {
            let example: String? =
                if let text = first.string, let sign = text.firstIndex(of: "="), pattern.names.matches(text) {
                    "\(text[..<sign]): \"\(text[text.index(after: sign)...])\""
                } else if let entries = first.entries, entries.count == 1, let name = entries[0].key.string,
                    entries[0].value.entries == nil, entries[0].value.elements == nil
                {
                    "\(name): \(entries[0].value.range.text)"
                } else if let name = first["name"]?.string, let value = first["value"] {
                    "\(name): \(value.range.text)"
                } else {
                    nil
                }
            return example.map { "write names and values without `-`: \(Quoted($0))" }
                ?? "write `NAME: value` lines, without `-`"
        }
        return elements.count == 1 && first.entries != nil ? "remove the `-`: there is only one" : nil
    }
}
