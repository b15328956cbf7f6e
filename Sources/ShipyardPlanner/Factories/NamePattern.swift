/// A shell-style pattern of Python's `fnmatch`, case-sensitive as on Linux. `*` crosses `/`.
package struct NamePattern: Sendable {
    private enum Element: Sendable {
        case anyText
        case anyCharacter
        case character(Unicode.Scalar)
        case set(CharacterSet)
    }

    private struct CharacterSet: Sendable {
        var isNegated = false
        var ranges: [ClosedRange<Unicode.Scalar>] = []
    }

    private var elements: [Element] = []

    package init(_ pattern: String) {
        var rest = Array(pattern.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*": elements.append(.anyText)
            case "?": elements.append(.anyCharacter)
            case "[": elements.append(Self.takeSet(&rest).map(Element.set) ?? .character("["))
            default: elements.append(.character(scalar))
            }
        }
    }

    /// What stands up to the closing bracket; nil, taking nothing, where there is none.
    private static func takeSet(_ rest: inout ArraySlice<Unicode.Scalar>) -> CharacterSet? {
        // A bracket that stands first, or first after `!`, is an ordinary member.
        let skipped = rest.first == "!" ? 1 : 0
        let leading = rest.dropFirst(skipped).first == "]" ? skipped + 1 : skipped
        guard let end = rest.dropFirst(leading).firstIndex(of: "]") else { return nil }
        let content = rest[..<end]
        rest = rest[(end + 1)...]

        var set = CharacterSet()
        set.isNegated = content.first == "!"
        addMembers(content.dropFirst(set.isNegated ? 1 : 0), to: &set)
        return set
    }

    private static func addMembers(_ members: ArraySlice<Unicode.Scalar>, to set: inout CharacterSet) {
        var rest = members
        while let lower = rest.popFirst() {
            // A hyphen at the very end is an ordinary member; a range that runs backwards has none.
            if rest.first == "-", let upper = rest.dropFirst().first {
                if lower <= upper { set.ranges.append(lower...upper) }
                rest = rest.dropFirst(2)
            } else {
                set.ranges.append(lower...lower)
            }
        }
    }

    package func matches(_ name: String) -> Bool { matches(Array(name.unicodeScalars)) }

    /// After a mismatch only the last `*` needs to take one character more, so time is at worst the product
    /// of both lengths.
    func matches(_ name: [Unicode.Scalar]) -> Bool {
        var element = 0
        var position = 0
        var retry: (element: Int, position: Int)?
        while position < name.count {
            if element < elements.count, case .anyText = elements[element] {
                retry = (element, position)
                element += 1
            } else if element < elements.count, Self.accepts(elements[element], name[position]) {
                element += 1
                position += 1
            } else if let last = retry {
                element = last.element + 1
                position = last.position + 1
                retry = (last.element, position)
            } else {
                return false
            }
        }
        return elements[element...].allSatisfy { if case .anyText = $0 { true } else { false } }
    }

    private static func accepts(_ element: Element, _ scalar: Unicode.Scalar) -> Bool {
        switch element {
        case .anyText, .anyCharacter: true
        case .character(let expected): scalar == expected
        case .set(let set): set.ranges.contains { $0.contains(scalar) } != set.isNegated
        }
    }
}

/// The `include` and `exclude` lists of a transfer or a factory.
package struct NameFilter: Sendable {
    private let include: [NamePattern]
    private let exclude: [NamePattern]

    /// An empty list is the same as none.
    package init(include: [String], exclude: [String]) {
        self.include = include.map(NamePattern.init)
        self.exclude = exclude.map(NamePattern.init)
    }

    package func keeps(_ name: String) -> Bool {
        let scalars = Array(name.unicodeScalars)
        return (include.isEmpty || include.contains { $0.matches(scalars) })
            && !exclude.contains { $0.matches(scalars) }
    }
}
