import Glibc

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
