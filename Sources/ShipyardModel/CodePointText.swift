/// Text that is equal to other text where all code points are.
///
/// Swift's `String` compares what people see: `é` in one character and in two are equal to it, and so is K to the sign
/// for kelvin. To Linux, SQLite, Python and Batch Shipyard they are different names; so whatever tells names of users apart
/// does it with this.
package struct CodePointText: Hashable, Sendable, Comparable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (left: CodePointText, right: CodePointText) -> Bool {
        left.text.hasSameCodePoints(as: right.text)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(codePointsOf: text) }

    package static func < (left: CodePointText, right: CodePointText) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}

extension String {
    package func hasSameCodePoints(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}

extension Hasher {
    /// Text by its code points, which `combine` would take for what they look like.
    package mutating func combine(codePointsOf text: String) {
        var text = text
        text.withUTF8 { combine(bytes: UnsafeRawBufferPointer($0)) }
        combine(0xFF as UInt8)
    }
}
