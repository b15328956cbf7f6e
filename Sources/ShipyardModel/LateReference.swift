/// A reference to what another task of the job leaves as its output: `tasks.convert.output.files[0].name`. It has a value
/// only when that task is done, so it stays in the plan and is replaced when its own task is sent to a node.
package struct LateReference: Hashable, Sendable, CustomStringConvertible {
    package enum Step: Hashable, Sendable {
        case member(String)
        case item(Int)
    }

    /// What stands before the first dot.
    package static let root = "tasks"

    package let task: String
    package let path: [Step]
    /// As it stands between the braces.
    package let description: String

    /// Nil unless `name` is `tasks.ID.output`, perhaps with members and indexes behind it.
    package init?(_ name: some StringProtocol) {
        let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == Self.root, !parts[1].isEmpty, parts[1].utf8.allSatisfy(isIDByte),
            parts[2].hasPrefix("output"), let path = Self.steps(String(parts[2].dropFirst("output".count)))
        else { return nil }
        task = String(parts[1])
        self.path = path
        description = String(name)
    }

    private static func steps(_ text: String) -> [Step]? {
        var steps: [Step] = []
        var rest = text.utf8[...]
        while let first = rest.popFirst() {
            switch first {
            case UInt8(ascii: "."):
                let name = rest.prefix(while: isIDByte)
                guard !name.isEmpty else { return nil }
                steps.append(.member(String(name) ?? ""))
                rest = rest.dropFirst(name.count)
            case UInt8(ascii: "["):
                let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                rest = rest.dropFirst(digits.count)
                guard rest.popFirst() == UInt8(ascii: "]"), let index = String(digits).flatMap({ Int($0) })
                else { return nil }
                steps.append(.item(index))
            default: return nil
            }
        }
        return steps
    }

    /// `files[0].name`; empty for the whole output.
    package var pathText: String { Self.text(of: path) }

    package static func text(of path: some Collection<Step>) -> String {
        var text = ""
        for step in path {
            switch step {
            case .member(let name): text += text.isEmpty ? name : ".\(name)"
            case .item(let index): text += "[\(index)]"
            }
        }
        return text
    }
}

/// A text with late references in it. Each stands between two U+0000, which no text of a spec, no parameter and no value
/// of a factory that could run has: so whatever else is put into the text, it makes no reference.
package enum LateText {
    package enum Piece: Hashable, Sendable {
        case text(Substring)
        case reference(LateReference)
    }

    package static func isLate(_ text: String) -> Bool { text.utf8.contains(0) }

    package static func marked(_ reference: LateReference) -> String { "\0@{\(reference)}\0" }

    /// Nil where the text is damaged. Braces may be doubled, as in a command that a factory fills in.
    package static func pieces(_ text: String) -> [Piece]? {
        let parts = text.split(separator: "\0", omittingEmptySubsequences: false)
        guard parts.count % 2 == 1 else { return nil }
        var pieces: [Piece] = []
        for (position, part) in parts.enumerated() {
            if position % 2 == 0 {
                if !part.isEmpty { pieces.append(.text(part)) }
            } else {
                let name = part.drop { $0 == "@" || $0 == "{" }.prefix { $0 != "}" }
                guard let reference = LateReference(name) else { return nil }
                pieces.append(.reference(reference))
            }
        }
        return pieces
    }

    package static func references(in text: String) -> [LateReference] {
        guard isLate(text) else { return [] }
        return (pieces(text) ?? []).compactMap {
            if case .reference(let reference) = $0 { reference } else { nil }
        }
    }

    /// For people: as it was written.
    package static func shown(_ text: String) -> String {
        isLate(text) ? String(decoding: text.utf8.filter { $0 != 0 }, as: UTF8.self) : text
    }
}
