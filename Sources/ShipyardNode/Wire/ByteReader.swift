/// Why bytes from a peer or from a file are no message.
package enum WireError: Error, Hashable, Sendable, CustomStringConvertible {
    case truncated
    case frameTooLong(Int)
    case unsupportedVersion(UInt8)
    case unknownTag(UInt8)
    case invalidText
    case trailingBytes(Int)

    package var description: String {
        switch self {
        case .truncated: "the message ends early"
        case .frameTooLong(let length): "a message of \(length) bytes is longer than \(Frame.maximumLength)"
        case .unsupportedVersion(let version): "protocol version \(version) is not spoken here"
        case .unknownTag(let tag): "no message has the tag \(tag)"
        case .invalidText: "text is not UTF-8"
        case .trailingBytes(let count): "\(count) bytes follow the message"
        }
    }
}

/// Reads what `ByteWriter` wrote. Every read is checked: the bytes may come from anywhere.
package struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    /// Of the protocol, for what versions write in different ways.
    package var version = ProtocolVersions.ofThisProgram.newest

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    package var remaining: Int { bytes.endIndex - position }

    package mutating func integer<Value: FixedWidthInteger>(
        _: Value.Type = Value.self
    ) throws(WireError) -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { throw .truncated }
        let value = bytes.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: position - bytes.startIndex, as: Value.self)
        }
        position += size
        return Value(littleEndian: value)
    }

    package mutating func text() throws(WireError) -> String {
        guard let text = String(validating: try blob(), as: UTF8.self) else { throw .invalidText }
        return text
    }

    /// Bytes behind their length.
    package mutating func blob() throws(WireError) -> ArraySlice<UInt8> {
        let length = Int(try integer(UInt32.self))
        guard remaining >= length else { throw .truncated }
        defer { position += length }
        return bytes[position..<position + length]
    }

    package mutating func optionalText() throws(WireError) -> String? {
        switch try integer(UInt8.self) {
        case 0: nil
        case 1: try text()
        case let tag: throw .unknownTag(tag)
        }
    }

    /// How many elements follow. Refused when they could not all fit in what is left, so that a garbled
    /// count never reserves memory.
    package mutating func count(elementBytes: Int) throws(WireError) -> Int {
        let count = Int(try integer(UInt32.self))
        guard count <= remaining / elementBytes else { throw .truncated }
        return count
    }

    package func finish() throws(WireError) {
        guard remaining == 0 else { throw .trailingBytes(remaining) }
    }
}
