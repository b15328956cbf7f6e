import ShipyardModel

/// What comes out of a query, row by row. Bytes hold for the call alone.
package protocol RowSink: AnyObject {
    func begin(columns: [String]) throws(TableError)
    func cell(_ kind: TableCell, _ bytes: UnsafeRawBufferPointer) throws(TableError)
    func endRow() throws(TableError)
}

package enum TableCell: Sendable {
    case null, text
    /// Its text is a number of JSON.
    case number
    /// `true` or `false`.
    case boolean
}

/// Writes rows as CSV (RFC 4180, lines end in LF). NULL is nothing, and empty text is `""`, so that `CSVReader` finds both again.
package final class CSVWriter: RowSink {
    /// Takes all of what it gets.
    package typealias Target = (UnsafeRawBufferPointer) throws(TableError) -> Void

    private let target: Target
    private var bytes: [UInt8] = []
    private var isFirst = true
    package private(set) var rows: Int64 = 0

    private static let pieceBytes = 64 << 10

    package init(_ target: @escaping Target) {
        self.target = target
        bytes.reserveCapacity(Self.pieceBytes * 2)
    }

    package func begin(columns: [String]) throws(TableError) {
        // Of a statement that finds nothing by its nature.
        guard !columns.isEmpty else { return }
        for column in columns {
            var column = column
            column.withUTF8 { add(UnsafeRawBufferPointer($0), isNull: false) }
        }
        try endLine()
    }

    package func cell(_ kind: TableCell, _ bytes: UnsafeRawBufferPointer) throws(TableError) {
        add(bytes, isNull: kind == .null)
    }

    package func endRow() throws(TableError) {
        rows += 1
        try endLine()
    }

    package func finish() throws(TableError) { try flush() }

    private func add(_ content: UnsafeRawBufferPointer, isNull: Bool) {
        if !isFirst { bytes.append(comma) }
        isFirst = false
        guard !isNull else { return }
        guard content.isEmpty || needsQuotes(content) else {
            bytes.append(contentsOf: content)
            return
        }
        bytes.append(quote)
        for byte in content {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
    }

    private func needsQuotes(_ content: UnsafeRawBufferPointer) -> Bool {
        // At the begin of a file a mark would be taken for the encoding's, and `\.` ends data for PostgreSQL.
        if content[0] == 0xEF || content[0] == UInt8(ascii: "\\") { return true }
        for byte in content where byte <= comma {
            if byte == comma || byte == quote || byte == lineFeed || byte == carriageReturn { return true }
        }
        return false
    }

    private func endLine() throws(TableError) {
        bytes.append(lineFeed)
        isFirst = true
        if bytes.count >= Self.pieceBytes { try flush() }
    }

    private func flush() throws(TableError) {
        guard !bytes.isEmpty else { return }
        try withBytes(of: bytes, target)
        bytes.removeAll(keepingCapacity: true)
    }
}

/// As `Array.withUnsafeBytes`, which does not say what it throws.
package func withBytes(
    of array: [UInt8], _ body: (UnsafeRawBufferPointer) throws(TableError) -> Void
) throws(TableError) {
    let result: Result<Void, TableError> = array.withUnsafeBytes { bytes in
        do throws(TableError) {
            return .success(try body(bytes))
        } catch {
            return .failure(error)
        }
    }
    try result.get()
}
