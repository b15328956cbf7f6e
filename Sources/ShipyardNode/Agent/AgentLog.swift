import Glibc
import ShipyardModel
import ShipyardSystem

/// The agent's standard output and standard error: a file that does not grow for ever.
enum AgentLog {
    // 4 MiB, and one of them is kept: some 40,000 lines of the newest.
    private static let maximumBytes: off_t = 4 << 20

    static func open() throws(SystemError) {
        let log = try FileDescriptor.open(
            NodeLayout.logName, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
        dup2(log.number, 1)
        dup2(log.number, 2)
    }

    /// Puts a full log aside and begins a new one. Only the log: an agent that has not come so far speaks to
    /// whoever has started it.
    static func makeRoom() {
        var here = stat()
        guard fstat(2, &here) == 0, here.st_size >= maximumBytes,
            FileIdentity(at: NodeLayout.logName) == FileIdentity(here),
            rename(NodeLayout.logName, NodeLayout.logName + ".1") == 0
        else { return }
        try? open()
    }
}
