import Foundation

/// A PostgreSQL of a test's own, on a Unix socket in a directory that goes with it. Debian's `postgresql`, run by an
/// unprivileged user, since it refuses root.
public final class PostgreSQLServer: @unchecked Sendable {
    public struct Unavailable: Error, CustomStringConvertible {
        public let description: String
    }

    /// Why there is none here; said once, to standard error.
    public static let reason: String? = {
        guard binaries == nil else { return nil }
        let text = "there is no PostgreSQL in /usr/lib/postgresql; install the package postgresql"
        FileHandle.standardError.write(Data("tests with PostgreSQL are skipped: \(text)\n".utf8))
        return text
    }()
    public static var isThere: Bool { reason == nil }

    private static let binaries: String? = {
        let top = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: top)) ?? []
        return versions.compactMap { version in Int(version).map { ($0, "\(top)/\(version)/bin") } }
            .filter { FileManager.default.isExecutableFile(atPath: "\($0.1)/initdb") }
            .max { $0.0 < $1.0 }?.1
    }()

    public let directory: String
    public var url: String { "postgresql://shipyard:s3cr3t@/postgres?host=\(directory)" }

    public init() throws {
        directory = "/tmp/shipyard-pg-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data("s3cr3t\n".utf8).write(to: URL(fileURLWithPath: "\(directory)/password"))
        if getuid() == 0 { try run("chown", ["-R", "postgres", directory]) }
        try asUser(
            "initdb",
            ["-D", "\(directory)/data", "-A", "scram-sha-256", "--pwfile", "\(directory)/password", "-U", "shipyard", "--no-sync",
             "-E", "UTF8", "--locale=C"])
        try start()
    }

    deinit {
        try? stop()
        try? FileManager.default.removeItem(atPath: directory)
    }

    public func start() throws {
        try asUser(
            "pg_ctl",
            ["-D", "\(directory)/data", "-w", "-t", "60", "-l", "\(directory)/log", "-o",
             "-c listen_addresses= -c unix_socket_directories=\(directory) -c fsync=off", "start"])
    }

    /// As by `kill -9`: no transaction ends as it would like to.
    public func stop() throws { try asUser("pg_ctl", ["-D", "\(directory)/data", "-m", "immediate", "-w", "stop"]) }

    private func asUser(_ program: String, _ words: [String]) throws {
        guard let binaries = Self.binaries else { throw Unavailable(description: Self.reason ?? "") }
        let command = ["\(binaries)/\(program)"] + words
        guard getuid() == 0 else { return try run(command[0], Array(command.dropFirst())) }
        try run("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups"] + command)
    }

    /// Not by `Process`, which waits until nobody has its descriptors any more, and the server inherits them.
    private func run(_ program: String, _ words: [String]) throws {
        let path = program.hasPrefix("/") ? program : "/usr/bin/\(program)"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for number in 0...2 as ClosedRange<Int32> {
            posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
        }
        let command = withoutOthersFiles(["/bin/sh", "-c", #"cd / && exec "$@""#, "sh", path] + words)
        let copies = command.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, "/bin/bash", &actions, nil, copies + [nil], environ)
        guard code == 0 else { throw Unavailable(description: "\(path): \(String(cString: strerror(code)))") }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            throw Unavailable(description: "\(path) \(words.joined(separator: " ")) ended with \(status)")
        }
    }
}
