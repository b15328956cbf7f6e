import ShipyardDiagnostics
import ShipyardModel

/// One parameter that a job declares.
package struct ParameterSpec: Sendable {
    package enum Kind: String, Sendable, CaseIterable { case string, int, float, bool, date }

    package var name: String
    /// Where it is declared.
    package var range: SourceRange
    package var kind = Kind.string
    /// As the spec has it, whether it fits or not.
    package var defaultText: String?
    package var isRequired = false
    package var choices: [String] = []
    package var minimum: Double?
    package var maximum: Double?

    /// The variable that tasks see it in.
    package var variable: String { "SHIPYARD_PARAM_" + name.uppercased() }

    /// All that a job declares, in the order of the file. Takes what can be made out of a file that no validator
    /// has seen yet: references are replaced before the file is checked.
    package static func declared(in job: SyntaxNode) -> [ParameterSpec] {
        (job["parameters"]?.entries ?? []).compactMap { entry in
            guard let name = entry.key.string, KeyPattern.parameterName.matches(name) else { return nil }
            return ParameterSpec(name, at: entry.key.range, entry.value)
        }
    }

    private init(_ name: String, at range: SourceRange, _ node: SyntaxNode) {
        self.name = name
        self.range = range
        kind = node["type"]?.string.flatMap(Kind.init) ?? .string
        defaultText = node["default"]?.parameterText
        choices = (node["choices"]?.elements ?? []).compactMap(\.parameterText)
        minimum = node["minimum"]?.number
        maximum = node["maximum"]?.number
        if case .bool(let flag)? = node["required"]?.content {
            isRequired = flag
        } else {
            isRequired = defaultText == nil
        }
    }
}

extension ParameterSpec {
    /// Why a value is refused.
    package enum Problem: Error, Hashable {
        case notOfType, notAChoice, tooSmall, tooLarge, forbiddenCharacter
    }

    /// The value in the one form that it is used in: `007` is the integer `7`.
    package func value(_ text: String) throws(Problem) -> String {
        guard let value = canonical(text) else {
            throw kind == .string ? .forbiddenCharacter : .notOfType
        }
        let known = choices.map { canonical($0) ?? $0 }
        guard known.isEmpty || known.contains(value) else { throw .notAChoice }
        if kind == .int || kind == .float, let number = Double(value) {
            if let minimum, number < minimum { throw .tooSmall }
            if let maximum, number > maximum { throw .tooLarge }
        }
        return value
    }

    /// The type alone, for what the choices themselves must keep.
    var withoutLimits: ParameterSpec {
        var spec = self
        (spec.choices, spec.minimum, spec.maximum) = ([], nil, nil)
        return spec
    }

    /// A value that fits, for files that are only checked.
    package var sample: String {
        if let defaultText, let value = try? value(defaultText) { return value }
        if let choice = choices.first.flatMap(canonical) { return choice }
        return switch kind {
        case .string: "value"
        // An integer within both bounds, as long as there is one.
        case .int: String(Int(max(min(1, maximum ?? 1), minimum ?? 1, -9e15)))
        case .float: String(max(min(1, maximum ?? 1), minimum ?? 1))
        case .bool: "true"
        case .date: "2030-01-02"
        }
    }

    private func canonical(_ text: String) -> String? {
        switch kind {
        case .string: text.utf8.contains(0) ? nil : text
        case .int: integer(text)
        case .float: float(text)
        case .bool: text == "true" || text == "false" ? text : nil
        case .date: ParameterDate.day(text) == nil ? nil : text
        }
    }

    private func integer(_ text: String) -> String? {
        let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy(isDigit) else { return nil }
        return Int(text).map { String($0) }
    }

    /// Digits with a point and an exponent; what is no number (`nan`, `inf`) is none. Kept as it is written.
    private func float(_ text: String) -> String? {
        guard text.utf8.allSatisfy({ isDigit($0) || "+-.eE".utf8.contains($0) }), let number = Double(text),
            number.isFinite
        else { return nil }
        return text
    }

    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

/// The value of a parameter of type `date`: a day, as `2030-01-02`.
enum ParameterDate {
    static func day(_ text: String) -> CivilDate? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count == 10, parts.map(\.utf8.count) == [4, 2, 2],
            parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let year = Int64(parts[0]), let month = Int64(parts[1]), let day = Int64(parts[2])
        else { return nil }
        return CivilDate(year: year, month: month, day: day)
    }
}

extension SyntaxNode {
    /// The text of a scalar as somebody would give it on a command line; nil for all else. A number keeps its spelling,
    /// so that a version `1.10` does not become `1.1`.
    package var parameterText: String? {
        switch content {
        case .string(let text), .date(let text): return text
        case .bool(let value): return value ? "true" : "false"
        case .integer, .bigInteger, .float:
            let written = range.text
            return Double(written) == nil ? PythonText.of(content) : written
        case .null, .sequence, .mapping: return nil
        }
    }

    fileprivate var number: Double? {
        switch content {
        case .integer(let value): Double(value)
        case .float(let value): value
        default: nil
        }
    }
}
