import Glibc
import ShipyardModel

/// A name of at most 107 bytes for a socket of any path: `sockaddr_un` holds no more.
///
/// A longer path is reached through its open directory, `/proc/self/fd/7/service.sock`. The rejected way,
/// changing into the directory, would change it for every thread of the process.
package final class UnixSocketPath {
    static let maximumBytes = 107

    package let text: String
    private let directory: Int32

    package init(_ path: String) throws(HTTPError) {
        guard path.utf8.count > Self.maximumBytes else {
            text = path
            directory = -1
            return
        }
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let opened = open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else {
            throw HTTPError(
                kind: .unreachable, place: path,
                message: SystemError("open directory", errno: errno).description)
        }
        directory = opened
        text = "/proc/self/fd/\(opened)\(path[slash...])"
    }

    deinit { if directory >= 0 { close(directory) } }
}
