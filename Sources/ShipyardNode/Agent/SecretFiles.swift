import Glibc
import ShipyardModel
import ShipyardSystem

/// The files that hold the secrets of one attempt: in a directory of its own below the node's root, where no task's files are
/// listed or stored, from before its command until its last process has gone.
struct SecretFiles {
    static let place = NodeLayout.secrets

    /// In `place`. Not to be guessed, and never used again.
    let name: String
    private let paths: [String]

    /// - Parameter root: the node's, open.
    init(_ files: [SecretFileContent], below root: Int32) throws(SystemError) {
        name = String(UInt64.random(in: .min ... .max), radix: 16)
        paths = files.map(\.path)
        guard mkdirat(root, Self.place, 0o700) == 0 || errno == EEXIST else {
            throw SystemError("create directory", path: Self.place, errno: errno)
        }
        let place = try FileDescriptor.openDirectory(Self.place, in: root)
        guard mkdirat(place.number, name, 0o700) == 0 else {
            throw SystemError("create directory", path: "\(Self.place)/\(name)", errno: errno)
        }
        do throws(SystemError) {
            let directory = try FileDescriptor.openDirectory(name, in: place.number)
            for file in files { try Self.write(file, below: directory.number) }
        } catch {
            remove(below: root, nil)
            throw error
        }
    }

    private static func write(_ file: SecretFileContent, below directory: Int32) throws(SystemError) {
        let parts = file.path.split(separator: "/").filter { $0 != "." }.map(String.init)
        guard let last = parts.last, !parts.contains("..") else {
            throw SystemError("create file", path: file.path, errno: EINVAL)
        }
        let folder = try DirectoryMaking.open(parts.dropLast().joined(separator: "/"), below: directory)
        let opened = try FileDescriptor.open(last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600, in: folder.number)
        // Whatever the umask of the tasks is.
        var failed = fchmod(opened.number, 0o600) == 0 ? nil : errno
        if failed == nil { failed = file.content.withExposedBytes { opened.write(all: $0) } }
        if let failed { throw SystemError("write", path: file.path, errno: failed) }
    }

    /// The files are gone at once. What the command has put beside them goes too, as time allows.
    func remove(below root: Int32, _ removals: Removals?) {
        guard let place = try? FileDescriptor.openDirectory(Self.place, in: root) else { return }
        if let directory = try? FileDescriptor.openDirectory(name, in: place.number) {
            for path in paths {
                let parts = path.split(separator: "/").filter { $0 != "." }.map(String.init)
                guard let last = parts.last,
                    let folder = try? DirectoryMaking.open(parts.dropLast().joined(separator: "/"), below: directory.number)
                else { continue }
                unlinkat(folder.number, last, 0)
            }
        }
        guard unlinkat(place.number, name, AT_REMOVEDIR) != 0, let removals else { return }
        try? removals.discard(name, in: place.number)
    }

    /// What an agent that died has left.
    static func removeAll(below root: Int32, _ removals: Removals) {
        guard unlinkat(root, place, AT_REMOVEDIR) != 0, errno != ENOENT else { return }
        try? removals.discard(place, in: root)
    }
}
