import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem

/// That a task has stored all that it has made, and has begun to delete what it had fetched for that.
///
/// In the home and not on the node: it must outlive both. From the first deletion on no attempt can do the work again, because it
/// would do it on less and put a part in the place of a whole. The next one finds this, deletes the rest, and is done (docs/adr/0048).
struct DeletionRecord {
    /// By rule: its number among the task's, and what it has fetched.
    struct Part: Hashable {
        var rule: Int
        var files: [FetchedFiles.File]
    }

    let path: BytePath

    /// Nil where the manifest deletes nothing, or was written by hand.
    ///
    /// - Parameter task: unique in its job, as `loadScope` is among jobs.
    init?(_ manifest: StagingManifest, task: BytePath) {
        guard let directory = manifest.deletions, let scope = manifest.loadScope, manifest.deletesInputs else { return nil }
        path = BytePath(directory) / BytePath(SHA256.hexDigest(of: Array(scope.utf8) + [UInt8(ascii: "/")] + task.bytes))
    }

    /// On the disk before it returns: what is deleted after that is not there after a power cut either.
    func write(_ parts: [Part]) throws(FileStoreError) {
        var text = ""
        for part in parts {
            for file in part.files { text += "\(part.rule) \(file.line)" }
        }
        let new = BytePath(bytes: path.bytes + Array(".new".utf8))
        do throws(SystemError) {
            try ShipyardSystem.makeDirectories(path.parent, mode: 0o700)
            _ = unlink(new.cString)
            let file = FileDescriptor(owning: open(new.cString, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600))
            guard file.number >= 0 else { throw SystemError("create", path: new.description, errno: errno) }
            if let number = Array(text.utf8).withUnsafeBytes({ file.write(all: $0) }) {
                throw SystemError("write", path: new.description, errno: number)
            }
            guard fsync(file.number) == 0, rename(new.cString, path.cString) == 0 else {
                throw SystemError("write", path: path.description, errno: errno)
            }
            let directory = try FileDescriptor.open(path.parent.description, O_RDONLY | O_DIRECTORY)
            guard fsync(directory.number) == 0 else { throw SystemError("sync", path: path.description, errno: errno) }
        } catch {
            _ = unlink(new.cString)
            throw FileStoreError(.localFile, "the record of the deletion cannot be written: \(error.description)")
        }
    }

    /// Nil where no deletion has begun, or it is over.
    func read() throws(FileStoreError) -> [Part]? {
        var status = stat()
        guard lstat(path.cString, &status) == 0 || errno != ENOENT else { return nil }
        guard let text = FetchedFiles.text(of: path) else {
            throw FileStoreError(
                .localFile, "an earlier attempt has begun to delete what it had fetched, and its record of that, \(path), cannot be read")
        }
        var parts: [Part] = []
        for line in text.split(separator: UInt8(ascii: "\n")) {
            guard let end = line.firstIndex(of: UInt8(ascii: " ")),
                let rule = Int(String(decoding: line[..<end], as: UTF8.self)),
                let file = FetchedFiles.File(line: line[(end + 1)...])
            else { continue }
            if parts.last?.rule != rule { parts.append(Part(rule: rule, files: [])) }
            parts[parts.count - 1].files.append(file)
        }
        return parts
    }

    /// All is deleted. A record that stayed would keep a later rerun from its work.
    func remove() throws(FileStoreError) {
        guard unlink(path.cString) == 0 || errno == ENOENT else {
            throw FileStoreError(.localFile, SystemError("remove", path: path.description, errno: errno).description)
        }
    }
}
