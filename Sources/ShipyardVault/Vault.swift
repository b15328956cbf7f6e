import ShipyardModel

/// Secrets by name, each with its latest versions, in one encrypted file (docs/adr/0043).
package struct Vault: Sendable {
    /// Longer than any key; a credentials file has a few kilobytes.
    package static let largestValue = 256 << 10
    package static let mostVersions = 32
    package static let mostSecrets = 10_000

    private let directory: VaultDirectory
    private let passphrase: @Sendable () throws(VaultError) -> Secret?
    private let cost: PassphraseCost

    /// - Parameters:
    ///   - path: the vault's directory.
    ///   - passphrase: asked where the vault needs one; nil for who has none.
    package init(
        _ path: String, cost: PassphraseCost = .usual,
        passphrase: @escaping @Sendable () throws(VaultError) -> Secret? = { () throws(VaultError) in nil }
    ) {
        directory = VaultDirectory(path: path)
        self.passphrase = passphrase
        self.cost = cost
    }

    package var file: String { directory.file }

    // MARK: Reading

    /// Nil where there is no vault yet.
    ///
    /// - Parameter keys: of slots that were opened before, so that a passphrase is worked on once.
    package func open(_ keys: inout SlotKeys) throws(VaultError) -> OpenVault? {
        try Sodium.load()
        try directory.check()
        // A writer may change the key between two reads: then its vault is there, too.
        var attempts = 0
        while true {
            attempts += 1
            // Read before the vault, which is written before it.
            let least = try directory.readGeneration()
            guard let bytes = try directory.readVault() else {
                guard least == nil else { throw gone() }
                return nil
            }
            guard let image = VaultImage(bytes) else {
                throw VaultError(.damaged, "the vault \(file) is damaged: it is not a whole file of a vault")
            }
            guard let slotKey = try key(of: image.slot, &keys) else {
                guard attempts < 5 else { throw keyGone(image.slot) }
                continue
            }
            let opened = try opened(image, bytes, slotKey)
            if let least, image.generation < least { throw older(image.generation, least) }
            keys.known[image.slot] = slotKey
            return opened
        }
    }

    package func open() throws(VaultError) -> OpenVault? {
        var keys = SlotKeys()
        return try open(&keys)
    }

    private func opened(
        _ image: VaultImage, _ bytes: [UInt8], _ slotKey: Secret
    ) throws(VaultError) -> OpenVault {
        guard let dataKey = Sodium.open(image.sealedKey[...], context: image.keyContext, by: slotKey) else {
            switch image.slot {
            case .passphrase:
                throw VaultError(.wrongKey, "the passphrase is not the one of the vault \(file), or the file is damaged")
            case .keyFile(let name):
                throw VaultError(
                    .wrongKey, "the key in \(directory.keyFile(name)) does not open the vault \(file), or one of both is damaged")
            }
        }
        guard VaultImage.isWhole(bytes, dataKey) else {
            throw VaultError(.damaged, "the vault \(file) is damaged: it is not what was written")
        }
        return OpenVault(image: image, dataKey: dataKey, slotKey: slotKey, path: file)
    }

    /// Nil where the key file is gone.
    private func key(of slot: VaultImage.KeySlot, _ keys: inout SlotKeys) throws(VaultError) -> Secret? {
        switch slot {
        case .keyFile(let name): return try directory.readKey(name)
        case .passphrase(let salt, let cost):
            if let known = keys.known[slot] { return known }
            guard let passphrase = try passphrase() else {
                throw VaultError(
                    .locked, "the vault is locked by a passphrase",
                    help: "name the file that holds it with SHIPYARD_VAULT_PASSPHRASE_FILE")
            }
            return try Sodium.key(from: passphrase, salt: salt, cost)
        }
    }

    private func keyGone(_ slot: VaultImage.KeySlot) -> VaultError {
        guard case .keyFile(let name) = slot else { return gone() }
        return VaultError(
            .notFound, "the key file \(directory.keyFile(name)) of the vault is gone",
            help: "put it back from a copy; without it nobody can read the vault")
    }

    private func gone() -> VaultError {
        VaultError(
            .damaged, "the vault \(file) is gone, and its other files are there",
            help: "put it back from a copy, or delete \(directory.path) to begin a new one")
    }

    private func older(_ found: UInt64, _ least: UInt64) -> VaultError {
        VaultError(
            .damaged, "the vault \(file) is an older copy: it was written \(found) times, and \(least) times is known",
            help: "if it was put back on purpose, delete \(directory.generationFile)")
    }

    // MARK: Writing

    /// Puts a new version and answers its number.
    package func add(_ name: String, _ value: Secret, at now: Instant) throws(VaultError) -> Int {
        try change { contents throws(VaultError) in try contents.add(name, value, at: now) }
    }

    /// Deletes all versions.
    package func delete(_ name: String) throws(VaultError) {
        try change { contents throws(VaultError) in try contents.delete(name) }
    }

    /// All that is in the vault under a new data key and a new key of the slot.
    package func rotate(to lock: NewLock) throws(VaultError) {
        guard try open() != nil else { throw VaultError(.notFound, "there is no vault yet") }
        try change(to: lock) { contents throws(VaultError) in try contents.renewKey() }
    }

    /// What the vault is locked by from now on.
    package enum NewLock: Sendable {
        /// A new key of the same kind; a passphrase stays.
        case same
        case keyFile
        case passphrase(Secret)
    }

    /// Reads, changes and writes while nobody else does. A vault that is not there yet is made.
    func change<Answer>(
        to lock: NewLock? = nil, _ body: (inout VaultContents) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        try Sodium.load()
        try directory.make()
        try directory.check()
        return try directory.whileLocked { () throws(VaultError) in
            var contents: VaultContents
            if let current = try open() {
                contents = VaultContents(current)
            } else {
                contents = VaultContents(path: file)
            }
            let answer = try body(&contents)
            try write(&contents, lock)
            return answer
        }
    }

    private func write(_ contents: inout VaultContents, _ lock: NewLock?) throws(VaultError) {
        let isNew = contents.slotKey == nil
        if isNew || lock != nil {
            let (slot, key) = try newSlot(lock ?? .keyFile, of: contents)
            contents.image.slot = slot
            contents.slotKey = key
        }
        guard let slotKey = contents.slotKey else { invariantFailure("a vault without a key") }
        contents.image.generation += 1
        contents.image.sealedKey = Sodium.seal(
            contents.dataKey, context: contents.image.keyContext, by: slotKey)
        let bytes = contents.image.bytes(contents.dataKey)
        guard bytes.count <= VaultDirectory.largestFile else {
            throw VaultError(.refused, "the vault would have more than \(VaultDirectory.largestFile >> 20) MiB")
        }
        try directory.write(bytes, to: file)
        // From here on the new vault is the vault.
        try directory.write(Array("\(contents.image.generation)\n".utf8), to: directory.generationFile)
        if case .keyFile(let name) = contents.image.slot {
            directory.removeLeftovers(butKey: name)
        } else {
            directory.removeLeftovers(butKey: nil)
        }
    }

    /// A key file is on the disk before a vault that needs it.
    private func newSlot(
        _ lock: NewLock, of contents: VaultContents
    ) throws(VaultError) -> (VaultImage.KeySlot, Secret) {
        switch lock {
        case .passphrase(let words):
            let salt = Sodium.random(Sodium.saltBytes)
            return (.passphrase(salt: salt, cost), try Sodium.key(from: words, salt: salt, cost))
        case .same:
            guard case .passphrase = contents.image.slot, contents.slotKey != nil else {
                return try newSlot(.keyFile, of: contents)
            }
            guard let words = try passphrase() else { throw VaultError(.locked, "there is no passphrase") }
            return try newSlot(.passphrase(words), of: contents)
        case .keyFile:
            let (name, key) = (Sodium.random(VaultImage.keyNameBytes), Sodium.randomKey())
            var bytes = key.withExposedBytes { Array($0) }
            defer { wipe(&bytes) }
            try directory.write(bytes, to: directory.keyFile(name))
            return (.keyFile(name: name), key)
        }
    }
}

/// Keys of slots, in memory alone.
package struct SlotKeys: Sendable {
    var known: [VaultImage.KeySlot: Secret] = [:]
    package init() {}
}
