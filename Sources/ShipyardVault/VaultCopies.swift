import Glibc
import ShipyardModel
import ShipyardSystem

// A vault in one file of its own, to carry it elsewhere: the same format under a key of its own, by a passphrase.

/// What an import has done.
package struct VaultImport: Sendable, Hashable {
    package var added: [String] = []
    package var replaced: [String] = []
    /// They are here already, and stay as they are.
    package var left: [String] = []
}

extension Vault {
    /// All versions of all secrets, into a file that must not be there yet. Answers how many secrets they are.
    package func export(to path: String, _ passphrase: Secret, cost: PassphraseCost = .usual) throws(VaultError) -> Int {
        guard let vault = try open() else { throw VaultError(.notFound, "there is no vault yet") }
        let salt = Sodium.random(Sodium.saltBytes)
        let key = try Sodium.key(from: passphrase, salt: salt, cost)
        var copy = VaultContents(path: path)
        copy.image.slot = .passphrase(salt: salt, cost)
        copy.image.generation = 1
        try copy.take(vault.image.entries, of: vault)
        copy.image.sealedKey = Sodium.seal(copy.dataKey, context: copy.image.keyContext, by: key)
        let bytes = copy.image.bytes(copy.dataKey)
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            let failed = bytes.withUnsafeBytes { file.write(all: $0) } ?? (fsync(file.number) == 0 ? nil : errno)
            if let failed {
                unlink(path)
                throw SystemError("write", path: path, errno: failed)
            }
        } catch {
            throw VaultError(error)
        }
        return vault.secrets.count
    }

    /// The secrets of an exported file. Those whose names are here already stay as they are, unless `replaces` is set.
    package func importAll(
        from path: String, _ passphrase: Secret, replaces: Bool
    ) throws(VaultError) -> VaultImport {
        try Sodium.load()
        let copy = try Self.openCopy(path, passphrase)
        return try change { contents throws(VaultError) in
            var result = VaultImport()
            let here = Set(contents.image.entries.map(\.name))
            for secret in copy.secrets {
                if here.contains(secret.name) {
                    guard replaces else {
                        result.left.append(secret.name)
                        continue
                    }
                    result.replaced.append(secret.name)
                    try contents.delete(secret.name)
                } else {
                    result.added.append(secret.name)
                }
                for entry in copy.image.entries where entry.name == secret.name {
                    contents.put(entry.name, entry.version, try copy.open(entry), entry.created)
                }
            }
            return result
        }
    }

    private static func openCopy(_ path: String, _ passphrase: Secret) throws(VaultError) -> OpenVault {
        guard let file = FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else {
            throw VaultError(SystemError("open", path: path, errno: errno))
        }
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw VaultError(.refused, "\(path) is no regular file")
        }
        let bytes = try readAll(file, path, size: Int(status.st_size), atMost: VaultDirectory.largestFile)
        guard let image = VaultImage(bytes), case .passphrase(let salt, let cost) = image.slot else {
            throw VaultError(.damaged, "\(path) is no exported vault, or not all of one")
        }
        let key = try Sodium.key(from: passphrase, salt: salt, cost)
        guard let dataKey = Sodium.open(image.sealedKey[...], context: image.keyContext, by: key) else {
            throw VaultError(.wrongKey, "the passphrase is not the one of \(path), or the file is damaged")
        }
        guard VaultImage.isWhole(bytes, dataKey) else {
            throw VaultError(.damaged, "\(path) is damaged: it is not what was written")
        }
        return OpenVault(image: image, dataKey: dataKey, slotKey: key, path: path)
    }
}
