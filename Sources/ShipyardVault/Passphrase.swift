import Glibc
import ShipyardModel
import ShipyardSystem

/// Files of the user's that hold one secret each: a passphrase, a value.
package enum SecretFile {
    /// Read where it belongs to the user or to root, and others may not read it. Links are followed: whoever hands out
    /// secrets as files often makes some.
    package static func read(_ path: String, atMost limit: Int) throws(VaultError) -> Secret {
        guard let file = FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else {
            throw VaultError(SystemError("open", path: path, errno: errno))
        }
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw VaultError(.unsafe, "\(path) is no regular file")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw VaultError(.unsafe, "\(path) belongs to another user (\(status.st_uid))")
        }
        guard status.st_mode & 0o027 == 0 else {
            throw VaultError(
                .unsafe,
                "\(path) can be read or changed by others (its mode is \(String(status.st_mode & 0o777, radix: 8)))",
                help: "`chmod 600 \(path)` mends it")
        }
        var bytes = try readAll(file, path, size: Int(status.st_size), atMost: limit)
        defer { wipe(&bytes) }
        return Secret(copying: bytes)
    }

    /// What editors and `echo` put behind a passphrase is no part of it.
    package static func passphrase(_ path: String) throws(VaultError) -> Secret {
        let text = try read(path, atMost: VaultDirectory.largestPassphrase).withoutLineBreak
        guard text.withExposedBytes({ !$0.isEmpty }) else {
            throw VaultError(.refused, "the passphrase in \(path) is empty")
        }
        return text
    }
}
