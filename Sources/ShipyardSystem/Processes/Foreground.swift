import CLinux
import Glibc
import ShipyardModel

/// A command in the place of this process, or before it, with the terminal that this process has.
package enum Foreground {
    /// Becomes the command. Comes back only where it cannot, with the exit code that shells have for that.
    ///
    /// - Parameter environment: `NAME=value` with a NUL after each: all that the command gets. It is looked for along the
    ///   `PATH` there.
    package static func become(
        _ words: [String], in directory: String, environment: Secret
    ) -> (error: SystemError, code: Int32) {
        guard chdir(directory) == 0 else {
            return (SystemError("change directory", path: directory, errno: errno), 126)
        }
        resetSignals()
        guard let path = executable(words[0], environment) else {
            return (SystemError("start", path: words[0], errno: ENOENT), 127)
        }
        var arguments = StringBlock()
        arguments.fill(words)
        var script = StringBlock()
        // Without a first line that names its interpreter: every shell runs it with sh.
        script.fill(["/bin/sh", path] + words.dropFirst())
        return withPointers(to: environment) { variables in
            execve(path, arguments.pointers, variables)
            if errno == ENOEXEC { execve("/bin/sh", script.pointers, variables) }
            let error = errno
            return (SystemError("start", path: words[0], errno: error), error == ENOENT ? 127 : 126)
        }
    }

    /// Runs the command and waits for it; answers its exit code, as shells count.
    package static func run(
        _ words: [String], in directory: String, environment: Secret
    ) throws(SystemError) -> Int32 {
        guard let path = executable(words[0], environment) else {
            throw SystemError("start", path: words[0], errno: ENOENT)
        }
        // This process goes there for the moment: its own paths may be relative.
        let here = try FileDescriptor.open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard chdir(directory) == 0 else {
            throw SystemError("change directory", path: directory, errno: errno)
        }
        defer { fchdir(here.number) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        // Ctrl-C is for the command; this process tells how it ended.
        let before = [SIGINT, SIGQUIT].map { ($0, Glibc.signal($0, SIG_IGN)) }
        defer { for (number, action) in before { Glibc.signal(number, action) } }
        var arguments = StringBlock()
        arguments.fill(words)
        var process: pid_t = 0
        let error = withPointers(to: environment) { variables in
            posix_spawn(&process, path, nil, &attributes, arguments.pointers, variables)
        }
        guard error == 0 else { throw SystemError("start", path: words[0], errno: error) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let (code, number) = (status >> 8 & 0xFF, status & 0x7F)
        return number == 0 ? code : 128 + number
    }

    /// Nil where there is none of that name along the `PATH`.
    private static func executable(_ name: String, _ environment: Secret) -> String? {
        guard !name.utf8.contains(UInt8(ascii: "/")) else { return name }
        let path = environment.withExposedBytes { bytes in
            bytes.split(separator: 0).first { $0.starts(with: "PATH=".utf8) }
                .map { String(decoding: $0.dropFirst(5), as: UTF8.self) }
        }
        return (path ?? "/usr/bin:/bin").split(separator: ":").filter { $0.hasPrefix("/") }
            .map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// What this process ignores, its children would.
    private static func resetSignals() {
        for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_DFL) }
    }

    private static func withPointers<Result>(
        to environment: Secret, _ body: (ProcessSpawner.Strings) -> Result
    ) -> Result {
        environment.withExposedBytes { source in
            let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: source.count + 1)
            let raw = UnsafeMutableRawBufferPointer(bytes)
            raw.copyMemory(from: source)
            raw[source.count] = 0
            var pointers: [UnsafeMutablePointer<CChar>?] = []
            var start = 0
            for (index, byte) in source.enumerated() where byte == 0 {
                if index > start { pointers.append(bytes.baseAddress.map { $0 + start }) }
                start = index + 1
            }
            pointers.append(nil)
            defer {
                if let first = bytes.baseAddress { explicit_bzero(first, bytes.count) }
                bytes.deallocate()
            }
            return pointers.withUnsafeMutableBufferPointer { list in
                guard let first = list.baseAddress else { invariantFailure("a list that ends has an end") }
                return body(first)
            }
        }
    }
}
