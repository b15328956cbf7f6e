import Glibc
import ShipyardModel

/// Owns one open file descriptor and closes it once.
package struct FileDescriptor: ~Copyable {
    package let number: Int32

    package init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// Opens close-on-exec, always: a task must see no descriptor of ours.
    package static func open(
        _ path: String, _ flags: Int32, mode: mode_t = 0o644, in directory: Int32 = AT_FDCWD
    ) throws(SystemError) -> FileDescriptor {
        let number = openat(directory, path, flags | O_CLOEXEC, mode)
        guard number >= 0 else { throw SystemError("open", path: path, errno: errno) }
        return FileDescriptor(owning: number)
    }

    package static func openDirectory(
        _ path: String, in directory: Int32 = AT_FDCWD
    ) throws(SystemError) -> FileDescriptor {
        try open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, in: directory)
    }

    /// Gives up ownership: whoever takes the number closes it.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}
