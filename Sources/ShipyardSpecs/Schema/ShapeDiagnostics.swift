import ShipyardDiagnostics

// The words of SY1xxx: keys and types.
extension Diagnostic {
    /// SY1001.
    static func unknownKey(_ key: SyntaxNode, _ schema: MappingSchema, _ suggestion: KeySuggestion)
        -> Diagnostic
    {
        var diagnostic = Diagnostic(
            code: .unknownKey, message: "\(schema.name) has no key \(Quoted(keyName: key))",
            primary: Label(at: key.range, "unknown key"))
        diagnostic.help = suggestion.help
        diagnostic.edit = suggestion.replacement.map { TextEdit(replacing: key.range, with: $0) }
        return diagnostic
    }

    /// SY1002.
    static func missingKey(_ name: String, in schema: MappingSchema, _ node: SyntaxNode, key: SyntaxNode?)
        -> Diagnostic
    {
        // The key above shows the place better than a mapping of a hundred lines.
        let first = node.entries?.first.map { SourceRange(node.source, $0.key.lower, $0.key.upper) }
        let range = key.map(\.range) ?? first ?? node.range
        let inList = first.map { $0.lower > range.upper } ?? false
        return Diagnostic(
            code: .missingKey, message: "\(schema.name) needs the key `\(name)`",
            primary: Label(at: inList ? first ?? range : range, "`\(name)` is missing"))
    }

    /// SY1003.
    ///
    /// - Parameter element: what the elements of the list are that it should be.
    static func wrongType(
        _ node: SyntaxNode, key: String, expected: String, of element: MappingSchema? = nil
    ) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .wrongType, message: "`\(key)` takes \(expected), not \(node.kindName)",
            primary: Label(at: node.range, "\(node.kindName)"))
        diagnostic.help = TypeHint.help(node, expected: expected) ?? element.flatMap { TypeHint.list(node, of: $0) }
        if TypeHint.isTextInBrackets(node, expected: expected) { diagnostic.putInQuotes(node.range) }
        return diagnostic
    }

    /// SY1003, for mappings.
    static func notAMapping(_ node: SyntaxNode, _ schema: MappingSchema, key: SyntaxNode?) -> Diagnostic {
        let subject = key?.string.map { "`\($0)`" } ?? schema.name
        var diagnostic = Diagnostic(
            code: .wrongType, message: "\(subject) takes a mapping, not \(node.kindName)",
            primary: Label(at: node.range, "\(node.kindName)"))
        diagnostic.help = TypeHint.mapping(node, schema)
        return diagnostic
    }

    /// SY1003, for an empty element of a list of mappings.
    static func nullElement(_ element: SyntaxNode, _ schema: MappingSchema, key: SyntaxNode) -> Diagnostic {
        Diagnostic(
            code: .wrongType, message: "\(schema.name) takes a mapping, not nothing",
            primary: Label(at: element.range, "an empty element"))
    }

    /// SY1004.
    static func missingValue(_ key: SyntaxNode, name: String, isMapping: Bool, isRequired: Bool) -> Diagnostic
    {
        var diagnostic = Diagnostic(
            code: .missingValue, message: "`\(name)` has no value",
            primary: Label(
                at: key.range, isMapping ? "nothing stands under this key" : "nothing stands behind this key")
        )
        if !isRequired { diagnostic.help = "leave the key out, or write `{}` for an empty mapping" }
        return diagnostic
    }

    /// SY1005.
    static func unknownWord(_ node: SyntaxNode, key: String, _ words: [String]) -> Diagnostic {
        let list = words.map { "`\($0)`" }.joined(separator: ", ")
        var diagnostic = Diagnostic(
            code: .unknownWord, message: "`\(key)` does not know \(Quoted(node))",
            primary: Label(at: node.range, "not one of its words"))
        diagnostic.notes = ["the words are \(list)"]
        diagnostic.suggest(node.string.flatMap { closestMatch(to: $0, in: words) }, at: node.range)
        return diagnostic
    }

    /// SY1006.
    static func outOfRange(_ node: SyntaxNode, key: String, _ range: String) -> Diagnostic {
        Diagnostic(
            code: .outOfRange, message: "`\(key)` cannot be \(Quoted(node))",
            primary: Label(at: node.range, "allowed: \(range)"))
    }

    /// SY1007.
    static func keyNotText(_ key: SyntaxNode, _ schema: MappingSchema) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .keyNotText, message: "keys are text, and this one is \(key.kindName)",
            primary: Label(at: key.range, "\(key.kindName)"))
        if schema.pattern != nil, PythonText.of(key.content) != nil {
            let text = key.range.text
            diagnostic.help = "write \"\(text)\""
            diagnostic.edit = TextEdit(replacing: key.range, with: "\"\(text)\"")
        }
        return diagnostic
    }

    /// SY1008.
    static func keyRefused(_ key: SyntaxNode, _ pattern: PatternSchema, _ schema: MappingSchema) -> Diagnostic
    {
        Diagnostic(
            code: .keyRefused, message: "\(Quoted(keyName: key)) cannot be a name in \(schema.name)",
            primary: Label(at: key.range, "needed: \(pattern.names.words)"))
    }

    /// SY1009.
    static func tooManyErrors(after last: Diagnostic) -> Diagnostic {
        Diagnostic(
            code: .tooManyErrors, message: "more than \(SpecLimits.findingsPerFile) errors in one file",
            primary: last.primary.map { Label(at: $0.range, "the rest is not looked at") })
    }

    /// SY1010.
    static func cannotMerge(_ key: SyntaxNode, first: SyntaxNode, second: SyntaxNode) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .cannotMerge,
            message: "\(Quoted(keyName: key)) is a mapping in one file and \(second.kindName) in another",
            primary: Label(at: key.range, "cannot take the mapping's place"))
        diagnostic.others = [Label(at: first.range, "the mapping")]
        return diagnostic
    }

    /// SY5001, SY5002 and SY5003.
    static func effect(of schema: KeySchema, at key: SyntaxNode) -> Diagnostic {
        var diagnostic = words(ofEffect: schema, at: key)
        diagnostic.keyWithoutEffect = schema.name
        return diagnostic
    }

    private static func words(ofEffect schema: KeySchema, at key: SyntaxNode) -> Diagnostic {
        switch schema.effect {
        case .notYet:
            return Diagnostic(
                code: .notCarriedOutYet, severity: .warning,
                message: "`\(schema.name)` is checked, but this version does not carry it out",
                primary: Label(at: key.range, "not carried out"))
        case .partly(let part), .differently(let part):
            return Diagnostic(
                code: .partOfItsEffect, severity: schema.effect.isMisleading ? .warning : .note,
                message: "`\(schema.name)` has only a part of its effect here",
                primary: Label(at: key.range, part))
        case .none, .used:
            return Diagnostic(
                code: .noLocalEffect, severity: .warning,
                message: "`\(schema.name)` is accepted, but has no local effect",
                primary: Label(at: key.range, "no local effect"))
        }
    }
}

