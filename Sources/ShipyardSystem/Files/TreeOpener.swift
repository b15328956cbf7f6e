import CLinux
import Glibc
import ShipyardModel

/// A file as it is at one moment.
package struct FileStatus: Hashable, Sendable {
    package var version: FileVersion
    /// Nanoseconds since 1970 at which anything about the inode changed last, its name included.
    package var changed: Int64
    package var links: UInt64
    package var isRegular: Bool
    package var isDirectory: Bool

    package init(
        version: FileVersion, changed: Int64, links: UInt64 = 1, isRegular: Bool = true,
        isDirectory: Bool = false
    ) {
        self.version = version
        self.changed = changed
        self.links = links
        self.isRegular = isRegular
        self.isDirectory = isDirectory
    }

    /// Of a name in an open directory; links are not followed. Nil when there is none, or it cannot be looked at.
    package init?(of name: BytePath, in directory: Int32) {
        var file = shipyard_file()
        guard name.withCString({ shipyard_look_at(directory, $0, &file) }) == 0 else { return nil }
        self.init(
            version: FileVersion(
                inode: file.inode, birth: file.birth, size: file.size, modified: file.modified),
            changed: file.changed, links: file.links, isRegular: file.mode & S_IFMT == S_IFREG,
            isDirectory: file.mode & S_IFMT == S_IFDIR)
    }
}

/// Opens what is below an open directory, name by name, so that no link leads anywhere else. Mounts are entered.
///
/// No path is too long for it.
package struct TreeOpener: ~Copyable {
    private let top: FileDescriptor

    package init(_ top: consuming FileDescriptor) { self.top = top }

    package var number: Int32 { top.number }

    /// Whether changes here may go unheard.
    package var isRemote: Bool { shipyard_is_remote(top.number) != 0 }

    /// The directory at `path`, the top itself where that is empty.
    package borrowing func directory(_ path: BytePath) throws(SystemError) -> FileDescriptor {
        var directory = try FileDescriptor.openDirectory(".", in: top.number)
        for name in path.components { directory = try Self.child(name, of: directory.number, path) }
        return directory
    }

    /// The directory at `path`, with all on the way to it made where they are missing.
    package borrowing func makeDirectory(_ path: BytePath, mode: mode_t = 0o755) throws(SystemError) -> FileDescriptor {
        var directory = try FileDescriptor.openDirectory(".", in: top.number)
        for name in path.components {
            guard name.withCString({ mkdirat(directory.number, $0, mode) }) == 0 || errno == EEXIST else {
                throw SystemError("create directory", path: path.description, errno: errno)
            }
            directory = try Self.child(name, of: directory.number, path)
        }
        return directory
    }

    private static func child(
        _ name: BytePath, of directory: Int32, _ path: BytePath
    ) throws(SystemError) -> FileDescriptor {
        let number = name.withCString {
            openat(directory, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        guard number >= 0 else { throw SystemError("open directory", path: path.description, errno: errno) }
        return FileDescriptor(owning: number)
    }

    /// Nil when there is none, or no way to it.
    package borrowing func status(_ path: BytePath) -> FileStatus? {
        guard let name = path.components.last, let parent = try? directory(path.parent) else { return nil }
        return FileStatus(of: name, in: parent.number)
    }

    /// The bytes of a regular file, `limit + 1` at most, so that a longer one shows; nil when it cannot be read.
    package borrowing func contents(_ path: BytePath, limit: Int) -> [UInt8]? {
        guard let name = path.components.last, let parent = try? directory(path.parent) else { return nil }
        // Non-blocking: by now it may be a pipe that nobody writes to.
        let number = name.withCString {
            openat(parent.number, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        guard number >= 0 else { return nil }
        let file = FileDescriptor(owning: number)
        guard FileStatus(of: BytePath(""), in: file.number)?.isRegular == true else { return nil }
        return file.read(upTo: limit + 1)
    }
}

extension BytePath {
    /// Without its last name; empty where there is one name only.
    package var parent: BytePath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return BytePath("") }
        return BytePath(bytes: bytes[..<slash])
    }
}
