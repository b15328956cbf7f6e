import Glibc
import ShipyardModel
import ShipyardSystem
import Synchronization

/// Files that were being written when their writers were killed. A writer holds a lock on its own, so what nobody holds is nobody's.
enum PartialFiles {
    /// From this size on a file's room is reserved before it is written.
    static let reservedBytes: Int64 = 1 << 20
    /// Younger ones may be between their making and their lock.
    private static let youngestSeconds: Int64 = 60
    /// Parts of a large download wait so long for the run that goes on with them.
    private static let keptSeconds: Int64 = 7 * 86_400

    private static let seen = Mutex<Set<FileIdentity>>([])

    /// Once for each directory in the life of a process.
    static func sweep(_ directory: Int32, _ prefix: String) {
        guard let identity = FileIdentity(of: directory),
            seen.withLock({ seen in
                if seen.count > 10_000 { seen = [] }
                return seen.insert(identity).inserted
            })
        else { return }
        remove(prefix, in: directory)
    }

    /// - Parameter youngest: in seconds.
    static func remove(_ prefix: String, in directory: Int32, youngest: Int64 = youngestSeconds) {
        guard var stream = try? DirectoryStream(of: directory) else { return }
        let now = Int64(time(nil))
        while let entry = stream.next() {
            guard entry.name.bytes.starts(with: prefix.utf8), entry.mayBeFile else { continue }
            let number = entry.name.withCString {
                openat(directory, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            }
            guard number >= 0 else { continue }
            let file = FileDescriptor(owning: number)
            let isResumable = entry.name.isResumable
            guard let status = FileStatus(of: BytePath(""), in: file.number), status.isRegular,
                now - status.changed / 1_000_000_000 > (isResumable ? keptSeconds : youngest),
                flock(file.number, LOCK_EX | LOCK_NB) == 0
            else { continue }
            _ = entry.name.withCString { unlinkat(directory, $0, 0) }
        }
    }
}

extension BytePath {
    /// Of a download in parts, and of the notes beside it.
    fileprivate var isResumable: Bool {
        bytes.starts(with: PartialDownload.keptPrefix.utf8)
    }
}
