import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// Which job a directory below `workitems` was made for. Ids of jobs are used again, numbers are not: so files that
/// an older job of the same id has left are never taken for those of a newer one.
///
/// A link that leads nowhere, because that is made and read by one system call and can never be half written.
struct JobMark: Hashable {
    private static let name = ".job"
    private let text: String

    init(_ state: StateID, _ job: UInt32) { text = "\(state).\(job)" }

    /// Nil where there is no such directory or it has no mark. What a task has put there instead is none.
    init?(of directory: String, in place: Int32) {
        guard let folder = try? FileDescriptor.openDirectory(directory, in: place) else { return nil }
        let text = withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { space -> String? in
            guard let start = space.bindMemory(to: CChar.self).baseAddress else { return nil }
            let length = readlinkat(folder.number, Self.name, start, space.count)
            return length > 0 ? String(decoding: space[..<length], as: UTF8.self) : nil
        }
        guard let text, Self.isMark(text) else { return nil }
        self.text = text
    }

    private static func isMark(_ text: String) -> Bool {
        guard let dot = text.firstIndex(of: "."), StateID(String(text[..<dot])) != nil else { return false }
        let number = text[text.index(after: dot)...]
        return UInt32(number).map { String($0) == number } ?? false
    }

    /// Makes the directory `directory` of this job in the open directory `place`, unless it is there. One that was
    /// made for another job is handed to `removals`.
    func make(_ directory: String, in place: Int32, _ removals: Removals) throws(SystemError) {
        var status = stat()
        if fstatat(place, directory, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            let found = JobMark(of: directory, in: place)
            if found == self { return }
            // Nothing of ours is without a mark, but a task may have deleted it; and files are worth more than it.
            if found == nil, isDirectory { return try write(to: directory, in: place) }
            try removals.discard(directory, in: place)
        }
        try makeNew(directory, in: place)
    }

    // What a killed agent may have left while it made one.
    static let unfinishedPrefix = ".new-"

    /// In a region of the disk that depends on the directory's first name: a random one, so that a job which is
    /// deleted and added again does not come to where its files have just been deleted (docs/adr/0007). And marked
    /// before it has its name: a directory without a mark is never seen under it.
    private func makeNew(_ directory: String, in place: Int32) throws(SystemError) {
        let first = "\(Self.unfinishedPrefix)\(randomSuffix())"
        try DirectoryMaking.make(first, in: place)
        do throws(SystemError) {
            try write(to: first, in: place)
            guard shipyard_rename_new(place, first, place, directory) == 0 else {
                throw SystemError("create directory", path: directory, errno: errno)
            }
        } catch {
            unlinkat(place, "\(first)/\(Self.name)", 0)
            unlinkat(place, first, AT_REMOVEDIR)
            throw error
        }
    }

    private func write(to directory: String, in place: Int32) throws(SystemError) {
        let folder = try FileDescriptor.openDirectory(directory, in: place)
        // Nothing but what is no mark can be in the way.
        unlinkat(folder.number, Self.name, 0)
        guard symlinkat(text, folder.number, Self.name) == 0 || errno == EEXIST else {
            throw SystemError("mark directory", path: directory, errno: errno)
        }
    }
}
