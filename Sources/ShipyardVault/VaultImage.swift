import ShipyardModel

/// The vault's file: what is in it, and its bytes.
///
/// ```text
/// "shipyard-vault 1\n"  id (16)  generation (8)
/// key slot: 1, name of the key file (8)  or  2, operations (8), memory (8), salt (16)
/// the data key, sealed by the key of the slot                       its context: all of the above
/// number of secrets (4), and each: name, version, time, value sealed   its context: id, name, version, time
/// an empty text, sealed                                             its context: all of the above
/// ```
///
/// Numbers are big-endian; a length of four bytes stands before each name and each value.
struct VaultImage {
    /// One version of a secret.
    struct Entry {
        var name: String
        var version: UInt32
        var created: Instant
        var sealed: [UInt8]
    }

    /// What opens the data key.
    enum KeySlot: Hashable {
        case keyFile(name: [UInt8])
        case passphrase(salt: [UInt8], PassphraseCost)
    }

    static let magic = Array("shipyard-vault 1\n".utf8)
    static let idBytes = 16
    static let keyNameBytes = 8

    /// Tells vaults apart: a part of each secret's context.
    var id: [UInt8]
    /// Counts the writes.
    var generation: UInt64
    var slot: KeySlot
    var sealedKey: [UInt8] = []
    /// Sorted by name and version.
    var entries: [Entry] = []
}

// MARK: Contexts

extension VaultImage {
    /// What the data key belongs to.
    var keyContext: [UInt8] { Array("data key\0".utf8) + head }

    /// What a value belongs to: moved under another name, version or vault it does not open. The name comes last, so
    /// that nothing can be taken for a part of it.
    func context(name: String, version: UInt32, created: Instant) -> [UInt8] {
        var writer = VaultWriter(bytes: Array("secret\0".utf8) + id)
        writer.append(version)
        writer.append(UInt64(bitPattern: created.milliseconds))
        return writer.bytes + Array(name.utf8)
    }

    private static let wholeContext = Array("whole\0".utf8)

    private var head: [UInt8] {
        var writer = VaultWriter(bytes: Self.magic + id)
        writer.append(generation)
        switch slot {
        case .keyFile(let name): writer.bytes += [1] + name
        case .passphrase(let salt, let cost):
            writer.bytes.append(2)
            writer.append(cost.operations)
            writer.append(cost.memoryBytes)
            writer.bytes += salt
        }
        return writer.bytes
    }

    // MARK: Bytes

    func bytes(_ dataKey: Secret) -> [UInt8] {
        var writer = VaultWriter(bytes: head)
        writer.append(block: sealedKey)
        writer.append(UInt32(entries.count))
        for entry in entries {
            writer.append(block: Array(entry.name.utf8))
            writer.append(entry.version)
            writer.append(UInt64(bitPattern: entry.created.milliseconds))
            writer.append(block: entry.sealed)
        }
        let nothing = Secret(copying: [UInt8]())
        return writer.bytes + Sodium.seal(nothing, context: Self.wholeContext + writer.bytes, by: dataKey)
    }

    /// Nil where it is no vault of this version, or not whole. Nothing of it is proved by that.
    init?(_ bytes: [UInt8]) {
        var reader = VaultReader(bytes[...])
        guard reader.take(Self.magic.count).map(Array.init) == Self.magic,
            let id = reader.take(Self.idBytes), let generation = reader.number64(), let kind = reader.take(1)
        else { return nil }
        self.init(id: Array(id), generation: generation, slot: .keyFile(name: []))
        switch kind.first {
        case 1:
            guard let name = reader.take(Self.keyNameBytes) else { return nil }
            slot = .keyFile(name: Array(name))
        case 2:
            guard let operations = reader.number64(), let memory = reader.number64(),
                let salt = reader.take(Sodium.saltBytes)
            else { return nil }
            let cost = PassphraseCost(operations: operations, memoryBytes: memory)
            guard cost.isBearable else { return nil }
            slot = .passphrase(salt: Array(salt), cost)
        default: return nil
        }
        guard let sealedKey = reader.block(), let count = reader.number32() else { return nil }
        self.sealedKey = sealedKey
        for _ in 0..<count {
            guard let nameBytes = reader.block(), let name = String(validating: nameBytes, as: UTF8.self),
                let version = reader.number32(), let time = reader.number64(), let sealed = reader.block()
            else { return nil }
            let created = Instant(milliseconds: Int64(bitPattern: time))
            entries.append(Entry(name: name, version: version, created: created, sealed: sealed))
        }
        guard reader.count == Sodium.overhead else { return nil }
    }

    /// Whether the bytes are those that whoever has the data key has written, to the last one.
    static func isWhole(_ bytes: [UInt8], _ dataKey: Secret) -> Bool {
        guard bytes.count >= Sodium.overhead else { return false }
        let end = bytes.count - Sodium.overhead
        return Sodium.open(bytes[end...], context: wholeContext + bytes[..<end], by: dataKey) != nil
    }
}

struct VaultWriter {
    var bytes: [UInt8]

    mutating func append(_ number: UInt32) {
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
    mutating func append(_ number: UInt64) {
        append(UInt32(truncatingIfNeeded: number >> 32))
        append(UInt32(truncatingIfNeeded: number))
    }
    mutating func append(block: [UInt8]) {
        append(UInt32(block.count))
        bytes += block
    }
}

struct VaultReader {
    private var rest: ArraySlice<UInt8>
    var count: Int { rest.count }
    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func number32() -> UInt32? { take(4).map { $0.reduce(0) { $0 << 8 | UInt32($1) } } }
    mutating func number64() -> UInt64? { take(8).map { $0.reduce(0) { $0 << 8 | UInt64($1) } } }
    mutating func block() -> [UInt8]? { number32().flatMap { take(Int($0)) }.map(Array.init) }
}
