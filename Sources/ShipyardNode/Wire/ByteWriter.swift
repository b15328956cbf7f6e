/// Appends values in the one layout that the agent protocol and the journal share: integers little-endian
/// at full width, text as a 32-bit length and UTF-8 bytes, an optional as one byte and perhaps the value.
///
/// Hand-written rather than `Codable`: an exit is recorded and reported 2,000 times a second.
package struct ByteWriter {
    package var bytes: [UInt8] = []
    /// Of the protocol, for what versions write in different ways.
    package var version = ProtocolVersions.ofThisProgram.newest

    package init() {}

    package mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func append(_ text: String) {
        append(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func append(_ text: String?) {
        append(UInt8(text == nil ? 0 : 1))
        if let text { append(text) }
    }

    package mutating func append(count: Int) { append(UInt32(count)) }

    /// Overwrites four bytes at `offset`: a length that is known only after what it measures.
    package mutating func patch(_ value: UInt32, at offset: Int) {
        withUnsafeBytes(of: value.littleEndian) { source in
            for index in 0..<4 { bytes[offset + index] = source[index] }
        }
    }
}
