import ShipyardDiagnostics

/// Checks a tree against a table and gathers everything that is wrong with it.
///
/// Findings of `SY1xxx` are exactly what Batch Shipyard's validator (pykwalify 1.7) refuses, so that a file
/// that passes there passes here; findings of `SY3xxx` come on top.
struct Validator {
    private(set) var diagnostics = Diagnostics()
    private var findings = 0
    /// Keys already reported as without effect, by their names: once for each file.
    private var reportedEffects: Set<String> = []
    private var parents: [MappingSchema] = []

    static func validate(_ root: SyntaxNode, as schema: MappingSchema, _ diagnostics: inout Diagnostics) {
        var validator = Validator()
        validator.mapping(root, schema, key: nil, effectCounts: true)
        diagnostics.report(validator.diagnostics)
    }

    private var isFull: Bool { findings > SpecLimits.findingsPerFile }

    private mutating func report(_ diagnostic: Diagnostic) {
        findings += 1
        if findings == SpecLimits.findingsPerFile + 1 {
            diagnostics.report(.tooManyErrors(after: diagnostic))
        } else if !isFull {
            diagnostics.report(diagnostic)
        }
    }

    // MARK: Values

    private mutating func value(_ node: SyntaxNode, _ schema: KeySchema, key: SyntaxNode, effectCounts: Bool)
    {
        let name = key.string ?? schema.name
        if schema.isSecret { node.source.hide(node.lower..<node.upper) }
        if node.isNull { return null(schema, key: key, name: name) }
        let before = findings
        typed(node, schema.type, Place(key: key, name: name), effectCounts: effectCounts)
        guard findings == before else { return }
        // What it says is known, and judged, when its references have their values.
        if node.isLate { return }
        if let text = node.string, text.utf8.contains(0) { return report(.nulInText(node, key: name)) }
        if let finding = schema.check?.finding(for: node, key: name) { report(finding) }
    }

    /// Null means "not given" for scalars and lists, and is refused for mappings.
    private mutating func null(_ schema: KeySchema, key: SyntaxNode, name: String) {
        if case .mapping = schema.type {
            report(.missingValue(key, name: name, isMapping: true, isRequired: schema.isRequired))
        } else if schema.isRequired {
            report(.missingValue(key, name: name, isMapping: false, isRequired: true))
        }
    }

    /// Where a value stands, for messages.
    private struct Place {
        var key: SyntaxNode
        var name: String
    }

    private mutating func typed(_ node: SyntaxNode, _ type: ValueType, _ place: Place, effectCounts: Bool) {
        switch type {
        case .json: json(node, place)
        case .mapping(let schema): mapping(node, schema, key: place.key, effectCounts: effectCounts)
        case .list(let types): list(node, types, place, effectCounts: effectCounts)
        case .listOrOne(let type):
            if node.elements != nil {
                list(node, [type], place, effectCounts: effectCounts)
            } else {
                typed(node, type, place, effectCounts: effectCounts)
            }
        case .string, .integer, .wideInteger, .float, .bool, .text, .scalar, .word:
            if let finding = ScalarRule(type).finding(node, key: place.name) { report(finding) }
        }
    }

    private mutating func list(_ node: SyntaxNode, _ types: [ValueType], _ place: Place, effectCounts: Bool) {
        guard let elements = node.elements else {
            return report(
                .wrongType(
                    node, key: place.name, expected: "a list",
                    of: types.lazy.compactMap(\.innerMapping).first))
        }
        for element in elements where !isFull {
            let type = types.first { Self.mayFit(element, $0) } ?? types[0]
            if element.isNull {
                // Only a mapping cannot be null.
                guard case .mapping(let schema) = type else { continue }
                report(.nullElement(element, schema, key: place.key))
            } else {
                typed(element, type, place, effectCounts: effectCounts)
                if !element.isLate, let text = element.string, text.utf8.contains(0) {
                    report(.nulInText(element, key: place.name))
                }
            }
        }
    }

