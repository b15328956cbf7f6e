import ShipyardDiagnostics
import ShipyardModel

/// What a value must keep beyond its type: rules that Batch Shipyard or Azure Batch apply later, when the
/// spec is used. Each has a code of `SY3xxx`; the tables say which key keeps which rule.
package enum ValueCheck: Sendable {
    case id
    /// As `id`, or empty: that is as good as none, and the id is generated.
    case taskID
    /// Name or version of an application package: stands in directory and variable names.
    case packageName
    case integer(ClosedRange<Int>)
    case retries
    case percentage
    case duration
    case positiveDuration
    case date
    case fileMode
    /// 64 hexadecimal digits.
    case sha256
    /// Names a secret: a name of the vault, a variable or a file.
    case secretID
    case relativePath
    /// For the names of a mapping that the user chooses.
    case environmentName
    /// No comma: Batch Shipyard's own encoding of transfers cannot hold one.
    case transferText
    /// As `transferText`, and only variables are replaced in it.
    case transferPath
    /// As `transferText`, and nothing but options of blobxfer.
    case transferOptions
    case notEmpty
    case poolLifetime
    case databaseURL
}

extension ValueCheck {
    /// The finding about a value of the right type, or nil.
    func finding(for node: SyntaxNode, key: String) -> Diagnostic? {
        switch node.content {
        case .integer(let number): finding(integer: number, node, key)
        case .float(let number): finding(percentage: number, node, key)
        case .string(let text): finding(text: text, node, key)
        case .sequence(let elements): elements.lazy.compactMap { finding(for: $0, key: key) }.first
        case .null, .bool, .bigInteger, .date, .mapping: nil
        }
    }

    private func finding(integer number: Int, _ node: SyntaxNode, _ key: String) -> Diagnostic? {
        switch self {
        case .integer(let limits):
            limits.contains(number) ? nil : .outsideLimits(node, key: key, limits)
        case .retries:
            (-1...Int(Int32.max)).contains(number) ? nil : .outsideLimits(node, key: key, -1...Int(Int32.max))
        case .percentage, .id, .taskID, .packageName, .duration, .positiveDuration, .date, .fileMode, .sha256,
            .secretID, .relativePath,
            .environmentName, .transferText, .transferPath, .transferOptions, .notEmpty, .poolLifetime, .databaseURL:
            nil
        }
    }

    /// Only for numbers written as text or with a fraction; the table's own range covers the rest.
    private func finding(percentage number: Double, _ node: SyntaxNode, _ key: String) -> Diagnostic? {
        guard case .percentage = self, !(0...100).contains(number) else { return nil }
        return .outsideLimits(node, key: key, 0...100)
    }

    private func finding(text: String, _ node: SyntaxNode, _ key: String) -> Diagnostic? {
        switch self {
        case .id: idFinding(text, node, key)
        case .taskID: text.isEmpty ? nil : idFinding(text, node, key)
        case .packageName: idFinding(text, node, key, dots: true)
        case .duration: SpecDuration.finding(text, node, key: key, mustBePositive: false)
        case .positiveDuration: SpecDuration.finding(text, node, key: key, mustBePositive: true)
        case .date: SpecDate.instant(text) == nil ? .invalidDate(node, key: key) : nil
        case .fileMode: FileMode.bits(text) == nil ? .invalidFileMode(node) : nil
        case .sha256: isSHA256(text) ? nil : .invalidDigest(node)
        case .secretID: SecretPlace(text) == nil ? .invalidSecretID(node, key: key) : nil
        case .relativePath: RelativePath.staysInside(text) ? nil : .pathLeavesDirectory(node, key: key)
        case .transferText: commaFinding(text, node, key)
        case .transferPath: commaFinding(text, node, key) ?? pathFinding(text, node, key)
        case .transferOptions: commaFinding(text, node, key) ?? optionsFinding(text, node, key)
        case .notEmpty: text.isEmpty ? .emptyText(node, key: key) : nil
        case .poolLifetime:
            ["job", "job_schedule"].contains(text.lowercased()) ? nil : .unknownPoolLifetime(node)
        case .databaseURL: databaseFinding(text, node)
        case .percentage: PythonNumber.float(text).flatMap { finding(percentage: $0, node, key) }
        case .integer, .retries, .environmentName: nil
        }
    }

    private func databaseFinding(_ text: String, _ node: SyntaxNode) -> Diagnostic? {
        do throws(SQLConnection.Problem) {
            _ = try SQLConnection(alias: "", url: text)
            return nil
        } catch {
            return .invalidDatabaseURL(node, error)
        }
    }

    private func commaFinding(_ text: String, _ node: SyntaxNode, _ key: String) -> Diagnostic? {
        text.utf8.contains(UInt8(ascii: ",")) ? .commaInTransfer(node, key: key) : nil
    }

    private func pathFinding(_ text: String, _ node: SyntaxNode, _ key: String) -> Diagnostic? {
        do throws(ShellText.Problem) {
            _ = try ShellText(text)
            return nil
        } catch {
            return .invalidTransferPath(node, key: key, error.message)
        }
    }

