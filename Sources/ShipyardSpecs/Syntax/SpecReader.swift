import ShipyardDiagnostics

/// From the bytes of a spec file to its tree.
package enum SpecReader {
    /// Nil where there is nothing to check further; the reason is then in `diagnostics`.
    package static func read(_ source: SourceText, _ diagnostics: inout Diagnostics) -> SyntaxNode? {
        guard let language = Language(fileName: source.name) else {
            diagnostics.report(.unknownFileExtension(source))
            return nil
        }
        guard source.bytes.count <= SpecLimits.fileBytes else {
            diagnostics.report(.fileTooLarge(source))
            return nil
        }
        if let finding = EncodingCheck.firstFinding(in: source, forYAML: language == .yaml) {
            diagnostics.report(finding)
            return nil
        }
        var found = Diagnostics()
        let root = language == .yaml ? YAMLReader.read(source, &found) : readJSON(source, &found)
        diagnostics.report(found)
        guard let root, !root.isNull else {
            if !found.hasErrors { diagnostics.report(.emptyFile(source)) }
            return nil
        }
        // Of two values for one key the first is taken and looked at. After any other error parts of the
        // tree are guesses, and what is said about them would be noise.
        return found.all.allSatisfy { $0.code == .duplicateKey } ? root : nil
    }

    private static func readJSON(_ source: SourceText, _ diagnostics: inout Diagnostics) -> SyntaxNode? {
        let start = SourceText.byteOrderMarkLength(of: source.bytes)
        guard source.trimmedEnd(start, source.bytes.count) > start else { return nil }
        return JSONReader.read(source, &diagnostics)
    }

    private enum Language {
        case yaml, json

        /// Batch Shipyard takes these three endings and no other, in lower case.
        init?(fileName: String) {
            if fileName.hasSuffix(".yaml") || fileName.hasSuffix(".yml") {
                self = .yaml
            } else if fileName.hasSuffix(".json") {
                self = .json
            } else {
                return nil
            }
        }
    }
}

/// Looks for bytes that no spec file may hold, before any parser sees them.
enum EncodingCheck {
    static func firstFinding(in source: SourceText, forYAML: Bool) -> Diagnostic? {
        let bytes = source.bytes
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            return .notUTF8(SourceRange(source, 0, 2), "a UTF-16 byte order mark")
        }
        return bytes.withUnsafeBufferPointer { buffer in
            var index = SourceText.byteOrderMarkLength(of: bytes)
            while index < buffer.count {
                let byte = buffer[index]
                if byte < 0x80 {
                    if byte < 0x20 || byte == 0x7F, isForbidden(UInt32(byte), forYAML: forYAML) {
                        return .forbiddenCharacter(UInt32(byte), SourceRange(source, index, index + 1))
                    }
                    index += 1
                    continue
                }
                guard let (scalar, length) = decode(buffer, at: index) else {
                    return .notUTF8(
                        SourceRange(source, index, index + 1),
                        "byte 0x\(String(byte, radix: 16)) is not UTF-8 here")
                }
                if isForbidden(scalar, forYAML: forYAML) {
                    return .forbiddenCharacter(scalar, SourceRange(source, index, index + length))
                }
                index += length
            }
            return nil
        }
    }

    /// What YAML 1.2 calls printable; JSON forbids only control characters, and those its reader finds.
    private static func isForbidden(_ scalar: UInt32, forYAML: Bool) -> Bool {
        switch scalar {
        case 0: true
        case 0x09, 0x0A, 0x0D, 0x85: false
        case 0..<0x20, 0x7F..<0xA0, 0xFEFF, 0xFFFE, 0xFFFF: forYAML
        default: false
        }
    }

    /// One character of well-formed UTF-8: no overlong forms, no surrogates.
    private static func decode(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> (UInt32, Int)? {
        let first = bytes[index]
        let (length, minimum): (Int, UInt32)
        switch first {
        case 0xC2...0xDF: (length, minimum) = (2, 0x80)
        case 0xE0...0xEF: (length, minimum) = (3, 0x800)
        case 0xF0...0xF4: (length, minimum) = (4, 0x10000)
        default: return nil
        }
        guard index + length <= bytes.count else { return nil }
        var scalar = UInt32(first) & (0xFF >> UInt32(length + 1))
        for offset in 1..<length {
            guard bytes[index + offset] & 0xC0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(bytes[index + offset] & 0x3F)
        }
        guard scalar >= minimum, Unicode.Scalar(scalar) != nil else { return nil }
        return (scalar, length)
    }
}
