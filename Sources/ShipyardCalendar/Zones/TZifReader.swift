/// Why the bytes of a zone file cannot be used.
struct MalformedZone: Error, Hashable, Sendable {
    let reason: String
}

/// Reads the format of zone files, TZif (RFC 9636), versions 1 to 4.
///
/// A file is a header and a block with 32-bit times; from version 2 on a second header, a block with 64-bit times
/// and a line with a rule for the years after its last time. "Fat" files list their changes up to 2037, "slim"
/// ones only up to where the rule begins; the first block is only counted over.
struct TZifReader {
    private let bytes: [UInt8]
    private var position = 0

    static func table(of bytes: [UInt8]) throws(MalformedZone) -> ZoneTable {
        var reader = TZifReader(bytes: bytes)
        return try reader.table()
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private struct Header {
        var version: UInt8
        var utcCount: Int
        var standardCount: Int
        var leapCount: Int
        var changeCount: Int
        var kindCount: Int
        var nameLength: Int

        /// Cannot overflow: six numbers of 32 bits, times 12 at most.
        func blockSize(timeSize: Int) -> Int {
            changeCount * (timeSize + 1) + kindCount * 6 + nameLength + leapCount * (timeSize + 4)
                + standardCount
                + utcCount
        }
    }

    private mutating func table() throws(MalformedZone) -> ZoneTable {
        let first = try header()
        guard first.version >= UInt8(ascii: "2") else {
            return try block(first, timeSize: 4, readsRule: false)
        }
        try require(first.blockSize(timeSize: 4))
        position += first.blockSize(timeSize: 4)
        return try block(try header(), timeSize: 8, readsRule: true)
    }

    private mutating func header() throws(MalformedZone) -> Header {
        try require(44)
        guard bytes[position..<position + 4].elementsEqual("TZif".utf8) else {
            throw MalformedZone(reason: "it does not begin with `TZif`")
        }
        let version = bytes[position + 4]
        guard version == 0 || (UInt8(ascii: "2")...UInt8(ascii: "9")).contains(version) else {
            throw MalformedZone(reason: "its version is unknown")
        }
        position += 20
        let counts = (0..<6).map { _ in Int(integer(4)) & 0xFFFF_FFFF }
        return Header(
            version: version, utcCount: counts[0], standardCount: counts[1], leapCount: counts[2],
            changeCount: counts[3], kindCount: counts[4], nameLength: counts[5])
    }

    private mutating func block(_ header: Header, timeSize: Int, readsRule: Bool) throws(MalformedZone)
        -> ZoneTable
    {
        // Everything below reads what is counted here.
        try require(header.blockSize(timeSize: timeSize))
        guard (1...256).contains(header.kindCount), header.nameLength >= 1,
            [0, header.kindCount].contains(header.utcCount),
            [0, header.kindCount].contains(header.standardCount)
        else { throw MalformedZone(reason: "its counts do not fit each other") }
        // Such a file has no rule, and nothing true after the day on which its list of leap seconds expires.
        guard header.leapCount == 0 else {
            throw MalformedZone(reason: "it counts leap seconds, which clocks here do not")
        }
        let changes = (0..<header.changeCount).map { _ in integer(timeSize) }
        let kindsAfter = (0..<header.changeCount).map { _ in Int(byte()) }
        guard kindsAfter.allSatisfy({ $0 < header.kindCount }) else {
            throw MalformedZone(reason: "a change leads to a kind of time that is not there")
        }
        let kinds = try kinds(header)
        position += header.standardCount + header.utcCount
        guard changes.allSatisfy({ $0.magnitude <= 1 << 59 }), zip(changes, changes.dropFirst()).allSatisfy(<)
        else {
            throw MalformedZone(reason: "its changes are not in order")
        }
        return ZoneTable(
            kinds: kinds, changes: changes, kindsAfter: kindsAfter, rule: readsRule ? try rule() : nil)
    }

    private mutating func kinds(_ header: Header) throws(MalformedZone) -> [LocalTimeKind] {
        let raw = (0..<header.kindCount).map { _ in
            (offset: integer(4), isDaylight: byte(), name: Int(byte()))
        }
        let names = bytes[position..<position + header.nameLength]
        position += header.nameLength
        var kinds: [LocalTimeKind] = []
        for kind in raw {
            // Within RFC 9636's limits no sum of a time and an offset means anything odd.
            guard (-89_999...93_599).contains(kind.offset), kind.isDaylight <= 1, kind.name < names.count,
                let end = names[(names.startIndex + kind.name)...].firstIndex(of: 0)
            else { throw MalformedZone(reason: "a kind of time has no possible offset or no name") }
            let name = names[(names.startIndex + kind.name)..<end]
            kinds.append(
                LocalTimeKind(
                    offset: kind.offset, isDaylightSaving: kind.isDaylight == 1,
                    abbreviation: String(decoding: name, as: UTF8.self)))
        }
        return kinds
    }

    /// The line after the second block; an empty one says that nobody knows what comes.
    private mutating func rule() throws(MalformedZone) -> ZoneRule? {
        guard position < bytes.count, bytes[position] == 0x0A,
            let end = bytes[(position + 1)...].firstIndex(of: 0x0A)
        else { throw MalformedZone(reason: "it ends without its last line") }
        let line = bytes[position + 1..<end]
        guard !line.isEmpty else { return nil }
        guard let rule = ZoneRule(line) else {
            throw MalformedZone(reason: "its last line is no rule")
        }
        return rule
    }

    private func require(_ count: Int) throws(MalformedZone) {
        guard bytes.count - position >= count else { throw MalformedZone(reason: "it is cut off") }
    }

    private mutating func byte() -> UInt8 {
        defer { position += 1 }
        return bytes[position]
    }

    /// A signed number, highest byte first.
    private mutating func integer(_ size: Int) -> Int64 {
        var number = Int64(Int8(bitPattern: byte()))
        for _ in 1..<size { number = number << 8 | Int64(byte()) }
        return number
    }
}
