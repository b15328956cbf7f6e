import CLinux
import Glibc
import ShipyardModel

/// Starts processes that must not be as we are: services, agents, relays, generators.
package enum ProcessLaunch {
    package struct Streams {
        let input: Int32
        let output: Int32
        let errors: Int32

        package init(input: Int32, output: Int32, errors: Int32) {
            self.input = input
            self.output = output
            self.errors = errors
        }
    }

    /// Starts `program`, which is looked for along `PATH` when it is no path, and returns its process, a known child.
    ///
    /// It has a session of its own, so that a terminal's ctrl-C is not for it; every signal as a program finds it,
    /// because a service blocks TERM and ignores PIPE, and both would be inherited; and no descriptor but three: a lock
    /// or a listening socket of ours would outlast us in it.
    ///
    /// - Parameters:
    ///   - words: all arguments, the name that it sees of itself first.
    ///   - environment: `NAME=value`; nil for our own.
    package static func start(
        _ program: String, _ words: [String], environment: [String]? = nil, _ streams: Streams
    ) throws(SystemError) -> pid_t {
        var attributes = newSession()
        defer { posix_spawnattr_destroy(&attributes) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, streams.input, 0)
        posix_spawn_file_actions_adddup2(&actions, streams.output, 1)
        posix_spawn_file_actions_adddup2(&actions, streams.errors, 2)
        _ = shipyard_spawn_addclosefrom(&actions, 3)
        var arguments = StringBlock()
        arguments.fill(words)
        var variables = StringBlock()
        if let environment { variables.fill(environment) }
        let all = environment == nil ? environ : variables.pointers
        var process: pid_t = 0
        var error: Int32 = 0
        OwnChildren.start {
            error = posix_spawnp(&process, program, &actions, &attributes, arguments.pointers, all)
            return error == 0 ? process : 0
        }
        guard error == 0 else { throw SystemError("start", path: program, errno: error) }
        return process
    }

    private static func newSession() -> posix_spawnattr_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | shipyard_spawn_setsid_flag())
        return attributes
    }

    /// Becomes another program, with these arguments and this environment. Comes back only when it fails.
    package static func become(_ program: String, _ words: [String], environment: [String]) {
        var arguments = StringBlock()
        arguments.fill(words)
        var variables = StringBlock()
        variables.fill(environment)
        execve(program, arguments.pointers, variables.pointers)
    }
}
