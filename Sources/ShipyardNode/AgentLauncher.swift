import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// Starts node agents that outlive whoever starts them.
package enum AgentLauncher {
    /// Starts an agent and returns its process at once; its socket appears some milliseconds later.
    ///
    /// Of the environment it gets only what tasks may see. It is the caller's child: see `reap`.
    package static func launch(executable: String, options: NodeAgentOptions) throws(SystemError) -> Int32 {
        // Not through a link or a mount that has come to its name: what is behind that is not the node's.
        let place = try NodePath.make(options.root)
        let folder = try place.open()
        let root = place.text
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let input = try self.input(options.token)
        let log = try openLog(in: folder.number)

        var options = options
        options.root = root
        let variables = NodeEnvironment.inheritedVariables() + [("AZ_BATCH_NODE_ROOT_DIR", root)]
        let process = try ProcessLaunch.start(
            executable, ["shipyard-swift"] + options.arguments,
            environment: variables.map { "\($0.0)=\($0.1)" },
            ProcessLaunch.Streams(input: input.number, output: nothing.number, errors: log.number))
        _ = (nothing.number, input.number, log.number)
        return process
    }

    /// What the agent reads first. A file in memory: there is nothing to wait for, and nothing to delete.
    private static func input(_ token: AgentToken?) throws(SystemError) -> FileDescriptor {
        guard let token else { return try FileDescriptor.open("/dev/null", O_RDONLY) }
        let number = shipyard_memfd("token")
        guard number >= 0 else { throw SystemError("memfd_create", errno: errno) }
        let file = FileDescriptor(owning: number)
        let isWhole = token.withExposedBytes { pwrite(file.number, $0.baseAddress, $0.count, 0) == $0.count }
        guard isWhole else { throw SystemError("write", path: "token", errno: errno) }
        return file
    }

    private static func openLog(in root: Int32) throws(SystemError) -> FileDescriptor {
        let parts = NodeLayout.logName.split(separator: "/").map(String.init)
        guard mkdirat(root, parts[0], 0o700) == 0 || errno == EEXIST else {
            throw SystemError("create directory", path: parts[0], errno: errno)
        }
        let folder = try FileDescriptor.openDirectory(parts[0], in: root)
        return try FileDescriptor.open(
            parts[1], O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600, in: folder.number)
    }

    /// Takes the exit of an agent that this process launched, so that no zombie stays. True when it has ended
    /// or is not this process's child; never waits.
    @discardableResult package static func reap(_ processID: Int32) -> Bool {
        guard waitpid(processID, nil, WNOHANG) != 0 else { return false }
        OwnChildren.forget(processID)
        return true
    }
}