    /// Anything, but no secret in clear.
    private mutating func json(_ node: SyntaxNode, _ place: Place) {
        switch node.content {
        case .null, .bool, .integer, .bigInteger, .float, .date: break
        case .string(let text):
            if !node.isLate, text.utf8.contains(0) { report(.nulInText(node, key: place.name)) }
        case .sequence(let elements): for element in elements where !isFull { json(element, place) }
        case .mapping(let entries):
            if let value = node["value"], value.string?.isEmpty != true, !value.isNull,
                node["type"]?.string == "SecureString"
            {
                value.source.hide(value.lower..<value.upper)
                report(.secureStringWritten(value, key: place.name))
            }
            for entry in entries where !isFull { json(entry.value, place) }
        }
    }

    /// Whether the outermost shape fits, which chooses among several types of elements.
    private static func mayFit(_ node: SyntaxNode, _ type: ValueType) -> Bool {
        switch type {
        case .list: node.elements != nil
        case .mapping: node.entries != nil
        case .listOrOne, .json: true
        case .string, .integer, .wideInteger, .float, .bool, .text, .scalar, .word:
            node.elements == nil && node.entries == nil
        }
    }

    // MARK: Mappings

    private mutating func mapping(
        _ node: SyntaxNode, _ schema: MappingSchema, key: SyntaxNode?, effectCounts: Bool
    ) {
        guard let entries = node.entries else {
            return report(.notAMapping(node, schema, key: key))
        }
        parents.append(schema)
        defer { parents.removeLast() }
        var present = 0  // A set of positions; no table has more than 64 keys.
        // Of a misspelt key nothing is said twice, and of another kind of file not what it lacks as this one.
        var meant: Set<String> = []
        var isOfAnotherKind = false
        for entry in entries where !isFull {
            guard let name = entry.key.string else {
                report(.keyNotText(entry.key, schema))
                continue
            }
            if let position = schema.position(of: name) {
                present |= 1 << position
                let known = schema.keys[position]
                if effectCounts { reportEffect(of: known, entry) }
                value(entry.value, known, key: entry.key, effectCounts: effectCounts && known.effect.isUseful)
            } else if let pattern = schema.pattern {
                patterned(entry, pattern, schema, effectCounts: effectCounts)
            } else {
                let suggestion = unknown(entry.key, name, schema, entries)
                if let key = suggestion.replacement { meant.insert(key) }
                isOfAnotherKind = isOfAnotherKind || suggestion.isOfAnotherKind
            }
        }
        for position in schema.requiredKeys where present & 1 << position == 0 && !isFull {
            if isOfAnotherKind || meant.contains(schema.keys[position].name) { continue }
            report(.missingKey(schema.keys[position].name, in: schema, node, key: key))
        }
    }

    private mutating func patterned(
        _ entry: SyntaxEntry, _ pattern: PatternSchema, _ schema: MappingSchema, effectCounts: Bool
    ) {
        guard let name = entry.key.string, pattern.names.matches(name) else {
            return report(.keyRefused(entry.key, pattern, schema))
        }
        if case .environmentName? = pattern.value.check {
            if name.utf8.contains(UInt8(ascii: "=")) {
                report(.invalidEnvironmentName(entry.key, "a name holds no `=`"))
            } else if name.utf8.contains(0) {
                report(.invalidEnvironmentName(entry.key, "a name holds no U+0000"))
            }
        }
        value(entry.value, pattern.value, key: entry.key, effectCounts: effectCounts)
    }

    private mutating func unknown(
        _ key: SyntaxNode, _ name: String, _ schema: MappingSchema, _ entries: [SyntaxEntry]
    ) -> KeySuggestion {
        let suggestion = KeySuggestion(
            for: name, in: schema, present: Set(entries.compactMap(\.key.string)),
            parents: Array(parents.dropLast()))
        report(.unknownKey(key, schema, suggestion))
        return suggestion
    }

    // MARK: Effects

    private mutating func reportEffect(of schema: KeySchema, _ entry: SyntaxEntry) {
        guard !schema.isNeutral(entry.value), schema.effect.isReported, reportedEffects.insert(schema.name).inserted
        else { return }
        diagnostics.report(.effect(of: schema, at: entry.key))
    }
}

