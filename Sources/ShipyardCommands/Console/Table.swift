import ShipyardDiagnostics
import ShipyardModel

/// Rows under headings, for people. Columns are as wide as their widest cell; only the last one may be cut,
/// and only where the table would be wider than the terminal.
package struct Table {
    package enum Alignment { case left, right }
    package struct Column {
        var title: String
        var alignment: Alignment
    }

    private var columns: [Column] = []
    private var rows: [[String]] = []

    package init() {}

    package mutating func column(_ title: String, _ alignment: Alignment = .left) {
        columns.append(Column(title: title, alignment: alignment))
    }

    package mutating func row(_ cells: String...) { row(cells) }

    package mutating func row(_ cells: [String]) {
        invariant(cells.count == columns.count, "a row of \(cells.count) cells for \(columns.count) columns")
        // File names and messages come from tasks.
        rows.append(cells.map { DisplayText.printable($0) })
    }

    package var isEmpty: Bool { rows.isEmpty }

    /// Nil for `width` never cuts: a pipe's reader wants everything.
    package func lines(width: Int?) -> [String] {
        let widths = columns.indices.map { column in
            ([columns[column].title] + rows.map { $0[column] }).map(\.count).max() ?? 0
        }
        return ([columns.map { $0.title.uppercased() }] + rows).map { line($0, widths: widths, limit: width) }
    }

    private func line(_ cells: [String], widths: [Int], limit: Int?) -> String {
        var text = ""
        for (index, cell) in cells.enumerated() {
            if index > 0 { text += "  " }
            let gap = String(repeating: " ", count: widths[index] - cell.count)
            text += columns[index].alignment == .right ? gap + cell : cell + gap
        }
        while text.last == " " { text.removeLast() }
        guard let limit, text.count > limit else { return text }
        return text.prefix(max(1, limit - 1)) + "…"
    }
}

extension Console {
    /// Writes `table` to the results, cut to the terminal where there is one.
    package func print(_ table: Table, withHeading: Bool = true) {
        let width = output.isTerminal ? output.width : nil
        for (index, line) in table.lines(width: width).enumerated() where withHeading || index > 0 {
            print(index == 0 ? Style.bold(line, if: colours(output)) : line)
        }
    }
}
