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
        diagnostic.edit = suggestion.replacement.map {
            TextEdit(replacing: key.range, withWord: $0, isSafe: suggestion.isSafe)
        }
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
    /// - Parameters:
    ///   - check: what the value must keep beyond its type: nothing is proposed that it would refuse.
    ///   - element: what the elements of the list are that it should be.
    static func wrongType(
        _ node: SyntaxNode, key: String, _ type: ValueType, _ check: ValueCheck?, of element: MappingSchema? = nil
    ) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .wrongType, message: "`\(key)` takes \(type.words), not \(node.kindName)",
            primary: Label(at: node.range, "\(node.kindName)"))
        // A variable may be called DB_PASSWORD, which no table knows: neither help nor edit may have its value.
        guard !Redaction.isSecret(key: key) else { return diagnostic }
        if let hint = TypeHint(node, type, check, key: key) {
            diagnostic.help = hint.help
            diagnostic.edit = TextEdit(replacing: node.range, with: hint.replacement, isSafe: hint.isSafe)
        } else {
            diagnostic.help = element.flatMap { TypeHint.list(node, of: $0) }
        }
        if let help = TypeHint.commandOfWords(node, key: key) {
            diagnostic.help = help
        } else if TypeHint.isTextInBrackets(node, type) {
            diagnostic.putInQuotes(node.range)
        }
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
    ///
    /// - Parameter mayBeEmpty: whether a mapping without keys would do.
    static func missingValue(
        _ key: SyntaxNode, name: String, isMapping: Bool, isRequired: Bool, mayBeEmpty: Bool = false
    ) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .missingValue, message: "`\(name)` has no value",
            primary: Label(
                at: key.range, isMapping ? "nothing stands under this key" : "nothing stands behind this key")
        )
        if !isRequired {
            diagnostic.help = mayBeEmpty ? "leave the key out, or write `{}` for an empty mapping" : "leave the key out"
        }
        return diagnostic
    }

    /// SY1005.
    static func unknownWord(_ node: SyntaxNode, key: String, _ words: [String]) -> Diagnostic {
        let list = words.map { "`\($0)`" }.joined(separator: ", ")
        var diagnostic = Diagnostic(
            code: .unknownWord, message: "`\(key)` does not know \(Quoted(node))",
            primary: Label(at: node.range, "not one of its words"))
        diagnostic.notes = ["the words are \(list)"]
        diagnostic.suggest(
            node.string.flatMap { closestMatch(to: $0, in: words) }, at: node.range, isSafe: true)
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
        let text = key.upper - key.lower <= SpecLimits.quotedBytes ? key.range.text : ""
        if let pattern = schema.pattern, PythonText.of(key.content) != nil, pattern.names.matches(text) {
            diagnostic.help = "write \(TextEdit.quoted(text))"
            diagnostic.edit = TextEdit(replacing: key.range, with: TextEdit.quoted(text), isSafe: true)
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
