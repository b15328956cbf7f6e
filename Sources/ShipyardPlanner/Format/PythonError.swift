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
