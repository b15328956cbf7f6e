import Synchronization

/// One spec file as it was read: its name for messages and its bytes.
package final class SourceText: Sendable {
    /// The path as the user gave it.
    package let name: String
    package let bytes: [UInt8]
    /// Whether the values of this file must not appear in messages: renderers then mask what follows a colon.
    package let isSecret: Bool
    /// Where values stand that must not appear in messages, whatever file this is.
    private let hidden = Mutex<[Range<Int>]>([])
    /// Byte offset of the first byte of each line.
    private let lineStarts: [Int]
    /// Lets a column be computed without looking at the line: a JSON file may be one line of many megabytes.
    package let isASCII: Bool
    /// How many characters (Unicode scalars) stand before each block of bytes, where not all are ASCII: the column of a
    /// place far inside a long line is found without a walk through the line.
    private let charactersBefore: [Int]
    private static let blockBytes = 4096
    /// What was found out about lines; see `remembered`.
    private let secretLines = Mutex<[Int: Bool]>([:])

    package init(name: String, bytes: [UInt8], isSecret: Bool = false) {
        self.name = name
        self.bytes = bytes
        self.isSecret = isSecret
        var starts = [SourceText.byteOrderMarkLength(of: bytes)]
        var ascii = true
        bytes.withUnsafeBufferPointer { buffer in
            for (offset, byte) in buffer.enumerated() {
                if byte == UInt8(ascii: "\n") { starts.append(offset + 1) }
                if byte >= 0x80 { ascii = false }
            }
        }
        lineStarts = starts
        isASCII = ascii
        charactersBefore = ascii ? [] : SourceText.characterCounts(of: bytes)
    }

    private static func characterCounts(of bytes: [UInt8]) -> [Int] {
        var counts: [Int] = []
        counts.reserveCapacity(bytes.count / blockBytes + 1)
        bytes.withUnsafeBufferPointer { buffer in
            var count = 0
            for (offset, byte) in buffer.enumerated() {
                if offset % blockBytes == 0 { counts.append(count) }
                if byte & 0xC0 != 0x80 { count += 1 }
            }
        }
        return counts
    }

    /// The characters (Unicode scalars) that begin before an offset.
    private func characters(before offset: Int) -> Int {
        guard !charactersBefore.isEmpty else { return offset }
        let block = min(offset / Self.blockBytes, charactersBefore.count - 1)
        return charactersBefore[block] + bytes[(block * Self.blockBytes)..<offset].count { $0 & 0xC0 != 0x80 }
    }

    package convenience init(name: String, text: String, isSecret: Bool = false) {
        self.init(name: name, bytes: Array(text.utf8), isSecret: isSecret)
    }

    /// 3 where the file begins with a UTF-8 byte order mark, which no editor shows and no column counts.
    package static func byteOrderMarkLength(of bytes: [UInt8]) -> Int {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    package var lineCount: Int { lineStarts.count }

    /// What stands there is a secret. Known once the file is understood, and before anything is said about it.
    package func hide(_ range: Range<Int>) { hidden.withLock { $0.append(range) } }

    /// Whether all of it is a secret.
    package func hides(_ range: Range<Int>) -> Bool {
        hidden.withLock {
            $0.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
        }
    }

    /// Where the first secret begins that reaches into `range`.
    func startOfSecret(in range: Range<Int>) -> Int? {
        hidden.withLock { $0.filter { $0.overlaps(range) }.map(\.lowerBound).min() }
    }
}

extension SourceText {
    /// What `find` says of a line, asked once for each line: a line may be the whole of a file of megabytes, with a
    /// hundred labels.
    func remembered(line: Int, _ find: () -> Bool) -> Bool {
        if let known = secretLines.withLock({ $0[line] }) { return known }
        let found = find()
        secretLines.withLock { $0[line] = found }
        return found
    }
}

/// A place as a person counts it: both numbers begin at 1, a column is one visible character.
package struct SourcePosition: Hashable, Sendable, Comparable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

extension SourceText {
    /// The position of a byte offset; offsets outside the file count as its ends.
    package func position(of offset: Int) -> SourcePosition {
        let offset = min(max(offset, lineStarts[0]), bytes.count)
        var (low, high) = (0, lineStarts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        let start = lineStarts[low]
        return SourcePosition(line: low + 1, column: columns(from: start, to: offset) + 1)
    }

    /// Visible characters at the beginning of a line; from some thousand bytes on, where nobody counts, those of
    /// Unicode.
    private func columns(from start: Int, to offset: Int) -> Int {
        guard !isASCII else { return offset - start }
        var near = min(offset, start + Self.blockBytes)
        while near > start, near < offset, bytes[near] & 0xC0 == 0x80 { near -= 1 }
        let visible = String(decoding: bytes[start..<near], as: UTF8.self).count
        return near == offset ? visible : visible + characters(before: offset) - characters(before: near)
    }

    /// The bytes of a line (from 1) without its line break.
    func lineRange(_ line: Int) -> Range<Int> {
        let start = lineStarts[line - 1]
        var end = line < lineStarts.count ? lineStarts[line] - 1 : bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return start..<max(start, end)
    }

    /// The text of a stretch, with what is not UTF-8 replaced.
    package func text(_ lower: Int, _ upper: Int) -> String {
        guard lower >= 0, lower < upper, upper <= bytes.count else { return "" }
        return String(decoding: bytes[lower..<upper], as: UTF8.self)
    }
}

/// A stretch of one source, in byte offsets: `lower` inclusive, `upper` exclusive.
package struct SourceRange: Sendable {
    package var source: SourceText
    package var lower: Int
    package var upper: Int

    package init(_ source: SourceText, _ lower: Int, _ upper: Int) {
        self.source = source
        self.lower = lower
        self.upper = upper
    }

    package var start: SourcePosition { source.position(of: lower) }
    package var end: SourcePosition { source.position(of: upper) }
    package var text: String { source.text(lower, upper) }

    /// Whether the line where it begins is masked when it is shown: then no message quotes it either.
    package var isMasked: Bool { SourceExcerpt.isMasked(start.line, of: source) }
}

/// A value and where it was written. Two are equal when their values are.
package struct Located<Value: Sendable>: Sendable {
    package var value: Value
    package var range: SourceRange

    package init(_ value: Value, at range: SourceRange) {
        self.value = value
        self.range = range
    }
}
