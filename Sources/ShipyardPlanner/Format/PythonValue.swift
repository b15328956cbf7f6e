/// One argument of a command's `str.format`. Sweeps give `int` and `str`, random factories `int` and `float`; the
/// rest can only come out of a `custom` generator or out of an attribute such as `{0.__class__}`.
package enum PythonValue: Hashable, Sendable {
    case int(Int)
    case bigInt(BigInteger)
    case float(Double)
    case str(String)
    case bool(Bool)
    case none
    /// A built-in type by its name.
    case type(String)
    /// Anything else: it can be printed, and that is all.
    case object(PythonObject)

    /// The name in Python's messages.
    package var typeName: String {
        switch self {
        case .int, .bigInt: "int"
        case .float: "float"
        case .str: "str"
        case .bool: "bool"
        case .none: "NoneType"
        case .type: "type"
        case .object(let object): object.typeName
        }
    }
}

/// A Python object that only its own process understands, as it prints itself.
package final class PythonObject: Hashable, Sendable {
    package let typeName: String
    /// `str(object)`
    package let text: String
    /// `repr(object)`
    package let representation: String
    /// What a format specification formats: the number or text that an object of a subclass is. Nil where it takes none.
    package let base: PythonValue?

    package init(typeName: String, text: String, representation: String, base: PythonValue? = nil) {
        self.typeName = typeName
        self.text = text
        self.representation = representation
        self.base = base
    }

    package static func == (left: PythonObject, right: PythonObject) -> Bool {
        left.typeName == right.typeName && left.text == right.text
            && left.representation == right.representation && left.base == right.base
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(representation) }
}

/// What Python would have raised: users of Batch Shipyard know these words, so they are kept.
package struct PythonError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        case valueError = "ValueError"
        case keyError = "KeyError"
        case indexError = "IndexError"
        case typeError = "TypeError"
        case attributeError = "AttributeError"
        case overflowError = "OverflowError"
        case zeroDivisionError = "ZeroDivisionError"
    }

    package var kind: Kind
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { "\(kind.rawValue): \(message)" }
}
