import Glibc
import ShipyardModel

/// A file that is written anew as a whole: for files that somebody may read at any moment, or after a power cut.
package enum WholeFile {
    /// What names of drafts begin with. One is left only by who died in the middle.
    package static let draftPrefix = ".new-"

    /// Whatever dies, the file is the old or the new one: first all of the new one is on the disk, then it has its name, and then
    /// that is on the disk.
    ///
    /// - Parameter mode: of the new file from its first moment; nobody else could open it before.
    package static func write(
        _ bytes: UnsafeRawBufferPointer, to path: String, mode: mode_t = 0o600
    ) throws(SystemError) {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        let folder = directory.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : directory
        let draft = "\(folder)/\(draftPrefix)\(getpid())-\(UInt32.random(in: 0 ... .max))"
        do throws(SystemError) {
            let file = try FileDescriptor.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
            let failed = file.write(all: bytes) ?? (fsync(file.number) == 0 ? nil : errno)
            if let failed { throw SystemError("write", path: path, errno: failed) }
            guard rename(draft, path) == 0 else { throw SystemError("rename", path: path, errno: errno) }
        } catch {
            unlink(draft)
            throw error
        }
        let opened = try FileDescriptor.open(folder, O_RDONLY | O_DIRECTORY)
        guard fsync(opened.number) == 0 else { throw SystemError("sync", path: folder, errno: errno) }
    }
}
