import ShipyardModel

/// A vault as it was when it was opened: its names, and the values one by one.
package struct OpenVault: Sendable {
    let image: VaultImage
    let dataKey: Secret
    /// For what is written next.
    let slotKey: Secret
    let path: String

    /// A secret, without its values.
    package struct Listed: Sendable {
        package var name: String
        /// The latest.
        package var version: Int
        package var created: Instant
        package var versions: [(version: Int, created: Instant)]
    }

    package var isOfPassphrase: Bool {
        if case .passphrase = image.slot { true } else { false }
    }

    /// By name.
    package var secrets: [Listed] {
        var found: [Listed] = []
        for entry in image.entries {
            if found.last?.name != entry.name {
                found.append(Listed(name: entry.name, version: 0, created: entry.created, versions: []))
            }
            let last = found.count - 1
            found[last].versions.append((Int(entry.version), entry.created))
            (found[last].version, found[last].created) = (Int(entry.version), entry.created)
        }
        return found
    }

    /// The latest version, or the one that is asked for.
    package func value(of name: String, version: Int? = nil) throws(VaultError) -> Secret {
        let versions = image.entries.filter { $0.name == name }
        guard let latest = versions.last else {
            throw VaultError(.notFound, "the vault has no secret `\(name)`")
        }
        guard let version else { return try open(latest) }
        guard let wanted = versions.first(where: { Int($0.version) == version }) else {
            let kept = versions.map { String($0.version) }.joined(separator: ", ")
            throw VaultError(.notFound, "the secret `\(name)` has no version \(version) in the vault (it has \(kept))")
        }
        return try open(wanted)
    }

    /// All versions that are kept, the oldest first; none where there is no such secret.
    package func values(of name: String) throws(VaultError) -> [Secret] {
        var values: [Secret] = []
        for entry in image.entries where entry.name == name { values.append(try open(entry)) }
        return values
    }

    func open(_ entry: VaultImage.Entry) throws(VaultError) -> Secret {
        let context = image.context(name: entry.name, version: entry.version, created: entry.created)
        guard let value = Sodium.open(entry.sealed[...], context: context, by: dataKey) else {
            throw VaultError(
                .damaged, "the vault \(path) is damaged: what stands there as `\(entry.name)` is not what was put there")
        }
        return value
    }
}
