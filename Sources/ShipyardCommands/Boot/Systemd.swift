import Glibc
import ShipyardModel
import ShipyardSystem

/// What is asked of systemd and of this machine about units. A value, so that tests need neither.
struct Systemd: Sendable {
    struct Answer: Sendable {
        var isDone: Bool
        /// Both of its streams.
        var text: String
    }

    var userID: uid_t
    var userName: String
    var systemUnits = "/etc/systemd/system"
    /// Has a file for each user whose manager runs from boot on.
    var lingering = "/var/lib/systemd/linger"
    /// For a service that was started to listen.
    var secondsToListen = 15.0
    /// Runs `systemctl` with these words.
    var control: @Sendable ([String]) -> Answer

    var userLingers: Bool { LocalFile.exists("\(lingering)/\(userName)") }

    static let ofProcess = Systemd(
        userID: geteuid(), userName: ownName(), control: { runSystemctl($0) })

    private static func ownName() -> String {
        guard let entry = getpwuid(geteuid()), let name = entry.pointee.pw_name else { return "\(geteuid())" }
        return String(cString: name)
    }

    private static func runSystemctl(_ words: [String]) -> Answer {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return Answer(isDone: false, text: String(cString: strerror(errno))) }
        let reader = FileDescriptor(owning: ends[0])
        let writer = FileDescriptor(owning: ends[1])
        do throws(SystemError) {
            let nothing = try FileDescriptor.open("/dev/null", O_RDONLY)
            let process = try ProcessLaunch.start(
                "systemctl", ["systemctl", "--no-pager", "--no-ask-password"] + words,
                environment: environmentOfUser(),
                ProcessLaunch.Streams(input: nothing.number, output: writer.number, errors: writer.number))
            _ = consume writer
            _ = nothing.number
            let text = contents(of: reader.number)
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            OwnChildren.forget(process)
            return Answer(isDone: status == 0, text: text)
        } catch {
            return Answer(isDone: false, text: "\(error)")
        }
    }

    /// Where a session of the user was begun by `su` or by a timer, the way to the user's manager is not in the
    /// environment.
    private static func environmentOfUser() -> [String] {
        var variables = Environment.ofProcess.all
        let directory = "/run/user/\(geteuid())"
        if variables["XDG_RUNTIME_DIR"] == nil, LocalFile.isDirectory(directory) {
            variables["XDG_RUNTIME_DIR"] = directory
        }
        return variables.map { "\($0.key)=\($0.value)" }
    }

    private static func contents(of descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}

extension Systemd {
    /// Only a manager that answers has the number of its version.
    func answers(_ scope: UnitFile.Scope) -> Bool {
        let answer = control(words(scope, ["show", "--property=Version"]))
        return answer.isDone && answer.text.contains("Version=")
    }

    func property(_ name: String, of unit: BootUnit) -> String? {
        let answer = control(words(unit.scope, ["show", "--property=\(name)", "--value", unit.name]))
        guard answer.isDone else { return nil }
        return answer.text.split(separator: "\n").first.map(String.init)
    }

    /// Nil when it is done, else what systemd said.
    func order(_ scope: UnitFile.Scope, _ orders: String...) -> String? {
        let answer = control(words(scope, orders))
        guard !answer.isDone else { return nil }
        let said = answer.text.split(separator: "\n").joined(separator: "; ")
        return said.isEmpty ? "it failed and does not say why" : said
    }

    private func words(_ scope: UnitFile.Scope, _ words: [String]) -> [String] {
        switch scope {
        case .user: ["--user"] + words
        case .system: words
        }
    }
}
