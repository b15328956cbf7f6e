import ShipyardDiagnostics

// The words of SY0xxx: what is wrong with the text itself.
extension Diagnostic {
    /// SY0001.
    static func syntax(_ message: String, label: String, at range: SourceRange) -> Diagnostic {
        Diagnostic(code: .syntaxError, message: message, primary: Label(at: range, label))
    }

    /// SY0001, from libyaml's own words where we have no better ones.
    /// `opening`: the innermost bracket that is still open.
    static func yamlSyntax(_ failure: YAMLFailure, in source: SourceText, opening: Int?) -> Diagnostic {
        let range = SourceRange(source, failure.offset, min(failure.offset + 1, source.bytes.count))
        let words = YAMLProblem(failure, in: source)
        var diagnostic = Diagnostic(
            code: .syntaxError, message: words.message, primary: Label(at: range, words.label))
        diagnostic.help = words.help
        if words.needsQuotes { diagnostic.putInQuotes(from: failure.offset) }
        if let place = words.isAboutQuotes ? failure.contextOffset : opening, place < failure.offset {
            diagnostic.others.append(Label(at: SourceRange(source, place, place + 1), "opened here"))
        }
        return diagnostic
    }

    /// SY0002.
    static func notUTF8(_ range: SourceRange, _ label: String) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .notUTF8, message: "the file is not UTF-8 text", primary: Label(at: range, label))
        diagnostic.help = "save the file as UTF-8"
        return diagnostic
    }

    /// SY0003.
    static func forbiddenCharacter(_ scalar: UInt32, _ range: SourceRange) -> Diagnostic {
        let hex = String(scalar, radix: 16, uppercase: true)
        let name = "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
        var diagnostic = Diagnostic(
            code: .forbiddenCharacter, message: "the character \(name) may not stand in a spec",
            primary: Label(at: range, "\(name) is here"))
        if scalar != 0 { diagnostic.help = "write it as an escape in double quotes, or remove it" }
        return diagnostic
    }

    /// SY0004.
    static func emptyFile(_ source: SourceText) -> Diagnostic {
        Diagnostic(
            code: .emptyFile, message: "the file holds no value",
            primary: Label(at: SourceRange(source, 0, 0), "nothing but white space and comments"))
    }

    /// SY0005.
    static func duplicateKey(_ key: SyntaxNode, first: SyntaxNode) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .duplicateKey, message: "\(Quoted(keyName: key)) is written twice in the same mapping",
            primary: Label(at: key.range, "written again"))
        diagnostic.others = [Label(at: first.range, "first defined here")]
        return diagnostic
    }

    /// SY0006.
    static func severalDocuments(at range: SourceRange) -> Diagnostic {
        Diagnostic(
            code: .severalDocuments, message: "the file holds more than one YAML document",
            primary: Label(at: range, "a second document begins"))
    }

    /// SY0007.
    static func unknownFileExtension(_ source: SourceText) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .unknownFileExtension, message: "`\(source.name)` does not end in .yaml, .yml or .json",
            primary: Label(at: SourceRange(source, 0, 0), "of which language is this?"))
        diagnostic.help = "rename the file"
        return diagnostic
    }

    /// SY0008. `isOpen`: the anchor exists, but the alias stands inside of what it names.
    static func undefinedAlias(_ name: String, isOpen: Bool, known: [String], at range: SourceRange)
        -> Diagnostic
    {
        // What begins with a star may be the beginning of a password.
        let shown = range.isMasked ? nil : name
        let message =
            isOpen
            ? "\(shown.map { "alias `*\($0)`" } ?? "an alias") contains itself"
            : "no anchor is named \(shown.map { "`\($0)`" } ?? "so")"
        let label =
            isOpen
            ? "stands inside its own anchor"
            : "no \(shown.map { "`&\($0)`" } ?? "such anchor") before this line"
        var diagnostic = Diagnostic(code: .undefinedAlias, message: message, primary: Label(at: range, label))
        if !isOpen, let near = closestMatch(to: name, in: known.sorted()) {
            diagnostic.help = "did you mean `*\(near)`?"
            diagnostic.edit = TextEdit(replacing: range, with: "*\(near)")
        }
        return diagnostic
    }

    /// SY0009.
    static func badMergeKey(_ node: SyntaxNode) -> Diagnostic {
        Diagnostic(
            code: .badMergeKey, message: "`<<` takes a mapping or a list of mappings, not \(node.kindName)",
            primary: Label(at: node.range, "not a mapping"))
    }

    /// SY0010.
    static func unsupportedTag(_ tag: String, at range: SourceRange) -> Diagnostic {
        let name =
            tag.hasPrefix("tag:yaml.org,2002:") ? "!!" + tag.dropFirst("tag:yaml.org,2002:".utf8.count) : tag
        return Diagnostic(
            code: .unsupportedTag,
            message: range.isMasked ? "this tag does not fit here" : "the tag `\(name)` does not fit here",
            primary: Label(at: range, range.isMasked ? "tagged" : "tagged `\(name)`"))
    }

    /// SY0010, for the two words that YAML 1.1 gives a meaning of their own.
    static func unquotedIndicator(_ text: String, at range: SourceRange) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .unsupportedTag, message: "`\(text)` without quotes is not text in YAML",
            primary: Label(at: range, "not a value"))
        diagnostic.help = "write \"\(text)\""
        diagnostic.edit = TextEdit(replacing: range, with: "\"\(text)\"")
        return diagnostic
    }

    /// SY0011.
    static func tooDeep(at range: SourceRange) -> Diagnostic {
        Diagnostic(
            code: .tooDeep, message: "the file nests deeper than \(SpecLimits.nestingDepth) levels",
            primary: Label(at: range, "one level too many"))
    }

    /// SY0012.
    static func aliasExpansionTooLarge(at range: SourceRange) -> Diagnostic {
        Diagnostic(
            code: .aliasExpansionTooLarge,
            message: "the aliases of this file stand for far more values than it has",
            primary: Label(at: range, "the limit is passed here"))
    }

    /// SY0013.
    static func fileTooLarge(_ source: SourceText) -> Diagnostic {
        Diagnostic(
            code: .fileTooLarge,
            message: "the file has \(source.bytes.count) bytes; at most \(SpecLimits.fileBytes) are read",
            primary: Label(at: SourceRange(source, 0, 0), "too large"))
    }
}

