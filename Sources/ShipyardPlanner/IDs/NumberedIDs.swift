/// The generated ids of one prefix and width: a million of them are one span.
struct NumberedIDs: Sendable {
    let prefix: [UInt8]
    let width: Int
    /// By the entry of `tasks` that made them. Explicit ids that look like generated ones are here too, so that numbering
    /// can step over them without a look at the text.
    private(set) var spans = NumberSpans()
    /// The same numbers whoever made them, and those that other series are known to have written: a million listed tasks
    /// are a million spans, and numbering steps over all of them at once.
    private var taken = NumberSpans()

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

    func entry(of number: Int) -> Int? { spans.span(of: number)?.entry }

    /// The first number from `number` on that is not taken, and how far the free stretch reaches.
    func freeStretch(from number: Int) -> ClosedRange<Int> {
        let free = taken.span(of: number).map { $0.upper + 1 } ?? number
        return free...max(free, (taken.first(above: free)?.lower ?? .max) - 1)
    }

    func isTaken(_ number: Int) -> Bool { taken.span(of: number) != nil }

    /// Adds numbers that no span holds yet.
    mutating func insert(_ numbers: ClosedRange<Int>, entry: Int) {
        spans.insert(numbers, entry: entry)
        if taken.isBelow(numbers.lowerBound) { return taken.insert(numbers, entry: 0) }
        for part in taken.gaps(in: numbers) { taken.insert(part, entry: 0) }
    }

    /// Another series has written this number's text.
    mutating func noteTaken(_ number: Int) {
        if !isTaken(number) { taken.insert(number...number, entry: 0) }
    }
}

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
