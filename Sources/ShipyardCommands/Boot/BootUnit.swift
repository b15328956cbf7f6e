import Glibc
import ShipyardModel
import ShipyardSystem

/// A unit's file on this machine: where it is, whose it is, and whether systemd starts it.
struct BootUnit: Sendable {
    enum State: Sendable, Hashable {
        case absent
        case present(UnitFile.Origin, text: String)
        /// A link to somewhere else, such as `systemctl mask` makes, or something that is no file.
        case notAFile
    }

    let scope: UnitFile.Scope
    let name: String
    private let directory: String

    var path: String { "\(directory)/\(name)" }
    /// What `systemctl enable` makes. Made by hand, because that needs a manager that answers, and this does not.
    private var link: String { "\(directory)/\(scope.target).wants/\(name)" }

    /// The unit of a home. Another home has another one.
    init(
        _ scope: UnitFile.Scope, home: String, _ environment: Environment, _ systemd: Systemd
    ) throws(CommandFailure) {
        self.scope = scope
        name = Self.name(of: home, user: environment["HOME"])
        switch scope {
        case .system: directory = systemd.systemUnits
        case .user:
            if let configuration = environment["XDG_CONFIG_HOME"], configuration.hasPrefix("/") {
                directory = configuration + "/systemd/user"
            } else if let user = environment["HOME"], user.hasPrefix("/") {
                directory = user + "/.config/systemd/user"
            } else {
                throw .usage("$HOME does not say where units of this user are")
            }
        }
    }

    /// The plain name is for the place that is the default without any setting: a variable that one shell has and
    /// another has not must not make one unit of two homes.
    static func name(of home: String, user: String?) -> String {
        if let user, home == user + "/.local/state/shipyard-swift" { return "shipyard-swift.service" }
        let last = home.split(separator: "/").last ?? ""
        let word = last.prefix(32).filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        let digits = String(UnitFile.fingerprint(of: home), radix: 16)
        return "shipyard-swift-\(word.isEmpty ? "home" : word)-\(digits).service"
    }

    func state() throws(CommandFailure) -> State {
        var information = stat()
        guard lstat(path, &information) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else { throw failure("look at", path) }
            return .absent
        }
        guard information.st_mode & S_IFMT == S_IFREG else { return .notAFile }
        do throws(SystemError) {
            let text = String(decoding: try LocalFile.read(path, atMost: 1 << 20), as: UTF8.self)
            return .present(UnitFile.origin(of: text), text: text)
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
    }

    var isEnabled: Bool {
        var information = stat()
        return lstat(link, &information) == 0
    }

    /// Whole or not at all: systemd may read it at any moment.
    func write(_ text: String) throws(CommandFailure) {
        var text = text
        let result: Result<Void, SystemError> = text.withUTF8 { bytes in
            Result { () throws(SystemError) in
                try LocalFile.makeDirectories(directory)
                try WholeFile.write(UnsafeRawBufferPointer(bytes), to: path, mode: 0o644)
            }
        }
        do throws(SystemError) {
            try result.get()
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
    }

    func enable() throws(CommandFailure) {
        guard !isEnabled else { return }
        do throws(SystemError) {
            try LocalFile.makeDirectories("\(directory)/\(scope.target).wants")
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
        guard symlink("../\(name)", link) == 0 else { throw failure("create", link) }
    }

    func remove() throws(CommandFailure) {
        // The link first: one to nowhere would be told at each boot.
        for entry in [link, path] where unlink(entry) != 0 && errno != ENOENT && errno != ENOTDIR {
            throw failure("remove", entry)
        }
    }

    private func failure(_ operation: String, _ path: String) -> CommandFailure {
        let error = SystemError(operation, path: path, errno: errno)
        let isRefused = error.errno == EACCES || error.errno == EPERM
        return CommandFailure(
            .failed, "\(error)", help: isRefused && scope == .system ? "units of the system are root's" : nil)
    }
}
