import Glibc

/// Bytes that nobody may see by accident: a password, a key, a token.
///
/// It has no text form but a mask, which `print`, interpolation, `dump`, mirrors and errors all get; it is not
/// `Codable`, `Equatable` or `Hashable`, so that nothing which holds one becomes so unasked. The value is reached by
/// `withExposedBytes` alone: a search for that name finds every place that does. It is wiped when its last owner goes;
/// what Swift cannot promise about copies is in docs/adr/0024.
package struct Secret: Sendable {
    private let memory: SecretMemory

    package init(copying bytes: some Collection<UInt8>) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        buffer.copyBytes(from: bytes)
        self.init(owning: buffer)
    }

    package init(_ text: String) { self.init(copying: text.utf8) }

    /// - Parameter free: gets the memory back when it is wiped.
    package init(
        owning buffer: UnsafeMutableRawBufferPointer,
        free: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void = { $0.deallocate() }
    ) {
        memory = SecretMemory(buffer, free)
    }

    /// The bytes, for the time of `body`. What leaves it is a copy that nobody wipes: leave with as little as can be.
    package func withExposedBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(memory.bytes))
    }

    /// Takes as long for any two secrets of one length, so that the time tells nothing about where they differ.
    package func isSameInConstantTime(as other: Secret) -> Bool {
        let (left, right) = (memory.bytes, other.memory.bytes)
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}

extension Secret {
    /// Without one line break at its end.
    package var withoutLineBreak: Secret {
        withExposedBytes { bytes in
            var count = bytes.count
            if count > 0, bytes[count - 1] == UInt8(ascii: "\n") {
                count -= 1
                if count > 0, bytes[count - 1] == UInt8(ascii: "\r") { count -= 1 }
            }
            return count == bytes.count ? self : Secret(copying: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
    }
}

// Of a fixed length, which tells nothing about the secret's.
extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package static let mask = "***"

    package var description: String { Self.mask }
    package var debugDescription: String { Self.mask }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Wiped before it is given back. Nobody writes to it meanwhile, so any thread may read it.
private final class SecretMemory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
    private let free: @Sendable (UnsafeMutableRawBufferPointer) -> Void

    init(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ free: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
    ) {
        self.bytes = bytes
        self.free = free
    }

    deinit {
        // Not `memset`, which a compiler leaves out where nobody reads the memory again.
        if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
        free(bytes)
    }
}

/// Names a secret that is kept somewhere else: what specs, plans and the state file hold in its place. In Batch
/// Shipyard's keys `*_keyvault_secret_id` it is `https://<vault>/secrets/<name>`, perhaps with a version behind it.
package struct SecretReference: Identifier {
    package let text: String

    /// Nil for nothing. What else names a secret is known to whoever keeps it.
    package init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        self.text = text
    }
}

/// A file whose content is a secret.
package struct SecretFileContent: Sendable {
    /// Below the directory of secrets of whom it is for.
    package var path: String
    package var content: Secret

    package init(path: String, content: Secret) {
        self.path = path
        self.content = content
    }
}

/// An environment variable whose value is a secret.
package struct SecretVariable: Sendable {
    package var name: String
    package var value: Secret

    package init(name: String, value: Secret) {
        self.name = name
        self.value = value
    }
}
