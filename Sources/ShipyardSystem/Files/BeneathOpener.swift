import CLinux
import Glibc
import ShipyardModel

/// Opens directories entry by entry without ever leaving a tree: not through a link, and not through a mount,
/// also where a directory of the same file system is bound below.
package struct BeneathOpener: Sendable {
    /// The mount that the tree is on.
    private let mount: Int64
    private let hasOpenAt2: Bool

    /// `top` is an open directory of the tree. `usesOpenAt2` false is for a test of the other way.
    package init(top: Int32, usesOpenAt2: Bool = true) {
        mount = shipyard_mount_id(top)
        hasOpenAt2 = usesOpenAt2 && Self.isKnown(in: top)
    }

    private static func isKnown(in directory: Int32) -> Bool {
        let number = shipyard_open_beneath(directory, ".", O_RDONLY | O_DIRECTORY)
        guard number >= 0 else { return errno != ENOSYS && errno != EPERM }
        close(number)
        return true
    }

    /// Opens the directory `name`. The error is ELOOP or ENOTDIR for a link and EXDEV for a mount point.
    package func open(_ name: BytePath, in directory: Int32, _ flags: Int32 = O_RDONLY) -> (
        number: Int32, errno: Int32
    ) {
        let flags = flags | O_DIRECTORY
        if hasOpenAt2 {
            let number = name.withCString { shipyard_open_beneath(directory, $0, flags) }
            return (number, number < 0 ? errno : 0)
        }
        let number = name.withCString { openat(directory, $0, flags | O_NOFOLLOW | O_CLOEXEC) }
        guard number >= 0 else { return (-1, errno) }
        // A mount that cannot be told is not entered.
        guard mount >= 0, shipyard_mount_id(number) == mount else {
            close(number)
            return (-1, EXDEV)
        }
        return (number, 0)
    }

    /// Gives the owner its rights to a directory, which must be no link.
    package func makeAccessible(_ name: BytePath, in directory: Int32) -> Bool {
        let (number, _) = open(name, in: directory, shipyard_path_flag())
        guard number >= 0 else { return false }
        defer { close(number) }
        // By the link of the open directory: the name may be another's by now.
        return chmod("/proc/self/fd/\(number)", 0o700) == 0
    }
}
