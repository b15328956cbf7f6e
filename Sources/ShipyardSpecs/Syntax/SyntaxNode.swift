import ShipyardDiagnostics
import ShipyardModel

/// One value of a spec file and where it stands.
///
/// Nodes are shared, never copied: every alias of an anchor is the same node, so a tree takes no more memory
/// than the file it came from. A class for that reason, and immutable.
package final class SyntaxNode: Sendable {
    package enum Content: Sendable {
        case null
        case bool(Bool)
        case integer(Int)
        /// An integer beyond `Int`, as its decimal digits.
        case bigInteger(String)
        case float(Double)
        case string(String)
        /// An unquoted date or date-time, which no key of a spec accepts.
        case date(String)
        case sequence([SyntaxNode])
        case mapping([SyntaxEntry])
    }

    package let content: Content
    /// A late reference is in it, or in something below it: `LateText`. Behind the content, where it takes no room.
    package let isLate: Bool
    // 32 bits each, as far as a spec file may reach: a tree of a million nodes is as small as it can be.
    private let start: UInt32
    private let end: UInt32
    package let source: SourceText

    package var lower: Int { Int(start) }
    package var upper: Int { Int(end) }

    package init(
        _ content: Content, in source: SourceText, _ lower: Int, _ upper: Int, isLate: Bool = false
    ) {
        self.content = content
        self.isLate = isLate
        self.source = source
        start = UInt32(clamping: lower)
        end = UInt32(clamping: upper)
    }

    package var range: SourceRange { SourceRange(source, lower, upper) }

    /// Whether it is a secret or a part of one, as the validator has found.
    package var isHidden: Bool { source.hides(lower..<upper) }
}

/// A key and its value in the order of the file. Keys brought in by `<<` come after the mapping's own.
package struct SyntaxEntry: Sendable {
    package var key: SyntaxNode
    package var value: SyntaxNode

    package init(key: SyntaxNode, value: SyntaxNode) {
        self.key = key
        self.value = value
    }
}

extension SyntaxNode {
    package var isNull: Bool {
        if case .null = content { true } else { false }
    }

    package var string: String? {
        if case .string(let text) = content { text } else { nil }
    }

    package var entries: [SyntaxEntry]? {
        if case .mapping(let entries) = content { entries } else { nil }
    }

    package var elements: [SyntaxNode]? {
        if case .sequence(let elements) = content { elements } else { nil }
    }

    /// The value of a key, by linear search: mappings of specs are small.
    package subscript(key: String) -> SyntaxNode? {
        guard case .mapping(let entries) = content else { return nil }
        for entry in entries {
            if case .string(let text) = entry.key.content, text == key { return entry.value }
        }
        return nil
    }

    /// What the value is, in the words of messages.
    package var kindName: String {
        switch content {
        case .null: "nothing"
        case .bool: "a boolean"
        case .integer, .bigInteger: "an integer"
        case .float: "a number with a fraction"
        case .string: "text"
        case .date: "a date"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

extension SyntaxNode.Content {
    /// Whether two keys of a mapping are the same key: by value, and `1` is not `"1"`.
    func isSameKey(as other: SyntaxNode.Content) -> Bool {
        switch (self, other) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.bigInteger(let left), .bigInteger(let right)): left == right
        case (.float(let left), .float(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameCodePoints(as: right)
        case (.date(let left), .date(let right)): left == right
        default: false
        }
    }
}
