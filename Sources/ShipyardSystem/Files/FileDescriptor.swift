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

extension FileDescriptor {
    /// Nil on failure; `errno` says why.
    package init?(opening path: String, _ flags: Int32) {
        let opened = Glibc.open(path, flags | O_CLOEXEC)
        guard opened >= 0 else { return nil }
        self.init(owning: opened)
    }

    package init?(opening path: BytePath, _ flags: Int32) {
        let opened = Glibc.open(path.cString, flags | O_CLOEXEC)
        guard opened >= 0 else { return nil }
        self.init(owning: opened)
    }

    /// Another number for the same open file or directory; what cannot be had is -1, with which every call fails.
    package borrowing func copy() -> FileDescriptor {
        FileDescriptor(owning: fcntl(number, F_DUPFD_CLOEXEC, 0))
    }

    /// The errno of the failed write, nil when all is written.
    package borrowing func write(all bytes: UnsafeRawBufferPointer) -> Int32? { writeAll(bytes, to: number) }

    /// Bytes read, 0 at the end; nil on failure with `errno` set.
    package borrowing func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        while true {
            let count = Glibc.read(number, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { return nil }
        }
    }

    /// What is there from its position on, `count` bytes at most; nil on failure with `errno` set.
    package borrowing func read(upTo count: Int) -> [UInt8]? {
        var hasFailed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { space, length in
            let space = UnsafeMutableRawBufferPointer(space)
            while length < count {
                guard let more = read(into: UnsafeMutableRawBufferPointer(rebasing: space[length..<count])) else {
                    hasFailed = true
                    return
                }
                if more == 0 { return }
                length += more
            }
        }
        return hasFailed ? nil : bytes
    }
}

/// As `FileDescriptor.write(all:)`, to one that is another's.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32) -> Int32? {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = Glibc.write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 {
            if errno == EINTR { continue }
            return errno
        }
        rest = rest.dropFirst(count)
    }
    return nil
}

/// As `writeAll(_:to:)`, from a position on; the file's own stays where it is.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32, at position: Int64) -> Int32? {
    var rest = bytes[...]
    var position = position
    while !rest.isEmpty {
        let slice = UnsafeRawBufferPointer(rebasing: rest)
        let count = pwrite(file, slice.baseAddress, slice.count, off_t(position))
        if count < 0 {
            if errno == EINTR { continue }
            return errno
        }
        rest = rest.dropFirst(count)
        position += Int64(count)
    }
    return nil
}

/// A file or directory as the kernel knows it, whatever its name. A copy, journal and all, is another one.
package struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    package init(_ information: stat) {
        device = UInt64(information.st_dev)
        inode = UInt64(information.st_ino)
    }

    /// Nil when there is none.
    package init?(at path: String) {
        var information = stat()
        guard stat(path, &information) == 0 else { return nil }
        self.init(information)
    }

    package init?(of descriptor: Int32) {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { return nil }
        self.init(information)
    }

    /// Of a node's root. Nil where there is no directory; what a link leads to is not asked.
    package init?(ofRoot root: BytePath) {
        var information = stat()
        guard root.withCString({ lstat($0, &information) }) == 0, information.st_mode & S_IFMT == S_IFDIR
        else { return nil }
        self.init(information)
    }

    /// As a part of a name.
    package var text: String { "\(String(device, radix: 16))-\(String(inode, radix: 16))" }
}
