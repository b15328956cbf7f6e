import ShipyardModel

/// The mounts that this process sees.
package struct MountTable {
    package struct Entry {
        /// Which directory of its file system is shown.
        package var root: BytePath
        package var point: BytePath
        package var kind: String
    }

    package static func read() -> [Entry] {
        (ProcessTable.read("self/mountinfo") ?? []).split(separator: 0x0A).compactMap(entry)
    }

    /// `36 35 98:0 /root /point options … - kind source options`.
    private static func entry(_ line: ArraySlice<UInt8>) -> Entry? {
        let fields = line.split(separator: 0x20)
        guard fields.count > 6, let dash = fields.firstIndex(of: [UInt8(ascii: "-")]), dash + 1 < fields.count
        else { return nil }
        return Entry(
            root: unescaped(fields[3]), point: unescaped(fields[4]),
            kind: String(decoding: fields[dash + 1], as: UTF8.self))
    }

    /// Blanks and backslashes are written as three octal digits.
    private static func unescaped(_ field: ArraySlice<UInt8>) -> BytePath {
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3 {
                bytes.append(rest.prefix(3).reduce(0) { $0 &* 8 &+ ($1 & 7) })
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return BytePath(bytes: bytes)
    }
}
