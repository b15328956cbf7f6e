/// How a value must be written at one place of a command.
enum ShellPlace: Hashable {
    /// In these quotes, the innermost first.
    case quoted([Quotes])
    /// In a comment, where nothing is replaced: a line end in a value would end it.
    case comment
    case refused(Reason)

    enum Quotes: Hashable {
        /// Outside of quotes: quotes of its own.
        case none
        case single
        case double
        /// In double quotes behind `$name`, which the value's first letters would make longer.
        case doubleAfterName
    }

    enum Reason: Hashable {
        case afterBackslash, afterDollar
        /// `${x:-…}`, `$((…))`, backquotes, `$'…'`: quotes mean there what each shell makes of them.
        case expansion(String)
        case hereDocument, caseInSubstitution, openQuote
        /// A text that another program runs as code, after the shell has taken the quotes away.
        case code(of: String)

        /// Whether digits and letters mean the same there as anywhere.
        var takesPlainValues: Bool {
            switch self {
            case .afterBackslash, .afterDollar: false
            case .expansion, .hereDocument, .caseInSubstitution, .openQuote, .code: true
            }
        }
    }
}

extension ShellPlace {
    /// A value as it is written here; nil where none may stand. A plain one means the same quoted and unquoted.
    ///
    /// - Parameter next: the byte that follows it.
    func written(_ value: String, isPlain: Bool, before next: UInt8) -> String? {
        switch self {
        case .comment: return value
        case .quoted(let quotes):
            // A number in front of `>` would name a descriptor.
            let isRedirected = next == UInt8(ascii: ">") || next == UInt8(ascii: "<")
            if isPlain, quotes.first == Quotes.none, !isRedirected { return value }
            return quotes.reduce(value) { $1.written($0) }
        case .refused(let reason): return isPlain && reason.takesPlainValues ? value : nil
        }
    }
}