/// libyaml's problem in words that help who wrote the file.
private struct YAMLProblem {
    var message: String
    var label: String
    var help: String?
    var isAboutQuotes: Bool { label == "still inside the quotes" }
    /// The text begins with what only quotes make a part of it.
    var needsQuotes = false

    init(_ failure: YAMLFailure, in source: SourceText) {
        let byte = failure.offset < source.bytes.count ? source.bytes[failure.offset] : 0
        message = failure.problem
        label = "here"
        switch failure.problem {
        case "found character that cannot start any token" where byte == 0x09,
            "found a tab character where an indentation space is expected",
            "found a tab character that violates indentation":
            (message, label) = ("a tab stands where YAML wants spaces", "a tab")
            help = "indent with spaces"
        case "found character that cannot start any token":
            message = "text cannot begin with `\(String(UnicodeScalar(byte)))` unless it is quoted"
            label = "not allowed as the first character"
            needsQuotes = true
        case "mapping values are not allowed in this context":
            (message, label) = ("a key is not allowed here", "this `:` would make what is before it a key")
            help = "check the indentation; or put text that holds `: ` in quotes"
        case "found unexpected ':'":
            (message, label) = ("a `:` between brackets needs a space behind it", "no space behind this `:`")
            help = "write a space, or put text that holds a `:` in quotes"
        case "could not find expected ':'":
            (message, label) = ("a key without a `:`", "no `:` found up to here")
        case "did not find expected key":
            (message, label) = ("a key should stand here", "does not fit the lines above")
            help = "check the indentation and the quotes above"
        case "did not find expected '-' indicator":
            (message, label) = ("a list item should stand here", "does not fit the lines above")
            help = "check the indentation"
        case "did not find expected node content":
            (message, label) = ("a value should stand here", "not a value")
        case "found unknown escape character":
            message = "a backslash in double quotes begins an escape, and this one is unknown"
            label = "unknown escape"
            help = "write two backslashes, or use single quotes"
        case "did not find expected ',' or ']'":
            (message, label) = ("a list in brackets is not closed", "neither `,` nor `]`")
        case "did not find expected ',' or '}'":
            (message, label) = ("a mapping in braces is not closed", "neither `,` nor `}`")
        case "found unexpected end of stream", "found unexpected document indicator":
            (message, label) = ("the text in quotes is never closed", "still inside the quotes")
        default: break
        }
    }
}

/// A value as it may be quoted in a message: short, and never from a file of secrets.
struct Quoted: CustomStringConvertible {
    let description: String

    init(_ node: SyntaxNode) {
        let mayBeShown = !node.isHidden && (!node.source.isSecret || node.string == nil)
        if mayBeShown, let text = PythonText.of(node.content) {
            self.init(text)
        } else {
            self.init(description: node.kindName)
        }
    }

    /// A key is no secret, whatever file it stands in.
    init(keyName key: SyntaxNode) {
        if let text = PythonText.of(key.content) {
            self.init(text)
        } else {
            self.init(description: key.kindName)
        }
    }

    private init(description: String) { self.description = description }

    init(_ text: String) {
        let limit = SpecLimits.quotedCharacters
        let shown = text.count > limit ? "\(text.prefix(limit))…" : text
        self.init(description: text.isEmpty ? "empty text" : "`\(shown)`")
    }
}
