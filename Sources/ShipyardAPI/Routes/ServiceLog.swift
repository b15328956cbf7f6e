import Glibc
import ShipyardModel
import ShipyardService
import ShipyardSystem
import Synchronization

/// The service's log: its standard error, which the command that started it has made `service.log`.
final class ServiceLog: Sendable {
    /// Some hundred thousand lines; the file before is kept, so twice as much at the most.
    private static let maximumBytes: off_t = 8 << 20

    private let path: String
    /// Lines do not mix, and only one of them changes the file.
    private let lock = Mutex(())
    /// Takes the values of secrets out of a line.
    private let masked: @Sendable (String) -> String

    init(_ layout: HomeLayout, masked: @escaping @Sendable (String) -> String = { $0 }) {
        path = layout.log
        self.masked = masked
    }

    func write(_ line: String) {
        let text = "\(SystemClock.now().iso8601) \(masked(line))\n"
        lock.withLock { _ in
            beginAnewWhenFull()
            _ = text.withCString { Glibc.write(2, $0, strlen($0)) }
        }
    }

    /// Only where the log is a file of the home: what a terminal or systemd does with it is theirs.
    private func beginAnewWhenFull() {
        var information = stat()
        guard fstat(2, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
            information.st_size >= Self.maximumBytes, FileIdentity(at: path) == FileIdentity(of: 2),
            rename(path, path + ".1") == 0
        else { return }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        dup2(file, 1)
        dup2(file, 2)
        close(file)
    }
}
