import Glibc
import ShipyardModel
import ShipyardSystem

/// Puts new bytes in the place of a file that was read before: whole or not at all, and only if it is still what was read.
enum SpecRewrite {
    static func write(_ new: [UInt8], over old: [UInt8], at path: String) throws(CommandFailure) {
        // What a link leads to is rewritten, and the link stays one.
        guard let resolved = realpath(path, nil) else { throw failure("find", path) }
        let target = String(cString: resolved)
        free(resolved)
        var before = stat()
        guard lstat(target, &before) == 0 else { throw failure("look at", path) }
        guard before.st_mode & S_IFMT == S_IFREG else { throw refusal(path, "it is no file") }
        guard before.st_nlink == 1 else { throw refusal(path, "it has a second name, which would keep the old text") }
        guard access(target, W_OK) == 0 else { throw failure("write", path) }

        let draft = "\(target).fix-\(getpid())"
        var isPlaced = false
        defer { if !isPlaced { unlink(draft) } }
        try fill(draft, new, as: before, path)
        // Somebody may have saved it while we thought.
        guard (try? LocalFile.read(target)) == old else { throw refusal(path, "it has changed meanwhile") }
        guard rename(draft, target) == 0 else { throw failure("write", path) }
        isPlaced = true
    }

    private static func fill(
        _ draft: String, _ bytes: [UInt8], as before: stat, _ path: String
    ) throws(CommandFailure) {
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write", path) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path) }
            rest = rest.dropFirst(count)
        }
        let isOurs = before.st_uid == geteuid() && before.st_gid == getegid()
        guard isOurs || fchown(descriptor, before.st_uid, before.st_gid) == 0 else {
            throw refusal(path, "its owner could not be kept")
        }
        guard fchmod(descriptor, before.st_mode & 0o7777) == 0, fsync(descriptor) == 0 else {
            throw failure("write", path)
        }
    }

    private static func failure(_ operation: String, _ path: String) -> CommandFailure {
        CommandFailure(.failed, "\(SystemError(operation, path: path, errno: errno))")
    }

    private static func refusal(_ path: String, _ reason: String) -> CommandFailure {
        CommandFailure(.failed, "`\(path)` is left as it is: \(reason)")
    }
}
