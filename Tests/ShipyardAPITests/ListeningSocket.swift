import Glibc
import ShipyardHTTPClient

/// A Unix socket that listens at a path longer than `sockaddr_un` holds.
final class ListeningSocket: Sendable {
    let path: String
    let descriptor: Int32
    private let directory: String

    init() {
        var template = Array("/tmp/shipyard-api-XXXXXX".utf8CString)
        directory = String(cString: mkdtemp(&template)!)
        let long = directory + "/" + String(repeating: "d", count: 120)
        mkdir(long, 0o700)
        path = long + "/service.sock"
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let short = try! UnixSocketPath(path)
        let result = Self.withAddress(short.text) { [descriptor] in bind(descriptor, $0, $1) }
        precondition(result == 0 && listen(descriptor, 64) == 0)
    }

    deinit {
        close(descriptor)
        unlink(path)
        rmdir(String(path.dropLast("/service.sock".count)))
        rmdir(directory)
    }

    func connect() -> Int32 {
        let connection = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let short = try! UnixSocketPath(path)
        precondition(Self.withAddress(short.text) { Glibc.connect(connection, $0, $1) } == 0)
        return connection
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
