/// What a `Range` header asks of something that is `size` bytes long (RFC 9110, section 14).
enum ByteRange: Equatable {
    /// All of it: there is no header, it speaks of another unit, or of several ranges, which nobody must honour.
    case whole
    case part(Range<Int64>)
    /// Not well formed, or beyond the end.
    case unsatisfiable

    init(_ header: String?, size: Int64) {
        guard let header, let equals = header.firstIndex(of: "="),
            header[..<equals].lowercased() == "bytes"
        else {
            self = .whole
            return
        }
        let list = header[header.index(after: equals)...].split(separator: ",").map(\.trimmed)
            .filter { !$0.isEmpty }
        let ranges = list.map { Self.single($0, size: size) }
        guard let first = ranges.first, !ranges.contains(nil) else {
            self = .unsatisfiable
            return
        }
        self = ranges.count > 1 ? .whole : first ?? .unsatisfiable
    }

    /// Nil where it is not well formed.
    private static func single(_ text: Substring, size: Int64) -> ByteRange? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let (first, last) = (parts[0], parts[1])
        guard !first.isEmpty else {
            guard let count = position(last) else { return nil }
            guard count > 0 else { return .unsatisfiable }
            // The last bytes; all where there are fewer, and an empty file has no part to name.
            return size == 0 ? .whole : .part(max(0, size - count)..<size)
        }
        guard let start = position(first) else { return nil }
        guard !last.isEmpty else { return start < size ? .part(start..<size) : .unsatisfiable }
        guard let end = position(last), end >= start else { return nil }
        return start < size ? .part(start..<min(end, size - 1) + 1) : .unsatisfiable
    }

    /// Digits alone: `Int64` would take a sign. One that is too large for it is beyond every end.
    private static func position(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(text) ?? .max
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