extension KeySchema {
    /// Whether a value says no more than its absence: nobody who writes it waits for an effect.
    fileprivate func isNeutral(_ value: SyntaxNode) -> Bool {
        if let defaultText, !value.isNull {
            if case .bool(let flag) = value.content { return defaultText == (flag ? "true" : "false") }
            return PythonText.of(value.content) == defaultText
        }
        return switch value.content {
        case .null, .bool(false): true
        case .string(let text): text.isEmpty
        case .sequence(let elements): elements.isEmpty
        case .mapping(let entries): entries.isEmpty
        case .bool, .integer, .bigInteger, .float, .date: false
        }
    }
}

extension LocalEffect {
    /// Whether the keys inside are worth reporting: not where the whole key is dropped or postponed.
    var isUseful: Bool {
        switch self {
        case .used, .partly, .differently: true
        case .notYet, .none: false
        }
    }

    /// Whether somebody who does not know might come to harm.
    var isMisleading: Bool {
        if case .differently = self { true } else { false }
    }

    var isReported: Bool {
        switch self {
        case .used: false
        case .partly, .differently, .notYet, .none: true
        }
    }
}

/// Whether a scalar is of a type, as pykwalify judges.
private struct ScalarRule {
    private let type: ValueType
    init(_ type: ValueType) { self.type = type }

    func finding(_ node: SyntaxNode, key: String) -> Diagnostic? {
        switch (type, node.content) {
        case (.string, .string), (.bool, .bool), (.text, .string), (.text, .integer), (.text, .bigInteger),
            (.text, .float), (.wideInteger, .integer), (.scalar, .string), (.scalar, .integer),
            (.scalar, .bigInteger), (.scalar, .float), (.scalar, .bool), (.scalar, .date):
            nil
        case (.wideInteger, .bigInteger(let digits)):
            digits.utf8.count > SpecLimits.seedDigits ? .numberTooLarge(node, key: key) : nil
        case (.integer(let range), .integer(let number)):
            range?.contains(number) ?? true ? nil : .outOfRange(node, key: key, Self.words(range))
        case (.integer(let range), .bigInteger(let digits)):
            // Below the range is the validator's error; beyond what we can calculate with is ours.
            range != nil && digits.hasPrefix("-")
                ? .outOfRange(node, key: key, Self.words(range)) : .numberTooLarge(node, key: key)
        case (.float(let range), .integer(let number)): floatFinding(Double(number), range, node, key)
        case (.float(let range), .float(let number)): floatFinding(number, range, node, key)
        case (.float(let range), .bigInteger(let digits)):
            floatFinding(Double(digits) ?? .infinity, range, node, key)
        case (.float, .string(let text)):
            PythonNumber.float(text) == nil ? .wrongType(node, key: key, expected: "a number") : nil
        case (.word(let words), .string(let text)):
            words.contains(text) ? nil : .unknownWord(node, key: key, words)
        default: .wrongType(node, key: key, expected: type.words)
        }
    }

    private func floatFinding(
        _ number: Double, _ range: ClosedRange<Double>?, _ node: SyntaxNode, _ key: String
    ) -> Diagnostic? {
        // Every comparison with NaN is false, in Python too: it passes.
        guard let range, number < range.lowerBound || number > range.upperBound else { return nil }
        return .outOfRange(node, key: key, "\(Int(range.lowerBound)) to \(Int(range.upperBound))")
    }

    private static func words(_ range: ClosedRange<Int>?) -> String {
        guard let range else { return "any integer" }
        return range.upperBound == Int.max
            ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
}

extension ValueType {
    /// The type in the words of messages and pages.
    package var words: String {
        switch self {
        case .string: "text"
        case .integer, .wideInteger: "an integer"
        case .float: "a number"
        case .bool: "`true` or `false`"
        case .text: "text or a number"
        case .scalar: "text, a number, `true` or `false`"
        case .word: "one of a few words"
        case .list: "a list"
        case .listOrOne(let type): type.words + ", or a list"
        case .mapping: "a mapping"
        case .json: "any value"
        }
    }
}
