import ShipyardDiagnostics
import ShipyardModel

/// Rows under headings, for people. Columns are as wide as their widest cell. Where a row is wider than the terminal it is
/// cut at the end, but for a last column `reason`: what is said there goes to lines of its own, whole.
package struct Table {
    package enum Alignment { case left, right }
    private struct Column {
        var title: String
        var alignment: Alignment
        var width: Int
    }
    /// A cell begins where the one before it ends.
    private struct Cell {
        var end: Int
        var width: Int
    }

    private var columns: [Column] = []
    /// One after the other and row after row: a listing has millions, and a text for each would take longer than
    /// all else.
    private var cells: [Cell] = []
    private var text: [UInt8] = []

    package init() {}

    package mutating func column(_ title: String, _ alignment: Alignment = .left) {
        let heading = title.uppercased()
        columns.append(Column(title: heading, alignment: alignment, width: heading.count))
    }

    package mutating func row(_ cells: String...) { row(cells) }

    package mutating func row(_ cells: [String]) {
        invariant(cells.count == columns.count, "a row of \(cells.count) cells for \(columns.count) columns")
        for text in cells { cell(text) }
    }

    /// The next cell of a row, which has one for each column.
    package mutating func cell(_ content: String) {
        // File names and messages come from tasks.
        let isPlain = content.utf8.withContiguousStorageIfAvailable { addPlain(UnsafeRawBufferPointer($0)) }
        if isPlain == true { return }
        let shown = DisplayText.printable(content)
        text.append(contentsOf: shown.utf8)
        end(width: shown.count)
    }

    /// The same for a string, or a number, within JSON; nil is an empty cell.
    package mutating func cell(_ value: JSONSlice?) {
        guard let value else { return end(width: 0) }
        let bytes = value.bytes
        let content = value.isString ? UnsafeRawBufferPointer(rebasing: bytes[1..<bytes.count - 1]) : bytes
        if content.contains(UInt8(ascii: "\\")) || !addPlain(content) { cell(value.text) }
    }

    /// False where something must be replaced or does not take one column.
    private mutating func addPlain(_ content: UnsafeRawBufferPointer) -> Bool {
        guard content.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return false }
        text.append(contentsOf: content)
        end(width: content.count)
        return true
    }

    private mutating func end(width: Int) {
        let column = cells.count % columns.count
        columns[column].width = max(columns[column].width, width)
        cells.append(Cell(end: text.count, width: width))
    }

    package var rowCount: Int { columns.isEmpty ? 0 : cells.count / columns.count }

    /// The headings, and then the rows. Nil for `width` never cuts: a pipe's reader wants everything.
    package func lines(width: Int?) -> [String] {
        (-1..<rowCount).map { row in
            var bytes: [UInt8] = []
            append(row: row, width: width, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Row -1 is the headings.
    fileprivate func append(row: Int, width limit: Int?, to bytes: inout [UInt8]) {
        let start = bytes.count
        let last = columns.count - 1
        let hasReason = last > 0 && columns[last].title == "REASON"
        if row >= 0, hasReason, let limit, width(ofRow: row) > limit {
            append(row: row, columns: 0..<last, to: &bytes)
            cut(&bytes, from: start, to: limit)
            let place = row * columns.count + last
            let reason = String(decoding: text[cells[place - 1].end..<cells[place].end], as: UTF8.self)
            for line in Self.pieces(of: reason, width: max(20, limit - 4)) { bytes.append(contentsOf: "\n    \(line)".utf8) }
            return
        }
        append(row: row, columns: 0..<columns.count, to: &bytes)
        if let limit { cut(&bytes, from: start, to: limit) }
    }

    /// With the last cell as it is, and no spaces behind it.
    private func width(ofRow row: Int) -> Int {
        let before = columns.dropLast().reduce(0) { $0 + $1.width + 2 }
        return before + cells[row * columns.count + columns.count - 1].width
    }

    /// Broken at spaces, and a word that is too long anywhere.
    private static func pieces(of text: String, width: Int) -> [String] {
        wrapped(text, width: width).flatMap { line in
            var (rest, pieces) = (Substring(line), [String]())
            while rest.count > width {
                pieces.append(String(rest.prefix(width)))
                rest = rest.dropFirst(width)
            }
            return pieces + [String(rest)]
        }
    }

    private func append(row: Int, columns shown: Range<Int>, to bytes: inout [UInt8]) {
        let start = bytes.count
        for (index, column) in columns[shown].enumerated() {
            if index > 0 { bytes.append(contentsOf: "  ".utf8) }
            let place = row * columns.count + index
            let gap = column.width - (row < 0 ? column.title.count : cells[place].width)
            if column.alignment == .right { bytes.append(contentsOf: repeatElement(0x20, count: gap)) }
            if row < 0 {
                bytes.append(contentsOf: column.title.utf8)
            } else {
                bytes.append(contentsOf: text[(place == 0 ? 0 : cells[place - 1].end)..<cells[place].end])
            }
            if column.alignment == .left { bytes.append(contentsOf: repeatElement(0x20, count: gap)) }
        }
        while bytes.count > start, bytes.last == 0x20 { bytes.removeLast() }
    }

    private func cut(_ bytes: inout [UInt8], from start: Int, to limit: Int) {
        let line = String(decoding: bytes[start...], as: UTF8.self)
        guard line.count > limit else { return }
        bytes.replaceSubrange(start..., with: (line.prefix(max(1, limit - 1)) + "…").utf8)
    }
}

extension Console {
    /// Writes `table` to the results, cut to the terminal where there is one.
    package func print(_ table: Table, withHeading: Bool = true) {
        let width = output.isTerminal ? output.width : nil
        var bytes: [UInt8] = []
        if withHeading {
            table.append(row: -1, width: width, to: &bytes)
            print(Style.bold(String(decoding: bytes, as: UTF8.self), if: colours(output)))
        }
        bytes = []
        for row in 0..<table.rowCount {
            table.append(row: row, width: width, to: &bytes)
            bytes.append(0x0A)
        }
        output.write(bytes: bytes)
    }
}
