import CSodium
import ShipyardModel

/// Authenticated encryption and derivation of keys by libsodium. What is secret lies in memory that is wiped.
enum Sodium {
    static let keyBytes = Int(shipyard_sodium_key_bytes)
    static let nonceBytes = Int(shipyard_sodium_nonce_bytes)
    static let tagBytes = Int(shipyard_sodium_tag_bytes)
    static let saltBytes = Int(shipyard_sodium_salt_bytes)
    /// What `seal` adds.
    static let overhead = nonceBytes + tagBytes

    private static let loadError: String? = shipyard_sodium_load_error().map {
        "\(String(cString: $0)); install the package libsodium23"
    }

    /// Asked before anything else here.
    static func load() throws(VaultError) {
        if let loadError { throw VaultError(.libraryMissing, loadError) }
    }

    static func random(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            shipyard_sodium_random(buffer.baseAddress, count)
            filled = count
        }
    }

    static func randomKey() -> Secret {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: keyBytes, alignment: 8)
        shipyard_sodium_random(buffer.baseAddress, keyBytes)
        return owned(buffer)
    }

    /// Nonce, then what was encrypted, then the proof of it and of `context`.
    static func seal(_ plain: Secret, context: [UInt8], by key: Secret) -> [UInt8] {
        let nonce = random(nonceBytes)
        let count = plain.withExposedBytes(\.count)
        let sealed = [UInt8](unsafeUninitializedCapacity: count + tagBytes) { buffer, filled in
            let result = plain.withExposedBytes { plain in
                key.withExposedBytes { key in
                    shipyard_sodium_seal(
                        buffer.baseAddress, plain.bindMemory(to: UInt8.self).baseAddress, count, context,
                        context.count, nonce, key.bindMemory(to: UInt8.self).baseAddress)
                }
            }
            invariant(result == 0, "libsodium always encrypts")
            filled = count + tagBytes
        }
        return nonce + sealed
    }

    /// Nil where key, context or bytes are not those that were sealed.
    static func open(_ sealed: ArraySlice<UInt8>, context: [UInt8], by key: Secret) -> Secret? {
        guard sealed.count >= overhead else { return nil }
        let nonce = Array(sealed.prefix(nonceBytes))
        let rest = Array(sealed.dropFirst(nonceBytes))
        let count = rest.count - tagBytes
        // Of one byte at least, so that it has an address.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 8)
        let result = key.withExposedBytes { key in
            shipyard_sodium_open(
                buffer.bindMemory(to: UInt8.self).baseAddress, rest, rest.count, context, context.count,
                nonce,
                key.bindMemory(to: UInt8.self).baseAddress)
        }
        let whole = owned(buffer)
        guard result == 0 else { return nil }
        return count == buffer.count ? whole : Secret(copying: [UInt8]())
    }

    static func key(
        from passphrase: Secret, salt: [UInt8], _ cost: PassphraseCost
    ) throws(VaultError) -> Secret {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: keyBytes, alignment: 8)
        let result = passphrase.withExposedBytes { words in
            shipyard_sodium_derive(
                buffer.bindMemory(to: UInt8.self).baseAddress, keyBytes,
                words.bindMemory(to: CChar.self).baseAddress, words.count, salt, cost.operations,
                Int(cost.memoryBytes))
        }
        let key = owned(buffer)
        guard result == 0 else {
            throw VaultError(
                .system,
                "there is no memory to make a key of the passphrase (\(cost.memoryBytes >> 20) MiB are needed)")
        }
        return key
    }

    private static func owned(_ buffer: UnsafeMutableRawBufferPointer) -> Secret {
        Secret(owning: buffer) { buffer in
            shipyard_sodium_wipe(buffer.baseAddress, buffer.count)
            buffer.deallocate()
        }
    }
}

/// How dear each guess of a passphrase is. Stands in the vault, so that it may rise later.
package struct PassphraseCost: Sendable, Hashable {
    package var operations: UInt64
    package var memoryBytes: UInt64

    package init(operations: UInt64, memoryBytes: UInt64) {
        self.operations = operations
        self.memoryBytes = memoryBytes
    }

    /// libsodium's MODERATE: 256 MiB and some half a second, which a command bears and who guesses does not.
    package static let usual = PassphraseCost(operations: 3, memoryBytes: 256 << 20)

    /// What a file may ask of its reader before anything of it is proved.
    var isBearable: Bool { (1...16).contains(operations) && (8 << 10...1 << 30).contains(memoryBytes) }
}
