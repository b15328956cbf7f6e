import CLinux
import Glibc
import ShipyardModel

/// Unix stream sockets whose path may be of any length.
///
/// A socket address holds 107 bytes, and a node root under a deep home directory is longer. So the directory
/// is opened and the socket addressed as `/proc/self/fd/N/<name>`, which is always short; changing the working
/// directory instead would be seen by every thread of the service.
package enum LocalSocket {
    /// Binds and listens in a directory whose lock the caller holds: a socket file found there is stale.
    package static func listen(name: String, in directory: String) throws(SystemError) -> FileDescriptor {
        try listen(name: name, in: try open(directory), at: directory)
    }

    package static func listen(
        name: String, in folder: borrowing FileDescriptor, at directory: String
    ) throws(SystemError) -> FileDescriptor {
        let socket = try make()
        var address = try address(name: name, folder: folder.number)
        unlinkat(folder.number, name, 0)
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket.number, $0, length) }
        }
        guard bound == 0 else { throw SystemError("bind", path: "\(directory)/\(name)", errno: errno) }
        // As many as the kernel lets wait: whoever finds the queue full takes a busy process for a dead one.
        guard Glibc.listen(socket.number, Int32.max) == 0 else {
            throw SystemError("listen", path: "\(directory)/\(name)", errno: errno)
        }
        return socket
    }

    package static func connect(name: String, in directory: String) throws(SystemError) -> FileDescriptor {
        try connect(name: name, in: try open(directory), at: directory)
    }

    package static func connect(
        name: String, in folder: borrowing FileDescriptor, at directory: String, of user: uid_t = geteuid()
    ) throws(SystemError) -> FileDescriptor {
        let socket = try make()
        var address = try address(name: name, folder: folder.number)
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        // A Unix socket connects at once or not at all (EAGAIN: the listener's backlog is full).
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket.number, $0, length)
            }
        }
        guard connected == 0 else { throw SystemError("connect", path: "\(directory)/\(name)", errno: errno) }
        // Another user's process could have put its socket there, if the directory lets it.
        guard PeerCredentials.isTrusted(socket.number, of: user) else {
            throw SystemError("connect", path: "\(directory)/\(name)", errno: EPERM)
        }
        return socket
    }

    private static func open(_ directory: String) throws(SystemError) -> FileDescriptor {
        try FileDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
    }

    private static func make() throws(SystemError) -> FileDescriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let number = socket(AF_UNIX, kind, 0)
        guard number >= 0 else { throw SystemError("socket", errno: errno) }
        return FileDescriptor(owning: number)
    }

    private static func address(name: String, folder: Int32) throws(SystemError) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array("/proc/self/fd/\(folder)/\(name)".utf8)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { space in
            guard path.count < space.count else { return false }
            space.copyBytes(from: path)
            return true
        }
        guard fits else { throw SystemError("bind", path: name, errno: ENAMETOOLONG) }
        return address
    }
}

/// Who is at the other end of a Unix socket, in the kernel's word.
package enum PeerCredentials {
    /// Whether it is `user` or root. The listener's user, for the end that has connected.
    package static func isTrusted(_ socket: Int32, of user: uid_t = geteuid()) -> Bool {
        // `struct ucred`, which glibc hides behind _GNU_SOURCE: process, user, group.
        var credentials: (Int32, UInt32, UInt32) = (0, .max, .max)
        var length = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else { return false }
        return credentials.1 == user || credentials.1 == 0
    }

    /// False for a TCP socket, whose other end has no user.
    package static func isUnix(_ socket: Int32) -> Bool {
        var address = sockaddr()
        var length = socklen_t(MemoryLayout<sockaddr>.size)
        return getsockname(socket, &address, &length) == 0 && address.sa_family == sa_family_t(AF_UNIX)
    }
}
