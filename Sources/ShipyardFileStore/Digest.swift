import CCrypto
import ShipyardHTTPClient
import ShipyardModel

/// Hashes of much data, by libcrypto, which uses what the processor has for it.
package struct Digest: ~Copyable {
    package enum Kind: String, Sendable { case md5 = "MD5", sha256 = "SHA256" }

    private let context: OpaquePointer

    package init(_ kind: Kind) throws(FileStoreError) {
        let method = try Self.method(kind)
        guard let context = shipyard_digest_new() else {
            throw FileStoreError(.libraryMissing, "libcrypto has no memory for a hash")
        }
        guard shipyard_digest_begin(context, method) == 1 else {
            shipyard_digest_free(context)
            throw FileStoreError(.libraryMissing, "libcrypto does not compute \(kind.rawValue) here")
        }
        self.context = context
    }

    deinit { shipyard_digest_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        _ = shipyard_digest_update(context, bytes.baseAddress, bytes.count)
    }

    /// Ends the hash.
    package consuming func bytes() -> [UInt8] {
        var count: UInt32 = 0
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        _ = shipyard_digest_end(context, &digest, &count)
        return Array(digest.prefix(Int(count)))
    }

    package consuming func hexadecimal() -> String { hexadecimalText(bytes()) }

    package static func of(_ bytes: UnsafeRawBufferPointer, _ kind: Kind) throws(FileStoreError) -> [UInt8] {
        var digest = try Digest(kind)
        digest.update(bytes)
        return digest.bytes()
    }

    package static func of(_ bytes: [UInt8], _ kind: Kind) throws(FileStoreError) -> [UInt8] {
        var digest = try Digest(kind)
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.bytes()
    }

    /// Of a stretch of a file, piece by piece.
    package static func of(_ stretch: FileStretch, _ kind: Kind) throws(FileStoreError) -> [UInt8] {
        let digest = try Digest(kind)
        let context = digest.context
        // Nothing moves: it is only read.
        try ByteCopy(TransferGauge(), "a part of a file").copy(
            stretch,
            to: .receiver { bytes in shipyard_digest_update(context, bytes.baseAddress, bytes.count) == 1 })
        return digest.bytes()
    }

    /// HMAC-SHA256 (RFC 2104).
    package static func authentication(
        of bytes: [UInt8], key: UnsafeRawBufferPointer
    ) throws(FileStoreError) -> [UInt8] {
        let method = try method(.sha256)
        var count: UInt32 = 0
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        // A key of no bytes may have no address, and NULL would mean the key of the call before.
        var none: UInt8 = 0
        let result = withUnsafePointer(to: &none) { nothing in
            shipyard_hmac(
                method, key.baseAddress ?? UnsafeRawPointer(nothing), Int32(key.count), bytes, bytes.count,
                &digest,
                &count)
        }
        guard result != nil else { throw FileStoreError(.libraryMissing, "libcrypto computes no HMAC here") }
        return Array(digest.prefix(Int(count)))
    }

    private static func method(_ kind: Kind) throws(FileStoreError) -> OpaquePointer {
        if let reason = loadError { throw FileStoreError(.libraryMissing, reason) }
        guard let method = shipyard_digest_named(kind.rawValue) else {
            throw FileStoreError(.libraryMissing, "libcrypto does not know \(kind.rawValue)")
        }
        return method
    }

    private static let loadError: String? = shipyard_crypto_load_error().map {
        "\(String(cString: $0)); install the package libssl3"
    }
}

/// RFC 4648, with padding.
package func base64Text(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let value = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for position in 0..<4 {
            text.append(
                position <= group.count ? digits[value >> (18 - 6 * position) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}

/// Nil for what is no Base64 of RFC 4648; padding may be missing.
package func base64Bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var (value, bits) = (0, 0)
    var digits = Array(text)[...]
    while digits.last == UInt8(ascii: "=") { digits = digits.dropLast() }
    for digit in digits {
        let number: UInt8
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): number = digit - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): number = digit - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): number = digit - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): number = 62
        case UInt8(ascii: "/"): number = 63
        default: return nil
        }
        value = (value << 6 | Int(number)) & 0xFFFF
        bits += 6
        if bits >= 8 {
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> bits))
        }
    }
    return bits < 6 ? bytes : nil
}