extension ShellPlace.Quotes {
    /// The value as it is written there, so that the shell takes it for a part of one word.
    func written(_ value: String) -> String {
        switch self {
        case .none: "'" + Self.single.written(value) + "'"
        case .single: Self.replaced(value, "'") { _ in #"'\''"# }
        case .double: Self.replaced(value, "\\\"$`") { "\\" + $0 }
        case .doubleAfterName: "\"" + Self.none.written(value) + "\""
        }
    }

    /// By bytes: a quote with an accent on it is one character to Swift, and two to a shell.
    private static func replaced(_ text: String, _ special: String, _ by: (String) -> String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if special.utf8.contains(byte) {
                bytes += by(String(UnicodeScalar(byte))).utf8
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Finds out where the references of a command stand, as a POSIX shell or bash reads it.
///
/// It reads only as much of the shell's language as is needed to know which quotes are open. Where it does not know,
/// it says so, and no value goes there: the rest of a command after something unusual is refused rather than guessed.
/// The tokenizer of commands that need no shell takes quotes away in the same way.
struct ShellPlaces {
    private let bytes: [UInt8]
    /// In order, by their beginnings.
    private let references: [Range<Int>]
    private(set) var places: [ShellPlace] = []
    /// From where on nothing is known any more, and why.
    private var lost: ShellPlace.Reason?
    private var command = ShellCommandWords()

    static func of(_ references: [Range<Int>], in bytes: [UInt8]) -> [ShellPlace] {
        var scanner = ShellPlaces(bytes: bytes, references: references)
        scanner.scan(0..<bytes.count, in: [])
        while scanner.places.count < references.count { scanner.places.append(.refused(.openQuote)) }
        return scanner.places
    }

    private init(bytes: [UInt8], references: [Range<Int>]) {
        self.bytes = bytes
        self.references = references
    }

    /// What is open around a place.
    private enum Frame {
        /// `$(`, with the parentheses that are open within.
        case substitution(parentheses: Int)
        case double
    }

    /// Reads a whole script; `outer` are the quotes that it stands in as a word of another.
    private mutating func scan(_ range: Range<Int>, in outer: [ShellPlace.Quotes]) {
        var frames: [Frame] = []
        var commands: [ShellCommandWords] = []
        var index = range.lowerBound
        var hasHereDocument = false
        command = ShellCommandWords()
        while index < range.upperBound {
            let isDouble = if case .double? = frames.last { true } else { false }
            if let reference = reference(at: index) {
                place(isDouble ? .double : .none, outer)
                command.addUnknown()
                index = reference.upperBound
                continue
            }
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\\"):
                index = afterBackslash(index, range.upperBound, isDouble: isDouble)
            case UInt8(ascii: "$"):
                var opened: Frame?
                index = afterDollar(index, range.upperBound, isDouble: isDouble, outer, &opened)
                guard let opened else { continue }
                commands.append(command)
                command = ShellCommandWords()
                frames.append(opened)
            case UInt8(ascii: "`"):
                command.addUnknown()
                index = span(index + 1, range.upperBound, "`", without: "\\", .expansion("`"))
            case UInt8(ascii: "\"") where isDouble:
                frames.removeLast()
                index += 1
            case _ where isDouble:
                command.addQuoted(byte)
                index += 1
            case UInt8(ascii: "\""):
                if let end = scriptEnd(index, range.upperBound) {
                    scanScript(index + 1..<end, in: [.double] + outer)
                    index = end + 1
                } else {
                    command.beginQuotation()
                    frames.append(.double)
                    index += 1
                }
            case UInt8(ascii: "'"):
                if let end = scriptEnd(index, range.upperBound) {
                    scanScript(index + 1..<end, in: [.single] + outer)
                    index = end + 1
                } else {
                    command.beginQuotation()
                    index = afterSingleQuote(index + 1, range.upperBound, outer)
                }
            case UInt8(ascii: "#") where !command.isInWord: index = afterComment(index, range.upperBound)
            case 0x20, 0x09:
                endWord(isInSubstitution: !frames.isEmpty)
                index += 1
            case UInt8(ascii: "<"), UInt8(ascii: ">"),
                UInt8(ascii: "&") where isRedirection(index, range.upperBound):
                // What stands here is no word of the command, and neither is the number of a descriptor before it.
                endWord(isInSubstitution: !frames.isEmpty, isDescriptor: true)
                let signs = bytes[index..<range.upperBound].prefix { "<>&|".utf8.contains($0) }
                if signs.elementsEqual("<<".utf8) { hasHereDocument = true }
                let isProcess =
                    index + signs.count < range.upperBound && bytes[index + signs.count] == UInt8(ascii: "(")
                if !isProcess { command.expectTarget() }
                index += signs.count
            case 0x0A, UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "("):
                // `((` computes, and what it computes with is code.
                if bytes[index..<range.upperBound].starts(with: "((".utf8) { lose(.expansion("((")) }
                endWord(isInSubstitution: !frames.isEmpty)
                command = ShellCommandWords()
                if byte == 0x0A, hasHereDocument { lose(.hereDocument) }
                if byte == UInt8(ascii: "("), case .substitution(let open)? = frames.last {
                    frames[frames.count - 1] = .substitution(parentheses: open + 1)
                }
                index += 1
            case UInt8(ascii: ")"):
                endWord(isInSubstitution: !frames.isEmpty)
                if case .substitution(let open)? = frames.last {
                    if open > 0 {
                        frames[frames.count - 1] = .substitution(parentheses: open - 1)
                        command = ShellCommandWords()
                    } else {
                        frames.removeLast()
                        command = commands.popLast() ?? ShellCommandWords()
                    }
                } else {
                    command = ShellCommandWords()
                }
                index += 1
            default:
                command.add(byte)
                index += 1
            }
        }
    }

    // MARK: - Places

    private func reference(at index: Int) -> Range<Int>? {
        guard places.count < references.count, references[places.count].lowerBound == index else {
            return nil
        }
        return references[places.count]
    }

    /// Says where the next reference stands.
    private mutating func place(_ quotes: ShellPlace.Quotes, _ outer: [ShellPlace.Quotes]) {
        if let lost { return places.append(.refused(lost)) }
        if command.isSubscript { return places.append(.refused(.expansion("["))) }
        if let program = command.runsCode {
            return places.append(.refused(.code(of: program)))
        }
        places.append(.quoted([quotes] + outer))
    }

    private mutating func lose(_ reason: ShellPlace.Reason) {
        if lost == nil { lost = reason }
    }

    private mutating func endWord(isInSubstitution: Bool, isDescriptor: Bool = false) {
        // The `)` of a pattern would be taken for the end.
        if isInSubstitution, command.wordIs("case") { lose(.caseInSubstitution) }
        command.endWord(isDescriptor: isDescriptor)
    }

    /// `<`, `>`, `&>`.
    private func isRedirection(_ index: Int, _ end: Int) -> Bool {
        bytes[index] != UInt8(ascii: "&") || (index + 1 < end && bytes[index + 1] == UInt8(ascii: ">"))
    }

    // MARK: - Pieces of the language

    private mutating func afterBackslash(_ index: Int, _ end: Int, isDouble: Bool) -> Int {
        guard index + 1 < end else { return end }
        if let reference = reference(at: index + 1) {
            places.append(.refused(.afterBackslash))
            return reference.upperBound
        }
        // A line that goes on: the two are as if they were not there.
        if bytes[index + 1] == 0x0A { return index + 2 }
        if !isDouble { command.add(bytes[index + 1]) }
        return index + 2
    }

    private mutating func afterSingleQuote(_ start: Int, _ end: Int, _ outer: [ShellPlace.Quotes]) -> Int {
        var index = start
        // Without its end the quote is none that a shell takes.
        if closingQuote(start, end) == nil { lose(.openQuote) }
        while index < end {
            if let reference = reference(at: index) {
                place(.single, outer)
                command.addUnknown()
                index = reference.upperBound
            } else if bytes[index] == UInt8(ascii: "'") {
                return index + 1
            } else {
                command.addQuoted(bytes[index])
                index += 1
            }
        }
        return end
    }

    private func closingQuote(_ start: Int, _ end: Int) -> Int? {
        var (index, coming) = (start, places.count)
        while index < end {
            if coming < references.count, references[coming].lowerBound == index {
                index = references[coming].upperBound
                coming += 1
            } else if bytes[index] == UInt8(ascii: "'") {
                return index
            } else {
                index += 1
            }
        }
        return nil
    }

    private mutating func afterComment(_ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, bytes[index] != 0x0A {
            if let reference = reference(at: index) {
                places.append(.comment)
                index = reference.upperBound
            } else {
                index += 1
            }
        }
        return index
    }

    private mutating func afterDollar(
        _ index: Int, _ end: Int, isDouble: Bool, _ outer: [ShellPlace.Quotes],
        _ opened: inout Frame?
    ) -> Int {
        command.addUnknown()
        guard index + 1 < end else { return end }
        if let reference = reference(at: index + 1) {
            places.append(.refused(.afterDollar))
            return reference.upperBound
        }
        switch bytes[index + 1] {
        case UInt8(ascii: "("):
            if index + 2 < end, bytes[index + 2] == UInt8(ascii: "(") {
                return span(index + 3, end, "))", without: "()'\"`\\", .expansion("$(("))
            }
            opened = .substitution(parentheses: 0)
            return index + 2
        case UInt8(ascii: "{"):
            return span(index + 2, end, "}", without: "{'\"`\\$", .expansion("${"))
        case UInt8(ascii: "["):
            lose(.expansion("$["))
            return index + 2
        case UInt8(ascii: "'") where !isDouble:
            lose(.expansion("$'"))
            return index + 1
        default:
            var next = index + 1
            while next < end, reference(at: next) == nil, ShellCommandWords.isNameByte(bytes[next]) {
                next += 1
            }
            guard next == index + 1 else {
                guard isDouble, let reference = reference(at: next) else { return next }
                place(.doubleAfterName, outer)
                return reference.upperBound
            }
            // `$$`, `$?`; in `$"` the quote opens as it does without the sign.
            return "$?!#@*-".utf8.contains(bytes[next]) ? next + 1 : next
        }
    }

    /// Passes over something simple up to its end; gives up where a reference or what could be more stands in it.
    private mutating func span(
        _ start: Int, _ end: Int, _ closing: String, without forbidden: String, _ reason: ShellPlace.Reason
    ) -> Int {
        var index = start
        while index < end {
            if bytes[index..<end].starts(with: closing.utf8) { return index + closing.utf8.count }
            if reference(at: index) != nil || forbidden.utf8.contains(bytes[index]) { break }
            index += 1
        }
        lose(reason)
        return start
    }

    // MARK: - Scripts for another shell

    /// The closing quote of a word that is a script for another shell and nothing but one quotation, where it is so
    /// simple that what that shell gets is what stands there.
    private func scriptEnd(_ opening: Int, _ end: Int) -> Int? {
        guard lost == nil, command.isShellScript, !command.isInWord else { return nil }
        let quote = bytes[opening]
        var (index, coming) = (opening + 1, places.count)
        while index < end, bytes[index] != quote {
            if coming < references.count, references[coming].lowerBound == index {
                index = references[coming].upperBound
                coming += 1
                continue
            }
            if quote == UInt8(ascii: "\"") {
                // What this shell itself would take away or put in.
                if "\\`$".utf8.contains(bytes[index]) { return nil }
            }
            index += 1
        }
        guard index < end else { return nil }
        let isWordEnd = index + 1 == end || " \t\n;&|)<>".utf8.contains(bytes[index + 1])
        return isWordEnd ? index : nil
    }

    private mutating func scanScript(_ range: Range<Int>, in outer: [ShellPlace.Quotes]) {
        let around = command
        scan(range, in: outer)
        // What the inner script leaves open ends with it for the outer one.
        lost = nil
        while places.count < references.count, references[places.count].lowerBound < range.upperBound {
            places.append(.refused(.openQuote))
        }
        command = around
        command.beginQuotation()
    }
}