    private func optionsFinding(_ text: String, _ node: SyntaxNode, _ key: String) -> Diagnostic? {
        do throws(TransferWords.Problem) {
            let words = try TransferWords(text)
            return words.ignored.isEmpty ? nil : .ignoredTransferOptions(node, words.ignored)
        } catch {
            return .invalidTransferOptions(node, key: key, error.message)
        }
    }

    private func idFinding(_ text: String, _ node: SyntaxNode, _ key: String, dots: Bool = false)
        -> Diagnostic?
    {
        if text.isEmpty { return .invalidID(node, key: key, "it is empty", rule: self) }
        if text.utf8.count > SpecLimits.idLength {
            let length = text.utf8.count > 1000 ? "more than 1000" : "\(text.count)"
            return .invalidID(node, key: key, "it has \(length) characters", rule: self)
        }
        if text == "." || text == ".." {
            return .invalidID(node, key: key, "it stands for a directory", rule: self)
        }
        guard !text.utf8.allSatisfy({ isIDByte($0) || dots && $0 == UInt8(ascii: ".") }),
            let character = text.first(where: { !$0.utf8.allSatisfy(isIDByte) && !(dots && $0 == ".") })
        else { return nil }
        return .invalidID(
            node, key: key,
            character == " "
                ? "it holds a space" : "it holds `\(DisplayText.cut(String(character), bytes: 16))`", rule: self)
    }
}

/// Whether `text` is a SHA-256 in hexadecimal digits, of either case.
private func isSHA256(_ text: String) -> Bool {
    text.utf8.count == 64
        && text.utf8.allSatisfy {
            UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9")
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0 | 0x20)
        }
}

/// The permission bits of a resource file.
package enum FileMode {
    /// Nil unless `text` is an octal number of at most four digits, with an optional `0o` in front.
    package static func bits(_ text: String) -> UInt16? {
        let digits = text.hasPrefix("0o") ? String(text.dropFirst(2)) : text
        guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x37).contains($0) })
        else {
            return nil
        }
        return UInt16(digits, radix: 8)
    }
}

/// Paths that must stay below the directory they start from.
package enum RelativePath {
    package static func staysInside(_ path: String) -> Bool {
        guard !path.isEmpty, !path.hasPrefix("/") else { return false }
        var depth = 0
        for part in path.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { return false }
        }
        // A path that comes back to where it began names no file.
        return depth > 0
    }
}

/// Numbers as Python reads them from text.
package enum PythonNumber {
    private static let digits = "[0-9](?:_?[0-9])*"
    /// What `float` takes, for regular expressions of ECMA 262.
    static let floatPattern =
        "^\\s*[+-]?(?:(?:\(digits)\\.?(?:\(digits))?|\\.\(digits))(?:[eE][+-]?\(digits))?"
        + "|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])\\s*$"
    /// What `integer` takes, without the ends of the text.
    static let integerPattern = "\\s*[+-]?\(digits)\\s*"

    /// `float(text)`: spaces around it, single underscores between digits, `inf`, `nan`.
    package static func float(_ text: String) -> Double? {
        let trimmed = trimmedSpaces(text).lowercased()
        let unsigned = trimmed.drop { $0 == "+" || $0 == "-" }
        guard trimmed.count - unsigned.count <= 1 else { return nil }
        if unsigned == "inf" || unsigned == "infinity" {
            return trimmed.hasPrefix("-") ? -.infinity : .infinity
        }
        if unsigned == "nan" { return .nan }
        guard hasSingleUnderscores(unsigned) else { return nil }
        let plain = unsigned.filter { $0 != "_" }
        // Double(_:) would also take hexadecimal numbers and the words above in other spellings.
        guard plain.first.map({ $0.isASCII && ($0.isNumber || $0 == ".") }) == true,
            plain.allSatisfy({ $0.isASCII && ($0.isNumber || ".e+-".contains($0)) }),
            let value = Double(plain)
        else { return nil }
        return trimmed.hasPrefix("-") ? -value : value
    }

    /// `int(text)`: spaces around it, a sign, single underscores between digits.
    package static func integer(_ text: some StringProtocol) -> Int? {
        let trimmed = trimmedSpaces(text)
        let unsigned = trimmed.first == "+" || trimmed.first == "-" ? trimmed.dropFirst() : trimmed[...]
        guard hasSingleUnderscores(unsigned), !unsigned.isEmpty else { return nil }
        let digits = unsigned.filter { $0 != "_" }
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int((trimmed.first == "-" ? "-" : "") + digits)
    }

    private static func trimmedSpaces(_ text: some StringProtocol) -> String {
        var rest = text.drop(while: \.isWhitespace)
        while rest.last?.isWhitespace == true { rest = rest.dropLast() }
        return String(rest)
    }

    private static func hasSingleUnderscores(_ text: some StringProtocol) -> Bool {
        var previous: Character = "_"
        for character in text {
            if character == "_", !previous.isNumber { return false }
            if previous == "_", character != "_", text.first != character, !character.isNumber {
                return false
            }
            previous = character
        }
        return text.isEmpty || previous != "_"
    }
}
