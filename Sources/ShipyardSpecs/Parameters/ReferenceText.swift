import ShipyardModel

/// A `@{…}` in a text of a spec.
struct Reference: Hashable {
    /// Of the whole, in bytes of the text.
    var range: Range<Int>
    /// `parameters.x`
    var name: String
    /// What is behind the colon: `%Y-%m-%d`, `raw`.
    var suffix: String?
    /// Nil where no `}` follows, or something stands in the name that cannot.
    var isWellFormed: Bool

    var root: String { String(name.prefix { $0 != "." }) }
    var member: String? {
        name.firstIndex(of: ".").map { String(name[name.index(after: $0)...]) }
    }
}

/// Finds the references of a text.
///
/// In a job that declares parameters every `@{` is one. Others may come from Batch Shipyard, which knows none: there
/// `git show HEAD@{1}` and Perl's `@{$list}` stay what they are, and only what begins with the name of something that
/// can be referred to (`@{schedule.`), or with nearly such a name, is a reference.
struct ReferenceText {
    enum Piece: Hashable {
        case text(Range<Int>)
        /// `@@{`, which stands for `@{`.
        case escape(Range<Int>)
        case reference(Reference)
    }

    let bytes: [UInt8]
    private let isStrict: Bool

    init(_ text: String, isStrict: Bool) {
        bytes = Array(text.utf8)
        self.isStrict = isStrict
    }

    static func mayHold(_ text: String) -> Bool {
        var isAfterAt = false
        for byte in text.utf8 {
            if isAfterAt, byte == UInt8(ascii: "{") { return true }
            isAfterAt = byte == UInt8(ascii: "@")
        }
        return false
    }

    func pieces() -> [Piece] {
        var pieces: [Piece] = []
        var (start, index) = (0, 0)
        func take(_ piece: Piece, _ range: Range<Int>) {
            if start < range.lowerBound { pieces.append(.text(start..<range.lowerBound)) }
            pieces.append(piece)
            (start, index) = (range.upperBound, range.upperBound)
        }
        while index < bytes.count {
            if isEscape(index) {
                take(.escape(index..<index + 3), index..<index + 3)
            } else if begins(index), let reference = reference(at: index) {
                take(.reference(reference), reference.range)
            } else {
                index += 1
            }
        }
        if start < bytes.count { pieces.append(.text(start..<bytes.count)) }
        return pieces
    }

    /// Where each `@{` stands: by its number a reference of a text is found again in the file.
    static func openings(in bytes: [UInt8], _ range: Range<Int>) -> [Int] {
        range.dropLast().filter { bytes[$0] == UInt8(ascii: "@") && bytes[$0 + 1] == UInt8(ascii: "{") }
    }

    private func begins(_ index: Int) -> Bool {
        index + 1 < bytes.count && bytes[index] == UInt8(ascii: "@") && bytes[index + 1] == UInt8(ascii: "{")
    }

    private func isEscape(_ index: Int) -> Bool {
        bytes[index] == UInt8(ascii: "@") && begins(index + 1) && name(at: index + 1) != nil
    }

    /// What is named behind an `@{`, and where it ends; nil where the text means something else.
    private func name(at lower: Int) -> (text: String, end: Int)? {
        var end = lower + 2
        while end < bytes.count, Self.isNameByte(bytes[end]) { end += 1 }
        if bytes[lower + 2..<end].starts(with: Self.lateRoot) {
            while end < bytes.count, Self.isNameByte(bytes[end]) || Self.isBracket(bytes[end]) { end += 1 }
        }
        let name = String(decoding: bytes[lower + 2..<end], as: UTF8.self)
        return isStrict || Self.isMeant(name) ? (name, end) : nil
    }

    /// Nil where the text means something else.
    private func reference(at lower: Int) -> Reference? {
        guard let (name, end) = name(at: lower) else { return nil }
        var index = end
        var reference = Reference(range: lower..<index, name: name, isWellFormed: false)
        guard index < bytes.count else { return reference }
        if bytes[index] == UInt8(ascii: ":") {
            let suffix = index + 1
            while index < bytes.count, ![0, 0x0A, UInt8(ascii: "}")].contains(bytes[index]) { index += 1 }
            reference.suffix = String(decoding: bytes[suffix..<index], as: UTF8.self)
        }
        guard index < bytes.count, bytes[index] == UInt8(ascii: "}"), !name.isEmpty else { return reference }
        reference.range = lower..<index + 1
        reference.isWellFormed = true
        return reference
    }

    /// Whether a name in braces can only be meant for us.
    private static func isMeant(_ name: String) -> Bool {
        guard let dot = name.firstIndex(of: ".") else { return false }
        let root = String(name[..<dot])
        return ReferenceRoot(rawValue: root) != nil
            || closestRoot(to: root) != nil
    }

    private static let lateRoot = Array("\(LateReference.root).".utf8)

    private static func isBracket(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
