import ShipyardFileStore
import Synchronization

/// How far a transfer is: told by its threads, read by whoever shows it.
final class TransferCounts: Sendable {
    struct Numbers: Sendable {
        /// What was found so far; all of it once `isCounted`.
        var files = 0
        var bytes: Int64 = 0
        var isCounted = false
        var moved = 0
        var movedBytes: Int64 = 0
        /// Was there already.
        var same = 0
        var sameBytes: Int64 = 0
        var failed = 0
        var failedBytes: Int64 = 0

        var ended: Int { moved + same + failed }
    }

    private let state = Mutex(Numbers())

    var numbers: Numbers { state.withLock { $0 } }
    func change(_ body: (inout Numbers) -> Void) { state.withLock { body(&$0) } }

    func add(_ report: TransferReport) {
        change { numbers in
            switch report {
            case .moved(let item):
                numbers.moved += 1
                numbers.movedBytes += item.size
            case .same(let item):
                numbers.same += 1
                numbers.sameBytes += item.size
            case .failed(let item, _):
                numbers.failed += 1
                numbers.failedBytes += item.size
            }
        }
    }
}

/// Bytes for people: `1.5 GiB`.
func sizeText(_ bytes: Int64) -> String {
    guard bytes >= 1024 else { return bytes == 1 ? "1 byte" : "\(bytes) bytes" }
    var (value, rest) = (Double(bytes), ["KiB", "MiB", "GiB", "TiB", "PiB"][...])
    value /= 1024
    // What would be rounded to 1024 is one of the next unit.
    while value >= 1023.95, rest.count > 1 {
        value /= 1024
        rest.removeFirst()
    }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(rest.first ?? "")"
}

/// A transfer's line on a terminal, drawn again and again. Elsewhere nothing is drawn.
final class TransferDisplay {
    private let console: Console
    private var samples: [(time: Double, bytes: Int64, files: Int)] = []
    private var isLineOpen = false

    init(_ console: Console) { self.console = console }

    func show(_ numbers: TransferCounts.Numbers, moving: Int64, at now: Double) {
        guard console.messages.isTerminal else { return }
        samples.append((now, moving, numbers.ended))
        // Long enough to be steady, short enough to follow a change.
        while samples.count > 2, samples[1].time <= now - 8 { samples.removeFirst() }
        let line = TransferLine(
            numbers: numbers, moving: moving, bytesPerSecond: rate { Double($0.bytes) },
            filesPerSecond: rate { Double($0.files) })
        console.messages.write("\r\u{1B}[K" + line.text(width: console.messages.width))
        console.messages.flush()
        isLineOpen = true
    }

    private func rate(_ value: ((time: Double, bytes: Int64, files: Int)) -> Double) -> Double {
        guard let first = samples.first, let last = samples.last, last.time > first.time + 0.2 else {
            return 0
        }
        return max(0, (value(last) - value(first)) / (last.time - first.time))
    }

    /// Takes the line away, so that others may follow.
    func clear() {
        guard isLineOpen else { return }
        console.messages.write("\r\u{1B}[K")
        console.messages.flush()
        isLineOpen = false
    }
}

struct TransferLine {
    var numbers: TransferCounts.Numbers
    /// Bytes that have moved, of files that are not done too.
    var moving: Int64
    var bytesPerSecond: Double
    var filesPerSecond: Double

    func text(width: Int) -> String {
        let facts = self.facts
        let room = width - 1 - facts.count - 3
        let line = room >= 10 && numbers.isCounted ? "\(bar(of: min(room, 30))) \(facts)" : facts
        return String(line.prefix(max(1, width - 1)))
    }

    private var doneBytes: Int64 {
        min(numbers.bytes, max(moving, numbers.movedBytes) + numbers.sameBytes + numbers.failedBytes)
    }

    private var facts: String {
        // While more is being found, nobody knows of how much.
        let more = numbers.isCounted ? "" : "+"
        var text =
            "\(numbers.ended)/\(numbers.files)\(more) files  \(sizeText(doneBytes))/\(sizeText(numbers.bytes))\(more)"
        if numbers.failed > 0 { text += "  \(numbers.failed) failed" }
        if bytesPerSecond >= 1 { text += "  \(sizeText(Int64(bytesPerSecond)))/s" }
        guard numbers.isCounted, let left = secondsLeft else { return text }
        return text + "  \(durationText(seconds: left)) left"
    }

    /// By bytes or by files, whichever takes longer: many small files are not a matter of bytes.
    var secondsLeft: Double? {
        let bytes = Double(numbers.bytes - doneBytes)
        let files = Double(numbers.files - numbers.ended)
        guard files > 0 else { return nil }
        let times = [
            bytesPerSecond >= 1 ? bytes / bytesPerSecond : nil,
            filesPerSecond > 0 ? files / filesPerSecond : nil,
        ].compactMap { $0 }
        return times.max()
    }

    private func bar(of width: Int) -> String {
        let share =
            numbers.bytes > 0
            ? Double(doneBytes) / Double(numbers.bytes)
            : numbers.files > 0 ? Double(numbers.ended) / Double(numbers.files) : 0
        let filled = min(width, Int(share * Double(width)))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
            + "]"
    }
}
