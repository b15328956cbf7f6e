/// A message that travels between the service and an agent, or a record of the journal.
package protocol WireMessage {
    func write(to writer: inout ByteWriter)
    init(from reader: inout ByteReader) throws(WireError)
}

/// How messages lie on a stream: a 32-bit length, then that many bytes: a version and the message, written as that
/// version has it.
package enum Frame {
    /// In place of a version: hello and its welcome, by which versions are agreed upon. Never changed but by bytes
    /// at the end, which older readers leave unread.
    package static let greeting: UInt8 = 0
    /// 16 MiB: the longest command a kernel takes is 128 KiB, and a staging list is the only other long part.
    package static let maximumLength = 16 << 20

    package static func append(_ message: some WireMessage, version: UInt8, to writer: inout ByteWriter) {
        let start = writer.bytes.count
        writer.version = version
        writer.append(UInt32(0))
        writer.append(version)
        message.write(to: &writer)
        writer.patch(UInt32(writer.bytes.count - start - 4), at: start)
    }
}

/// Cuts a stream of bytes into messages, however the bytes arrive.
package struct FrameDecoder {
    private var buffer: [UInt8] = []
    private var start = 0
    private let spoken: ProtocolVersions

    package init(_ spoken: ProtocolVersions = .ofThisProgram) { self.spoken = spoken }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        buffer.append(contentsOf: bytes)
    }

    /// Bytes of a message that is not complete yet.
    package var pendingBytes: Int { buffer.count - start }

    /// Nil when the next message is not complete. After an error the stream has no meaning any more.
    package mutating func next<Message: WireMessage>(
        _: Message.Type = Message.self
    ) throws(WireError) -> Message? {
        guard pendingBytes >= 4 else { return compacted() }
        var header = ByteReader(buffer[start...])
        let length = Int(try header.integer(UInt32.self))
        guard length <= Frame.maximumLength else { throw .frameTooLong(length) }
        guard pendingBytes - 4 >= length else { return compacted() }
        var reader = ByteReader(buffer[(start + 4)..<(start + 4 + length)])
        let version = try reader.integer(UInt8.self)
        let isGreeting = version == Frame.greeting && spoken.hasGreetings
        guard isGreeting || spoken.includes(version) else { throw .unsupportedVersion(version) }
        reader.version = version
        let message = try Message(from: &reader)
        if !isGreeting { try reader.finish() }
        start += 4 + length
        return message
    }

    /// Drops what has been read: once per batch, because moving the rest after each message is quadratic.
    private mutating func compacted<Message>() -> Message? {
        if start > 0 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        return nil
    }
}
