import ShipyardModel

/// A vault while it is changed.
struct VaultContents {
    var image: VaultImage
    private(set) var dataKey: Secret
    /// Nil for one that was never written.
    var slotKey: Secret?
    private let path: String

    init(_ vault: OpenVault) {
        image = vault.image
        dataKey = vault.dataKey
        slotKey = vault.slotKey
        path = vault.path
    }

    /// An empty one.
    init(path: String) {
        image = VaultImage(id: Sodium.random(VaultImage.idBytes), generation: 0, slot: .keyFile(name: []))
        dataKey = Sodium.randomKey()
        self.path = path
    }

    mutating func add(_ name: String, _ value: Secret, at now: Instant) throws(VaultError) -> Int {
        guard SecretName.isValid(name) else {
            throw VaultError(.refused, "`\(name)` cannot name a secret", help: SecretName.rule)
        }
        guard value.withExposedBytes({ $0.count <= Vault.largestValue }) else {
            throw VaultError(.refused, "the secret has more than \(Vault.largestValue) bytes")
        }
        let versions = image.entries.filter { $0.name == name }.map(\.version)
        guard !versions.isEmpty || Set(image.entries.map(\.name)).count < Vault.mostSecrets else {
            throw VaultError(.refused, "the vault has \(Vault.mostSecrets) secrets already")
        }
        let version = (versions.last ?? 0) + 1
        put(name, version, value, now)
        // The oldest goes.
        if versions.count >= Vault.mostVersions, let oldest = versions.first {
            image.entries.removeAll { $0.name == name && $0.version == oldest }
        }
        return Int(version)
    }

    mutating func delete(_ name: String) throws(VaultError) {
        let before = image.entries.count
        image.entries.removeAll { $0.name == name }
        guard image.entries.count < before else {
            throw VaultError(.notFound, "the vault has no secret `\(name)`")
        }
    }

    /// Everything is read by the old key and written by a new one.
    mutating func renewKey() throws(VaultError) {
        guard let slotKey else { return }
        let old = OpenVault(image: image, dataKey: dataKey, slotKey: slotKey, path: path)
        dataKey = Sodium.randomKey()
        try take(old.image.entries, of: old)
    }

    /// In place of what is here.
    mutating func take(_ entries: [VaultImage.Entry], of other: OpenVault) throws(VaultError) {
        image.entries = []
        for entry in entries { put(entry.name, entry.version, try other.open(entry), entry.created) }
    }

    mutating func put(_ name: String, _ version: UInt32, _ value: Secret, _ created: Instant) {
        let context = image.context(name: name, version: version, created: created)
        let sealed = Sodium.seal(value, context: context, by: dataKey)
        let entry = VaultImage.Entry(name: name, version: version, created: created, sealed: sealed)
        let place = image.entries.firstIndex { ($0.name, $0.version) > (name, version) } ?? image.entries.count
        image.entries.insert(entry, at: place)
    }
}
