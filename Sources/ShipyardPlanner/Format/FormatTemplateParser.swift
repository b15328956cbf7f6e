/// Parses `str.format` templates. One value serves one template with all its nested specifications, because
/// automatic numbering counts through both.
struct FormatTemplateParser {
    private enum Numbering { case undecided, automatic, manual }

    private var numbering = Numbering.undecided
    private var nextPosition = 0

    private typealias Scalars = ArraySlice<Unicode.Scalar>

    /// Parses `text`; `depth` is how many levels of nesting are still allowed, this one included.
    mutating func parse(_ text: ArraySlice<Unicode.Scalar>, depth: Int) -> [FormatTemplate.Segment] {
        guard depth > 0 else {
            return [.failure(PythonError(.valueError, "Max string recursion exceeded"))]
        }
        var segments: [FormatTemplate.Segment] = []
        var rest = text
        var literal: [UInt8] = []
        do throws(PythonError) {
            while let scalar = rest.popFirst() {
                guard scalar == "{" || scalar == "}" else {
                    literal.append(contentsOf: UTF8.encode(scalar) ?? .init())
                    continue
                }
                if rest.first == scalar {
                    literal.append(UInt8(scalar.value))
                    rest = rest.dropFirst()
                    continue
                }
                if scalar == "}" || rest.isEmpty {
                    // What stands in the same stretch of text is not printed before the error, but the
                    // caller drops the output of a failed command anyway.
                    throw PythonError(.valueError, "Single '\(scalar)' encountered in format string")
                }
                if !literal.isEmpty { segments.append(.literal(literal)) }
                literal = []
                segments.append(.field(try parseField(&rest, depth: depth)))
            }
            if !literal.isEmpty { segments.append(.literal(literal)) }
        } catch {
            segments.append(.failure(error))
        }
        return segments
    }

    /// `rest` stands behind the opening brace and is left behind the closing one.
    private mutating func parseField(
        _ rest: inout Scalars, depth: Int
    ) throws(PythonError) -> FormatTemplate.Field {
        let (name, terminator) = try takeName(&rest)
        var conversion: Unicode.Scalar?
        var specification: Scalars = rest.prefix(0)
        switch terminator {
        case "}": break
        case "!":
            guard let letter = rest.popFirst() else {
                throw PythonError(.valueError, "end of string while looking for conversion specifier")
            }
            conversion = letter
            if let next = rest.popFirst() {
                if next == "}" { break }
                guard next == ":" else {
                    throw PythonError(.valueError, "expected ':' after conversion specifier")
                }
            }
            specification = try takeSpecification(&rest)
        case ":": specification = try takeSpecification(&rest)
        default: throw PythonError(.valueError, "expected '}' before end of string")
        }
        let (source, steps) = try split(name)
        return FormatTemplate.Field(
            source: source, steps: steps, conversion: Self.conversion(conversion),
            specification: specification.contains("{")
                ? .nested(parse(specification, depth: depth - 1)) : .literal(specification))
    }

    private func takeName(_ rest: inout Scalars) throws(PythonError) -> (Scalars, Unicode.Scalar?) {
        let whole = rest
        while let scalar = rest.popFirst() {
            switch scalar {
            case "{": throw PythonError(.valueError, "unexpected '{' in field name")
            case "[": rest = rest.drop { $0 != "]" }
            case "}", ":", "!":
                return (whole[..<rest.startIndex].dropLast(), scalar)
            default: break
            }
        }
        return (rest, nil)
    }

    private func takeSpecification(_ rest: inout Scalars) throws(PythonError) -> Scalars {
        let whole = rest
        var open = 1
        while let scalar = rest.popFirst() {
            if scalar == "{" { open += 1 }
            if scalar == "}" {
                open -= 1
                if open == 0 { return whole[..<rest.startIndex].dropLast() }
            }
        }
        throw PythonError(.valueError, "unmatched '{' in format spec")
    }

    private static func conversion(_ letter: Unicode.Scalar?) -> FormatTemplate.Field.Conversion {
        switch letter {
        case nil: return .none
        case "s": return .str
        case "r": return .repr
        case "a": return .ascii
        case .some(let other):
            let name =
                (33..<127).contains(other.value) ? String(other) : "\\x" + String(other.value, radix: 16)
            return .failure(PythonError(.valueError, "Unknown conversion specifier \(name)"))
        }
    }

    // MARK: - Names

    private mutating func split(
        _ name: Scalars
    ) throws(PythonError) -> (FormatTemplate.Field.Source, [FormatTemplate.Field.Step]) {
        let first = name.prefix { $0 != "." && $0 != "[" }
        let steps = Self.steps(name.dropFirst(first.count))
        let isNumber = !first.isEmpty && first.allSatisfy { decimalDigit($0) != nil }
        guard first.isEmpty || isNumber else {
            return (.keyword(String(String.UnicodeScalarView(first))), steps)
        }
        // Python reads the number before it minds the way of numbering.
        let number = isNumber ? try decimalNumber(first) : nil
        if numbering == .undecided { numbering = first.isEmpty ? .automatic : .manual }
        if numbering == .manual, first.isEmpty {
            throw PythonError(
                .valueError, "cannot switch from manual field specification to automatic field numbering")
        }
        if numbering == .automatic, isNumber {
            throw PythonError(
                .valueError, "cannot switch from automatic field numbering to manual field specification")
        }
        if let number { return (.position(number), steps) }
        defer { nextPosition += 1 }
        return (.position(nextPosition), steps)
    }

    /// Steps end at the first that is malformed: Python follows those before it first.
    private static func steps(_ text: Scalars) -> [FormatTemplate.Field.Step] {
        var steps: [FormatTemplate.Field.Step] = []
        var rest = text
        do throws(PythonError) {
            while let opening = rest.popFirst() {
                steps.append(try step(opening, &rest))
            }
        } catch {
            steps.append(.failure(error))
        }
        return steps
    }

    private static func step(
        _ opening: Unicode.Scalar, _ rest: inout Scalars
    ) throws(PythonError) -> FormatTemplate.Field.Step {
        let empty = PythonError(.valueError, "Empty attribute in format string")
        switch opening {
        case ".":
            let name = rest.prefix { $0 != "." && $0 != "[" }
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty else { throw empty }
            return .attribute(String(String.UnicodeScalarView(name)))
        case "[":
            let name = rest.prefix { $0 != "]" }
            rest = rest.dropFirst(name.count)
            guard rest.popFirst() != nil else {
                throw PythonError(.valueError, "Missing ']' in format string")
            }
            guard !name.isEmpty else { throw empty }
            if name.allSatisfy({ decimalDigit($0) != nil }) { return .index(try decimalNumber(name)) }
            return .key(String(String.UnicodeScalarView(name)))
        default:
            throw PythonError(.valueError, "Only '.' or '[' may follow ']' in format field specifier")
        }
    }
}
