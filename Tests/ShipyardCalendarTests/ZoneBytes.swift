/// Builds zone files, right ones and wrong ones.
struct ZoneBytes {
    var version: UInt8 = UInt8(ascii: "2")
    var changes: [Int64] = []
    var kindsAfter: [UInt8] = []
    var kinds: [(offset: Int32, isDaylight: UInt8, name: UInt8)] = [(0, 0, 0)]
    var names: [UInt8] = Array("AAA\0BBB\0".utf8)
    var leaps: [(Int64, Int32)] = []
    var standardCount: UInt32 = 0
    var utcCount: UInt32 = 0
    var lastLine = "\nAAA0\n"

    var bytes: [UInt8] {
        guard version != 0 else { return block(timeSize: 4) }
        var empty = ZoneBytes()
        empty.version = version
        return empty.block(timeSize: 4) + block(timeSize: 8) + Array(lastLine.utf8)
    }

    private func block(timeSize: Int) -> [UInt8] {
        var bytes = Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15)
        let counts = [
            utcCount, standardCount, UInt32(leaps.count), UInt32(changes.count), UInt32(kinds.count),
        ]
        for count in counts + [UInt32(names.count)] { bytes += big(Int64(count), 4) }
        for change in changes { bytes += big(change, timeSize) }
        bytes += kindsAfter
        for kind in kinds { bytes += big(Int64(kind.offset), 4) + [kind.isDaylight, kind.name] }
        bytes += names
        for leap in leaps { bytes += big(leap.0, timeSize) + big(Int64(leap.1), 4) }
        return bytes + [UInt8](repeating: 0, count: Int(standardCount) + Int(utcCount))
    }

    private func big(_ number: Int64, _ size: Int) -> [UInt8] {
        (0..<size).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * Int64($0))) }
    }
}
