import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem

/// Where the files of another task are, as far as this machine can reach them.
package struct TaskFilesPlace: Codable, Sendable, Hashable {
    /// Absolute: the root of the task's node.
    package var root: String
    /// Relative to it. No name of it may be a link: tasks can put one anywhere.
    package var directory: String
    /// Which job's directory it must be in: ids of jobs are used again.
    package var job: UInt32

    package init(root: String, directory: String, job: UInt32) {
        self.root = root
        self.directory = directory
        self.job = job
    }

    /// - Parameter who: for messages.
    func open(_ who: String) throws(FileStoreError) -> FileDescriptor {
        let missing = FileStoreError(
            .blobNotFound, "the files of \(who) are not on its node any more (\(root)/\(directory))")
        guard var current = FileDescriptor(opening: root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else {
            throw missing
        }
        for (depth, name) in BytePath(directory).components.enumerated() {
            let next = openat(
                current.number, name.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { throw missing }
            current = FileDescriptor(owning: next)
            // `workitems/JOB`: its mark says which job it was made for.
            guard depth != 1 || isOfJob(current.number) else { throw missing }
        }
        return current
    }

    private func isOfJob(_ directory: Int32) -> Bool {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlinkat(directory, ".job", &buffer, buffer.count - 1)
        guard count > 0 else { return false }
        let mark = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return mark.hasSuffix(".\(job)")
    }
}
