import ShipyardModel

/// How a file is kept. Azure's words for its access tiers; here they say what is done to the bytes.
package enum StorageTier: String, Sendable, CaseIterable, Codable {
    case hot
    /// Compressed, and read as if it were not.
    case cool
    /// Compressed as far as it goes, and read only after `data rehydrate`.
    case archive

    /// Of a container: below it lies what is not hot.
    package static let root = BytePath(".shipyard-tiers")

    /// What a sample of a file comes to here.
    package func keptBytes(ofSample bytes: [UInt8]) throws(FileStoreError) -> Int {
        guard self != .hot else { return bytes.count }
        let compressor = try Zstd.Compressor(level: compressionLevel)
        var count = 0
        var failure: FileStoreError?
        bytes.withUnsafeBytes { bytes in
            do throws(FileStoreError) {
                try compressor.add(bytes, isEnd: true) { piece in
                    count += piece.count
                    return true
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return count
    }

    /// Of zstd.
    var compressionLevel: Int32 {
        switch self {
        case .hot: 0
        case .cool: 3
        case .archive: 19
        }
    }
}

/// Where the bytes of a file that is not hot lie: `.shipyard-tiers/cool/NAME!SIZE-MILLISECONDS-MD5`. So a listing tells of a
/// file all that it would tell of a hot one, whatever the store keeps beside its names.
///
/// Bytes of a name up to `"` are written as `"` and another letter. With that the places of a tier are in the order of their names, and
/// that of a name comes before those of longer ones.
struct TierName: Hashable {
    static let root = StorageTier.root
    private static let mark = UInt8(ascii: "!")
    private static let escape = UInt8(ascii: "\"")
    private static let shift: UInt8 = 0x40

    var tier: StorageTier
    var name: BytePath
    /// Of what was compressed.
    var size: Int64
    var modified: Instant
    var md5: String

    var path: BytePath {
        BytePath(
            bytes: Self.start(of: name, tier).bytes + Array("\(size)-\(modified.milliseconds)-\(md5)".utf8))
    }

    init(_ tier: StorageTier, _ name: BytePath, size: Int64, modified: Instant, md5: String) {
        self.tier = tier
        self.name = name
        self.size = size
        self.modified = modified
        self.md5 = md5
    }

    /// Nil for what nobody has made so.
    init?(_ path: BytePath, _ tier: StorageTier) {
        let start = Self.start(of: tier).bytes
        guard path.bytes.starts(with: start) else { return nil }
        let rest = path.bytes[start.count...]
        guard let mark = rest.firstIndex(of: Self.mark), let name = Self.unescaped(rest[..<mark]) else {
            return nil
        }
        let parts = String(decoding: rest[(mark + 1)...], as: UTF8.self).split(
            separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let size = Int64(parts[0]), (0...StoredFile.largest).contains(size),
            let modified = Int64(parts[1]), (0...StoredFile.latest).contains(modified),
            parts[2].utf8.count == 32
        else { return nil }
        self.init(
            tier, name, size: size, modified: Instant(milliseconds: modified), md5: String(parts[2]))
    }

    /// What all places of a tier begin with whose names begin with `prefix`.
    static func start(of tier: StorageTier, _ prefix: BytePath = BytePath("")) -> BytePath {
        BytePath(bytes: root.bytes + Array("/\(tier.rawValue)/".utf8) + escaped(prefix))
    }

    /// What the places of one name begin with.
    static func start(of name: BytePath, _ tier: StorageTier) -> BytePath {
        BytePath(bytes: start(of: tier, name).bytes + [mark])
    }

    /// What comes after all places of this name and before those of any later one.
    static func end(of name: BytePath, _ tier: StorageTier) -> BytePath {
        BytePath(bytes: start(of: name, tier).bytes + [UInt8(ascii: "~")])
    }

    static func isInside(_ name: BytePath) -> Bool { name == root || name.isBelow(root) }

    private static func escaped(_ name: BytePath) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.bytes.count)
        for byte in name.bytes {
            if byte <= escape { bytes += [escape, byte + shift] } else { bytes.append(byte) }
        }
        return bytes
    }

    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> BytePath? {
        var found: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            guard byte == escape else {
                found.append(byte)
                continue
            }
            guard let next = rest.popFirst(), next >= shift, next <= escape + shift else { return nil }
            found.append(next - shift)
        }
        return found.isEmpty ? nil : BytePath(bytes: found)
    }
}
