/// Diagnostics as text for a terminal or a log: the fact, the place with a caret, and what to do.
package struct TextRenderer: Sendable {
    private let color: Bool

    package init(color: Bool = false) { self.color = color }

    /// All findings, each followed by an empty line: in order of place, and what is worst last, nearest to the prompt.
    ///
    /// - Parameter tellsEffects: of keys that have no effect here each is a finding; otherwise one line names them all.
    package func render(_ diagnostics: Diagnostics, tellsEffects: Bool = false) -> String {
        var diagnostics = diagnostics
        let effects = tellsEffects ? nil : diagnostics.takeEffects()
        return (effects.map { $0 + "\n" } ?? "")
            + diagnostics.worstLast.map { render($0) + "\n" }.joined()
    }

    /// What somebody is told who asked for something else: no notes, and of keys without effect one line.
    package func warnings(_ diagnostics: Diagnostics) -> [String] {
        var warnings = Diagnostics()
        for diagnostic in diagnostics.worstLast where diagnostic.severity != .note { warnings.report(diagnostic) }
        let effects = warnings.takeEffects()
        return (effects.map { [$0] } ?? []) + warnings.worstLast.map { render($0) }
    }

    /// One finding, ended by a line break.
    package func render(_ diagnostic: Diagnostic) -> String {
        var lines = [headline(diagnostic)]
        var gutter = 1
        if let primary = diagnostic.primary {
            let groups = labelGroups(primary: primary, others: diagnostic.others)
            gutter = groups.flatMap(\.lines).map { String($0.number).count }.max() ?? 1
            for (index, group) in groups.enumerated() {
                lines += render(group, isFirst: index == 0, gutter: gutter)
            }
        }
        let indent = String(repeating: " ", count: gutter + 1)
        for note in diagnostic.notes { lines.append("\(indent)= note: \(DisplayText.printable(note))") }
        if let help = diagnostic.help { lines.append("\(indent)= help: \(DisplayText.printable(help))") }
        lines.append("\(indent)= more: shipyard-swift explain \(diagnostic.code.rawValue)")
        return lines.joined(separator: "\n") + "\n"
    }

    private func headline(_ diagnostic: Diagnostic) -> String {
        let head = "\(diagnostic.severity.rawValue)[\(diagnostic.code.rawValue)]"
        return paint(head, diagnostic.severity.color) + ": " + DisplayText.printable(diagnostic.message)
    }

    private func paint(_ text: String, _ code: String) -> String {
        color ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

extension Severity {
    /// The SGR parameters of a terminal: bold red, yellow, cyan.
    fileprivate var color: String {
        switch self {
        case .error: "1;31"
        case .warning: "1;33"
        case .note: "1;36"
        }
    }
}

/// The labels of one diagnostic that lie in one file, by line.
private struct LabelGroup {
    struct Line {
        var number: Int
        var labels: [(label: Label, isPrimary: Bool)]
    }
    var source: SourceText
    var place: SourcePosition
    var lines: [Line]
}

extension TextRenderer {
    private func labelGroups(primary: Label, others: [Label]) -> [LabelGroup] {
        var groups: [LabelGroup] = []
        for (index, label) in ([primary] + others).enumerated() {
            let source = label.range.source
            let place = label.range.start
            let entry = (label: label, isPrimary: index == 0)
            let group: Int
            if let known = groups.firstIndex(where: { $0.source === source }) {
                group = known
            } else {
                groups.append(LabelGroup(source: source, place: place, lines: []))
                group = groups.count - 1
            }
            if let line = groups[group].lines.firstIndex(where: { $0.number == place.line }) {
                groups[group].lines[line].labels.append(entry)
            } else {
                groups[group].lines.append(.init(number: place.line, labels: [entry]))
            }
        }
        for index in groups.indices { groups[index].lines.sort { $0.number < $1.number } }
        return groups
    }

    private func render(_ group: LabelGroup, isFirst: Bool, gutter: Int) -> [String] {
        let pad = String(repeating: " ", count: gutter)
        let arrow = isFirst ? "-->" : ":::"
        let name = DisplayText.printable(group.source.name)
        var lines = ["\(pad)\(arrow) \(name):\(group.place.line):\(group.place.column)", "\(pad) |"]
        var previous: Int?
        for line in group.lines {
            if let previous, line.number > previous + 1 { lines.append("\(pad) ...") }
            previous = line.number
            let number = String(line.number)
            let margin = String(repeating: " ", count: gutter - number.count) + number
            let excerpt = SourceExcerpt(
                of: group.source, line: line.number, around: line.labels[0].label.range)
            lines.append("\(margin) | \(excerpt.text)".trimmedAtEnd)
            for (label, isPrimary) in line.labels {
                let caret = excerpt.underline(label.range, with: isPrimary ? "^" : "-")
                let text = DisplayText.printable(label.text)
                lines.append(
                    "\(pad) | \(caret.indent)\(paint(caret.marks, isPrimary ? "1;31" : "1;36")) \(text)"
                        .trimmedAtEnd)
            }
        }
        return lines
    }
}

extension String {
    fileprivate var trimmedAtEnd: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
