/// The generated ids of one prefix and width: a million of them are one span.
struct NumberedIDs: Sendable {
    struct Span: Sendable {
        var lower: Int
        var upper: Int
        /// The position of the entry of `tasks` that made these ids.
        var entry: Int
    }

    let prefix: [UInt8]
    let width: Int
    /// Sorted and disjoint. Explicit ids that look like generated ones are here too, so that numbering can
    /// step over them without a look at the text.
    private(set) var spans: [Span] = []
    /// The span that took the last number: the next number nearly always goes there.
    private var last = 0

    init(prefix: [UInt8], width: Int) {
        self.prefix = prefix
        self.width = width
    }

    func append(_ number: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: prefix)
        appendDigits(UInt(number), width: width, to: &bytes)
    }

    func bytes(_ number: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        append(number, to: &bytes)
        return bytes
    }

    /// The number that `id` stands for; nil unless it is exactly what this prefix and width would write.
    func number(of id: some Collection<UInt8>) -> Int? {
        guard id.starts(with: prefix) else { return nil }
        let digits = id.dropFirst(prefix.count)
        guard !digits.isEmpty, digits.allSatisfy(isDigit), digits.count >= width else { return nil }
        if digits.count > max(width, 1), digits.first == UInt8(ascii: "0") { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// The position of the first span that ends at `number` or above.
    private func position(of number: Int) -> Int {
        var (low, high) = (0, spans.count)
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].upper < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func entry(of number: Int) -> Int? {
        let position = position(of: number)
        guard position < spans.count, spans[position].lower <= number else { return nil }
        return spans[position].entry
    }

    /// The first number from `number` on that no span holds, and how far the free stretch reaches.
    func freeStretch(from number: Int) -> ClosedRange<Int> {
        var free = number
        var position = position(of: number)
        while position < spans.count, spans[position].lower <= free {
            free = spans[position].upper + 1
            position += 1
        }
        return free...(position < spans.count ? max(free, spans[position].lower - 1) : max(free, .max - 1))
    }

    /// Adds a number that no span holds yet.
    mutating func insert(_ number: Int, entry: Int) {
        if last < spans.count, spans[last].upper + 1 == number, spans[last].entry == entry {
            spans[last].upper = number
            return
        }
        last = position(of: number)
        if last > 0, spans[last - 1].upper + 1 == number, spans[last - 1].entry == entry {
            last -= 1
            spans[last].upper = number
        } else {
            spans.insert(Span(lower: number, upper: number, entry: entry), at: last)
        }
    }
}

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
