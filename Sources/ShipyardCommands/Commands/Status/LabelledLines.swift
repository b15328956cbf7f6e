/// Lines of one of several files, each with the name of who wrote it in front.
struct LabelledLines {
    /// A longer line is shown as several: what has no end must not wait for one.
    static let mostBytes = 64 << 10

    let label: String
    /// Behind the last line break.
    private var rest: [UInt8] = []

    init(label: String) { self.label = label }

    /// Takes what has come, and gives the lines that are whole now.
    mutating func add(_ piece: some Sequence<UInt8>) -> [UInt8] {
        var lines: [UInt8] = []
        for byte in piece {
            if byte != 0x0A { rest.append(byte) }
            if byte == 0x0A || rest.count == Self.mostBytes { take(into: &lines) }
        }
        return lines
    }

    /// The line without an end, when nothing more comes.
    mutating func finish() -> [UInt8] {
        var lines: [UInt8] = []
        if !rest.isEmpty { take(into: &lines) }
        return lines
    }

    private mutating func take(into lines: inout [UInt8]) {
        lines += label.utf8
        lines += " | ".utf8
        lines += rest
        lines.append(0x0A)
        rest.removeAll(keepingCapacity: true)
    }
}
