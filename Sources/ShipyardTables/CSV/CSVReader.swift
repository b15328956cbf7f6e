import Glibc

/// Reads CSV as RFC 4180 has it, record by record, out of a buffer that the bytes are never copied from: a field is a place in it.
///
/// Lines end in LF or CR LF. A field without quotes that has nothing in it is NULL, `""` is empty text. What other programs
/// guess about is refused: quotes within an unquoted field, text behind a closing quote, a lone carriage return, another
/// encoding than UTF-8.
package final class CSVReader {
    package struct Field {
        // From the first byte of the record; the content, without its quotes.
        fileprivate(set) var start: Int32
        fileprivate(set) var end: Int32
        package fileprivate(set) var isQuoted: Bool
        /// Has quotes that are written twice.
        fileprivate(set) var hasEscapes: Bool

        package var isNull: Bool { start == end && !isQuoted }
    }

    /// Fills what it can and answers how much; 0 at the end.
    package typealias Source = (UnsafeMutableRawBufferPointer) throws(TableError) -> Int

    /// A record must fit in memory; more in one is a quote that was never closed.
    package static let largestRecord = 64 << 20
    /// SQLite has 2,000 columns at most, PostgreSQL 1,600.
    package static let mostFields = 2000
    private static let firstCapacity = 256 << 10

    private let source: Source
    private let largestRecord: Int
    /// The file, for messages.
    package let name: String
    /// Once known, each error names its column by it.
    package private(set) var header: [String] = []
    /// Of the first byte of the record, counted from 1.
    package private(set) var line = 0
    package private(set) var fieldCount = 0

    private var buffer: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var recordStart = 0
    private var position = 0
    private var filled = 0
    private var isAtEnd = false
    private var nextLine = 1
    private var fields: UnsafeMutablePointer<Field>
    /// Where lines were empty that may have been the file's end.
    private var emptyLine: Int?

    package init(
        _ name: String, _ source: @escaping Source, capacity: Int = CSVReader.firstCapacity,
        largestRecord: Int = CSVReader.largestRecord
    ) {
        self.name = name
        self.source = source
        self.largestRecord = largestRecord
        self.capacity = capacity
        buffer = .allocate(capacity: capacity)
        fields = .allocate(capacity: Self.mostFields)
    }

    deinit {
        buffer.deallocate()
        fields.deallocate()
    }

    // MARK: Records

    /// The names in the first record, which must be there.
    package func readHeader() throws(TableError) -> [String] {
        guard try nextRecord() else {
            throw TableError(.mismatch, "\(name) is empty: there is no row with the names of its columns")
        }
        let names = (0..<fieldCount).map { String(decoding: content($0), as: UTF8.self) }
        header = names
        return names
    }

    /// False at the end. As many fields as the header, or an error.
    package func next() throws(TableError) -> Bool {
        while true {
            guard try nextRecord() else { return false }
            guard fieldCount != header.count || emptyLine != nil else { return true }
            if fieldCount == 1, fields[0].isNull, header.count > 1 {
                emptyLine = emptyLine ?? line
                continue
            }
            throw raggedRow()
        }
    }

    private func raggedRow() -> TableError {
        if let emptyLine {
            line = emptyLine
            return bad(nil, "the line is empty, and rows follow it")
        }
        guard fieldCount > header.count else {
            return bad(fieldCount, "the row has \(count(fieldCount)) of \(header.count)")
        }
        return bad(nil, "the row has \(count(fieldCount)), and there are \(header.count) columns")
    }

    private func count(_ fields: Int) -> String { fields == 1 ? "1 field" : "\(fields) fields" }

    /// An error of the present record.
    /// - Parameter column: its place in the file; nil where the whole row is meant.
    package func bad(_ column: Int?, _ what: String, help: String? = nil) -> TableError {
        guard let column else { return TableError(.badRow, "\(name), line \(line): \(what)", help: help) }
        let title = column < header.count ? "`\(header[column])`" : "\(column + 1)"
        return TableError(.badRow, "\(name), line \(line), column \(title): \(what)", help: help)
    }

    // MARK: Fields

    package subscript(index: Int) -> Field { fields[index] }

    /// With its quotes, as it stands in the file. Holds until the next record.
    package func raw(_ index: Int) -> UnsafeRawBufferPointer {
        let field = fields[index]
        let quotes = field.isQuoted ? 1 : 0
        return UnsafeRawBufferPointer(
            start: buffer + recordStart + Int(field.start) - quotes,
            count: Int(field.end - field.start) + 2 * quotes)
    }

    /// Quoted fields of the record have lines of their own.
    var hasLines: Bool { nextLine > line + 1 }

    /// All fields as they stand in the file, without the end of the line.
    package var rawRecord: UnsafeRawBufferPointer {
        let last = raw(fieldCount - 1)
        let start = UnsafeRawPointer(buffer + recordStart)
        return UnsafeRawBufferPointer(start: start, count: (last.baseAddress ?? start) - start + last.count)
    }

    /// What it says. Holds until the next record; `raw` is not what it was after this.
    package func content(_ index: Int) -> UnsafeRawBufferPointer {
        if fields[index].hasEscapes { unescape(index) }
        return written(index)
    }

    /// Between its quotes, with those in it that are written twice.
    package func written(_ index: Int) -> UnsafeRawBufferPointer {
        let field = fields[index]
        return UnsafeRawBufferPointer(
            start: buffer + recordStart + Int(field.start), count: Int(field.end - field.start))
    }

    private func unescape(_ index: Int) {
        let bytes = buffer + recordStart
        var (from, to) = (Int(fields[index].start), Int(fields[index].start))
        let end = Int(fields[index].end)
        while from < end {
            bytes[to] = bytes[from]
            from += bytes[from] == quote ? 2 : 1
            to += 1
        }
        fields[index].end = Int32(to)
        fields[index].hasEscapes = false
    }

    // MARK: Bytes

    private func nextRecord() throws(TableError) -> Bool {
        recordStart = position
        line = nextLine
        fieldCount = 0
        var at = position
        if at == filled, !(try fill(&at)) { return false }
        if line == 1, fieldCount == 0 { try skipMark(&at) }
        while true {
            if at == filled { _ = try fill(&at) }
            let isQuoted = at < filled && buffer[at] == quote
            if isQuoted { try quotedField(&at) } else { try plainField(&at) }
            guard at < filled else { break }
            let byte = buffer[at]
            if byte == comma {
                at += 1
                guard fieldCount < Self.mostFields else {
                    throw bad(nil, "the row has more than \(Self.mostFields) fields")
                }
                continue
            }
            if byte == carriageReturn {
                at += 1
                if at == filled { _ = try fill(&at) }
                guard at < filled, buffer[at] == lineFeed else {
                    throw bad(fieldCount - 1, "a carriage return stands alone", help: "lines end in LF or CR LF, and a field with others is quoted")
                }
            } else if byte != lineFeed {
                throw bad(
                    fieldCount - 1,
                    isQuoted ? "something follows the closing quote" : "a quote stands within a field that does not begin with one",
                    help: "a field with quotes is quoted, and each quote in it is written twice")
            }
            at += 1
            nextLine += 1
            break
        }
        position = at
        try checkText()
        return true
    }

    private func plainField(_ at: inout Int) throws(TableError) {
        let start = at - recordStart
        while true {
            let (bytes, end) = (buffer, filled)
            var index = at
            while index < end {
                let byte = bytes[index]
                // Nearly every byte of a table: letters, digits, `.` and `-`.
                if byte > comma {
                    index += 1
                    continue
                }
                if byte == comma || byte == lineFeed || byte == carriageReturn || byte == quote { break }
                index += 1
            }
            at = index
            guard at == filled, try fill(&at) else { break }
        }
        add(start, at - recordStart, isQuoted: false, hasEscapes: false)
    }

    private func quotedField(_ at: inout Int) throws(TableError) {
        at += 1
        let start = at - recordStart
        var hasEscapes = false
        while true {
            let (bytes, end) = (buffer, filled)
            var (index, lines) = (at, 0)
            while index < end {
                let byte = bytes[index]
                if byte == quote { break }
                if byte == lineFeed { lines += 1 }
                index += 1
            }
            at = index
            nextLine += lines
            if at == filled {
                guard try fill(&at) else {
                    throw bad(fieldCount, "the quote that opens the field is never closed")
                }
                continue
            }
            at += 1
            if at == filled { _ = try fill(&at) }
            guard at < filled, buffer[at] == quote else { break }
            hasEscapes = true
            at += 1
        }
        add(start, at - 1 - recordStart, isQuoted: true, hasEscapes: hasEscapes)
    }

    private func add(_ start: Int, _ end: Int, isQuoted: Bool, hasEscapes: Bool) {
        fields[fieldCount] = Field(
            start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end), isQuoted: isQuoted,
            hasEscapes: hasEscapes)
        fieldCount += 1
    }

    /// The byte order mark that some programs write before UTF-8.
    private func skipMark(_ at: inout Int) throws(TableError) {
        while filled - at < 3, try fill(&at) {}
        guard filled - at >= 3, buffer[at] == 0xEF, buffer[at + 1] == 0xBB, buffer[at + 2] == 0xBF else { return }
        at += 3
        recordStart = at
    }

    /// False at the end. Makes room by moving the present record to the front, or by a larger buffer.
    private func fill(_ at: inout Int) throws(TableError) -> Bool {
        guard !isAtEnd else { return false }
        if recordStart > 0 {
            memmove(buffer, buffer + recordStart, filled - recordStart)
            filled -= recordStart
            at -= recordStart
            recordStart = 0
        }
        if filled == capacity {
            guard capacity < largestRecord else {
                throw bad(
                    nil, "the row is longer than \(largestRecord >> 20) MiB",
                    help: "a quote that is opened in it may never be closed")
            }
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2)
            larger.update(from: buffer, count: filled)
            buffer.deallocate()
            buffer = larger
            capacity *= 2
        }
        let count = try source(UnsafeMutableRawBufferPointer(start: buffer + filled, count: capacity - filled))
        guard count > 0 else {
            isAtEnd = true
            return false
        }
        filled += count
        return true
    }

    // MARK: Text

    /// UTF-8 without NUL, which neither database takes.
    private func checkText() throws(TableError) {
        let record = UnsafeRawBufferPointer(start: buffer + recordStart, count: position - recordStart)
        if isPlainASCII(record) { return }
        for index in 0..<fieldCount {
            let bytes = written(index)
            guard !bytes.contains(0) else { throw bad(index, "there is a NUL byte in it") }
            guard isUTF8(bytes) else {
                throw bad(index, "it is not in UTF-8", help: "`iconv -f LATIN1 -t UTF-8` converts a file")
            }
        }
    }
}

let quote = UInt8(ascii: "\"")
let comma = UInt8(ascii: ",")
let lineFeed = UInt8(ascii: "\n")
let carriageReturn = UInt8(ascii: "\r")

/// Eight bytes at a time; no NUL either.
func isPlainASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        // A zero byte borrows from its own high bit.
        if (word | (word &- 0x0101_0101_0101_0101)) & 0x8080_8080_8080_8080 != 0 { return false }
        index += 8
    }
    while index < bytes.count {
        if bytes[index] == 0 || bytes[index] >= 0x80 { return false }
        index += 1
    }
    return true
}

/// As Unicode has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index < bytes.count {
        let first = bytes[index]
        if first < 0x80 {
            index += 1
            continue
        }
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return false
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return false }
        for place in 2..<max(2, length) where bytes[index + place] & 0xC0 != 0x80 { return false }
        index += length
    }
    return true
}