/// What to write instead of a value of the wrong type, where that is plain.
private enum TypeHint {
    static func help(_ node: SyntaxNode, expected: String) -> String? {
        let written = node.range.text
        let isShort =
            written.count <= SpecLimits.quotedCharacters && !written.contains("\n") && !node.source.isSecret
            && !node.isHidden
        switch node.content {
        case .integer, .bigInteger, .float, .bool, .date:
            let takesText =
                expected == ValueType.string.words || expected == ValueType.text.words
                || expected == ValueType.word([]).words
            return takesText && isShort ? "put it in quotes: \"\(written)\"" : nil
        case .string(let text):
            if expected == ValueType.bool.words {
                switch text.lowercased() {
                case "yes", "on", "y": return "write `true`"
                case "no", "off", "n": return "write `false`"
                default: return nil
                }
            }
            if expected == ValueType.integer.words, PythonNumber.integer(text) != nil {
                return "remove the quotes"
            }
            return expected == "a list" && isShort ? "write [\(written)]" : nil
        case .null, .sequence, .mapping: return nil
        }
    }

    /// `command: {0}` and `command: [ -f a ]`, which YAML takes for collections.
    static func isTextInBrackets(_ node: SyntaxNode, expected: String) -> Bool {
        guard expected == ValueType.string.words || expected == ValueType.text.words, node.upper > node.lower,
            "{[".utf8.contains(node.source.bytes[node.lower])
        else { return false }
        return node.elements != nil || node.entries != nil
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
