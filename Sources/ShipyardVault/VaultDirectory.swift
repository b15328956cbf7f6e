import Glibc
import ShipyardModel
import ShipyardSystem

/// The directory of a vault and its files, each of which is read with suspicion and written whole.
///
/// ```text
/// vault             all secrets, encrypted          generation   how often it was written, at least
/// key-<name>        the key file                    lock         whoever writes has it
/// ```
struct VaultDirectory {
    /// All versions of all secrets.
    static let largestFile = 64 << 20
    static let largestPassphrase = 4096

    let path: String

    var file: String { path + "/vault" }
    var generationFile: String { path + "/generation" }
    func keyFile(_ name: [UInt8]) -> String { path + "/key-" + hexadecimalText(name) }

    /// Makes it where it is missing, for the user alone.
    func make() throws(VaultError) {
        do throws(SystemError) {
            try makeDirectories(BytePath(path), mode: 0o700)
        } catch {
            throw VaultError(error)
        }
    }

    /// Throws where others could put other files into it, or see names. Nothing where there is none.
    func check() throws(VaultError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw VaultError(SystemError("look at", path: path, errno: errno))
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw unsafe(path, "is no directory") }
        try checkOwner(status, path)
        guard status.st_mode & 0o077 == 0 else {
            throw unsafe(
                path, "can be read or changed by others (its mode is \(String(status.st_mode & 0o777, radix: 8)))",
                help: "`chmod 700 \(path)` mends it")
        }
    }

    // MARK: Reading

    /// Nil where there is none.
    func readVault() throws(VaultError) -> [UInt8]? { try readPrivate(file, atMost: Self.largestFile) }

    func readKey(_ name: [UInt8]) throws(VaultError) -> Secret? {
        guard var bytes = try readPrivate(keyFile(name), atMost: Sodium.keyBytes) else { return nil }
        defer { wipe(&bytes) }
        guard bytes.count == Sodium.keyBytes else {
            throw VaultError(
                .damaged, "the key file \(keyFile(name)) has \(bytes.count) bytes and not \(Sodium.keyBytes)")
        }
        return Secret(copying: bytes)
    }

    /// How often the vault was written at least: less than that in the file means that somebody has put back an older
    /// one. Nil where nobody has told.
    func readGeneration() throws(VaultError) -> UInt64? {
        guard let bytes = try readPrivate(generationFile, atMost: 64) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasSuffix("\n"), let number = UInt64(text.dropLast()) else {
            throw VaultError(.damaged, "the file \(generationFile) does not say a number")
        }
        return number
    }

    /// A file that belongs to the user, whom nobody else can read it; a link is none.
    private func readPrivate(_ path: String, atMost limit: Int) throws(VaultError) -> [UInt8]? {
        guard let file = FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) else {
            switch errno {
            case ENOENT: return nil
            case ELOOP: throw unsafe(path, "is a link")
            default: throw VaultError(SystemError("open", path: path, errno: errno))
            }
        }
        var status = stat()
        guard fstat(file.number, &status) == 0 else {
            throw VaultError(SystemError("look at", path: path, errno: errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw unsafe(path, "is no regular file") }
        try checkOwner(status, path)
        guard status.st_mode & 0o077 == 0 else {
            throw unsafe(
                path, "can be read or changed by others (its mode is \(String(status.st_mode & 0o777, radix: 8)))",
                help: "`chmod 600 \(path)` mends it; what others have read is no secret any more")
        }
        return try readAll(file, path, size: Int(status.st_size), atMost: limit)
    }

    private func checkOwner(_ status: stat, _ path: String) throws(VaultError) {
        guard status.st_uid != geteuid() else { return }
        throw unsafe(path, "belongs to another user (\(status.st_uid))")
    }

    private func unsafe(_ path: String, _ what: String, help: String? = nil) -> VaultError {
        VaultError(.unsafe, "the vault is not used: \(path) \(what)", help: help)
    }

    // MARK: Writing

    /// Runs `body` while nobody else writes.
    func whileLocked<Answer>(_ body: () throws(VaultError) -> Answer) throws(VaultError) -> Answer {
        let path = path + "/lock"
        let lock: FileDescriptor
        do throws(SystemError) {
            lock = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        } catch {
            throw VaultError(error)
        }
        while flock(lock.number, LOCK_EX) != 0 {
            guard errno == EINTR else { throw VaultError(SystemError("lock", path: path, errno: errno)) }
        }
        let answer = try body()
        // Held to here.
        _ = lock.number
        return answer
    }

    func write(_ bytes: [UInt8], to path: String) throws(VaultError) {
        let result: Result<Void, SystemError> = bytes.withUnsafeBytes { bytes in
            Result { () throws(SystemError) in try WholeFile.write(bytes, to: path) }
        }
        do throws(SystemError) {
            try result.get()
        } catch {
            throw VaultError(error)
        }
    }

    /// Keys of slots that are gone, and what died halfway.
    func removeLeftovers(butKey name: [UInt8]?) {
        guard var entries = try? DirectoryStream(at: BytePath(path)) else { return }
        let kept = name.map { "key-" + hexadecimalText($0) }
        while let entry = entries.next() {
            let text = entry.name.shown
            guard text.hasPrefix("key-") || text.hasPrefix(WholeFile.draftPrefix), text != kept else { continue }
            unlink(path + "/" + text)
        }
    }
}

func readAll(
    _ file: borrowing FileDescriptor, _ path: String, size: Int, atMost limit: Int
) throws(VaultError) -> [UInt8] {
    guard size <= limit else {
        throw VaultError(.damaged, "\(path) has \(size) bytes, and \(limit) at most are read")
    }
    // One byte more: somebody may be writing.
    guard let bytes = file.read(upTo: size + 1) else {
        throw VaultError(SystemError("read", path: path, errno: errno))
    }
    guard bytes.count == size else { throw VaultError(.system, "\(path) is being written") }
    return bytes
}

func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { bytes in
        if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
    }
}
