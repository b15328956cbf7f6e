import ShipyardModel

/// Diagnostics as one JSON array, for editors and CI.
package enum JSONRenderer {
    package static func render(_ diagnostics: Diagnostics) -> String {
        var writer = JSONWriter()
        writer.array(diagnostics.inOrder) { diagnostic, writer in write(diagnostic, to: &writer) }
        return String(decoding: writer.bytes, as: UTF8.self) + "\n"
    }

    private static func write(_ diagnostic: Diagnostic, to writer: inout JSONWriter) {
        writer.open("{")
        writer.member("code", diagnostic.code.rawValue)
        writer.member("severity", diagnostic.severity.rawValue)
        writer.member("message", diagnostic.message)
        write(diagnostic.primary, to: &writer)
        writer.key("labels")
        writer.array(diagnostic.others) { label, writer in
            writer.open("{")
            write(label, to: &writer)
            writer.close("}")
        }
        writer.key("notes")
        writer.array(diagnostic.notes) { note, writer in writer.string(note) }
        writer.member("help", diagnostic.help)
        writer.key("edit")
        if let edit = diagnostic.edit {
            writer.open("{")
            writer.member("file", edit.range.source.name)
            write(edit.range, to: &writer)
            writer.member("replacement", edit.replacement)
            writer.close("}")
        } else {
            writer.null()
        }
        writer.close("}")
    }

    /// `file`, the place and `label`; all null where the finding has no place.
    private static func write(_ label: Label?, to writer: inout JSONWriter) {
        writer.member("file", label?.range.source.name)
        if let range = label?.range {
            write(range, to: &writer)
        } else {
            for key in ["line", "column", "end_line", "end_column"] {
                writer.key(key)
                writer.null()
            }
        }
        writer.member("label", label?.text)
    }

    private static func write(_ range: SourceRange, to writer: inout JSONWriter) {
        let (start, end) = (range.start, range.end)
        writer.member("line", start.line)
        writer.member("column", start.column)
        writer.member("end_line", end.line)
        writer.member("end_column", end.column)
    }
}

/// Writes compact JSON, putting commas where they belong.
private struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }
    mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }
    mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }
    mutating func string(_ text: String) {
        separate()
        JSONText.append(text, to: &bytes)
        needsComma = true
    }
    mutating func null() {
        separate()
        bytes += Array("null".utf8)
        needsComma = true
    }
    mutating func member(_ name: String, _ text: String?) {
        key(name)
        if let text { string(text) } else { null() }
    }
    mutating func member(_ name: String, _ number: Int) {
        key(name)
        bytes += Array(String(number).utf8)
        needsComma = true
    }
    mutating func array<Element>(_ elements: [Element], _ write: (Element, inout JSONWriter) -> Void) {
        open("[")
        for element in elements { write(element, &self) }
        close("]")
    }
    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }
}
