/// A text in which variables are replaced as bash does it between double quotes: `$NAME` and `${NAME}`, a backslash before
/// `$`, `"`, `` ` `` and itself. Batch Shipyard hands paths of transfers to bash; what could run something, or means
/// anything more than a variable's value, is refused here. `~` stands for itself, as there.
package struct ShellText: Hashable, Sendable {
    private enum Part: Hashable, Sendable {
        case text([UInt8])
        case variable(String)
    }

    package struct Problem: Error, Hashable, Sendable {
        package var message: String
    }

    private var parts: [Part] = []

    package init(_ text: String) throws(Problem) {
        var literal: [UInt8] = []
        var rest = Array(text.utf8)[...]
        func flush(_ parts: inout [Part]) {
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = []
        }
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\\"):
                guard let next = rest.first, Self.escapable.contains(next) else {
                    literal.append(byte)
                    continue
                }
                literal.append(rest.removeFirst())
            case UInt8(ascii: "`"):
                throw Problem(message: "it would run a command")
            case UInt8(ascii: "$"):
                guard let name = try Self.takeVariable(&rest) else {
                    literal.append(byte)
                    continue
                }
                flush(&parts)
                parts.append(.variable(name))
            default: literal.append(byte)
            }
        }
        flush(&parts)
    }

    /// A text that stands for this one.
    package static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: escapable.contains) else { return text }
        return text.reduce(into: "") { quoted, character in
            if let byte = character.asciiValue, escapable.contains(byte) { quoted.append("\\") }
            quoted.append(character)
        }
    }

    private static let escapable = Set("$`\"\\".utf8)

    /// Nil, taking nothing, where the dollar sign stands for itself.
    private static func takeVariable(_ rest: inout ArraySlice<UInt8>) throws(Problem) -> String? {
        guard let first = rest.first else { return nil }
        if first == UInt8(ascii: "(") { throw Problem(message: "it would run a command") }
        if first == UInt8(ascii: "{") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else {
                throw Problem(message: "`${` has no end")
            }
            let name = rest[(rest.startIndex + 1)..<end]
            guard let start = name.first, isStart(start), name.allSatisfy(isMember) else {
                throw Problem(message: "`${…}` holds more than the name of a variable")
            }
            rest = rest[(end + 1)...]
            return String(decoding: name, as: UTF8.self)
        }
        guard isStart(first) else {
            if isMember(first) || "@*#?-$!".utf8.contains(first) {
                throw Problem(message: "`$\(Character(Unicode.Scalar(first)))` is no variable of the task")
            }
            return nil
        }
        let name = rest.prefix(while: isMember)
        rest = rest.dropFirst(name.count)
        return String(decoding: name, as: UTF8.self)
    }

    private static func isStart(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isMember(_ byte: UInt8) -> Bool { isStart(byte) || (0x30...0x39).contains(byte) }

    /// One that is not set is empty, as in bash.
    package func expanded(_ value: (String) -> [UInt8]?) -> BytePath {
        BytePath(
            bytes: parts.flatMap { part in
                switch part {
                case .text(let bytes): bytes
                case .variable(let name): value(name) ?? []
                }
            })
    }
}
