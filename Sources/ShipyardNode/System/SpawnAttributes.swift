import CLinux
import Glibc

/// How processes of our own are started that must not be as we are.
package enum SpawnAttributes {
    /// A new session, and every signal as a program finds it: a service blocks TERM and ignores PIPE, and both would
    /// be inherited. The caller destroys the value.
    package static func ofNewSession() -> posix_spawnattr_t {
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
}
