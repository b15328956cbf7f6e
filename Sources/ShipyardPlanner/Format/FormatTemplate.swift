/// A `str.format` template, parsed once and then filled in as often as a factory has tasks.
///
/// Python parses while it prints, so an error late in the text only shows once everything before it has
/// printed well. A template therefore always compiles, and keeps the error as its last segment.
package struct FormatTemplate: Sendable {
    enum Segment: Sendable {
        case literal([UInt8])
        case field(Field)
        case failure(PythonError)
    }

    struct Field: Sendable {
        enum Source: Sendable {
            case position(Int)
            case keyword(String)
        }
        enum Step: Sendable {
            case attribute(String)
            case index(Int)
            case key(String)
            case failure(PythonError)
        }
        enum Conversion: Sendable {
            case none, str, repr, ascii
            case failure(PythonError)
        }
        enum Specification: Sendable {
            case literal(ArraySlice<Unicode.Scalar>)
            case nested([Segment])
        }
        var source: Source
        var steps: [Step]
        var conversion: Conversion
        var specification: Specification

        /// Whether the field is no more than `{}` or `{0}`.
        var plainPosition: Int? {
            guard case .position(let position) = source, steps.isEmpty, case .none = conversion,
                case .literal(let text) = specification, text.isEmpty
            else { return nil }
            return position
        }
    }

    /// The form that most commands have: text and plain positions, told apart without a look at `Field`.
    enum PlainSegment: Sendable {
        case literal([UInt8])
        case position(Int)
    }

    let segments: [Segment]
    let plain: [PlainSegment]?

    package init(_ text: String) {
        var parser = FormatTemplateParser()
        segments = parser.parse(Array(text.unicodeScalars)[...], depth: 2)
        plain = Self.plainForm(of: segments)
    }

    private static func plainForm(of segments: [Segment]) -> [PlainSegment]? {
        var plain: [PlainSegment] = []
        for segment in segments {
            switch segment {
            case .literal(let bytes): plain.append(.literal(bytes))
            case .failure: return nil
            case .field(let field):
                guard let position = field.plainPosition else { return nil }
                plain.append(.position(position))
            }
        }
        return plain
    }

    /// The arguments of one `format` call.
    package struct Arguments {
        package var positions: [PythonValue]
        package var keywords: [(name: String, value: PythonValue)]

        package init(_ positions: [PythonValue] = [], keywords: [(name: String, value: PythonValue)] = []) {
            self.positions = positions
            self.keywords = keywords
        }
    }

    /// Appends the filled-in text to `output`; on an error `output` holds what was printed before it.
    package func append(_ arguments: borrowing Arguments, to output: inout [UInt8]) throws(PythonError) {
        guard let plain else { return try Self.render(segments, arguments, to: &output) }
        for segment in plain {
            switch segment {
            case .literal(let bytes): output.append(contentsOf: bytes)
            case .position(let position):
                guard position < arguments.positions.count else { throw Self.outOfRange(position) }
                arguments.positions[position].appendText(to: &output)
            }
        }
    }

    /// The filled-in text.
    package func text(_ arguments: borrowing Arguments) throws(PythonError) -> String {
        var output: [UInt8] = []
        try append(arguments, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    static func outOfRange(_ position: Int) -> PythonError {
        PythonError(.indexError, "Replacement index \(position) out of range for positional args tuple")
    }
}
