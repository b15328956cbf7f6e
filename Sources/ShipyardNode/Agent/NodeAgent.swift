import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// The process that is a compute node of this machine.
package enum NodeAgent {
    /// Becomes the agent and returns its exit code when it is told to go. Ends at once with 1, a sentence on
    /// the standard error, where another agent holds the node or the root cannot be used.
    package static func run(arguments: NodeAgentOptions) -> Int32 {
        // Tasks are of the same user: none of them reads what the agent was started with.
        _ = shipyard_hide_memory()
        do throws(SystemError) {
            let node = try prepare(arguments)
            switch consume node {
            case .some(let root): return try begin(arguments, root: root)
            case .none:
                complain("another agent of node \(arguments.node) runs in \(arguments.root)")
                return 1
            }
        } catch {
            complain(error.description)
            return 1
        }
    }

    static func complain(_ text: String) {
        AgentLog.makeRoom()
        let line = "\(SystemClock.now().iso8601) node-agent: \(text)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
    }

    /// Makes the directory tree and takes the lock. Nil when somebody else has it.
    private static func prepare(_ options: NodeAgentOptions) throws(SystemError) -> FileDescriptor? {
        let root = try NodePath.make(options.root).open()
        guard fchdir(root.number) == 0 else { throw SystemError("chdir", path: options.root, errno: errno) }
        for name in NodeLayout.directories { try DirectoryMaking.make(name, in: AT_FDCWD) }
        spreadJobs()
        let lock = try FileDescriptor.open(NodeLayout.lockName, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK { return nil }
            throw SystemError("lock", path: NodeLayout.lockName, errno: errno)
        }
        return lock
    }

    /// Asks for a region of the disk for each job (docs/adr/0007).
    private static func spreadJobs() {
        guard let jobs = try? FileDescriptor.openDirectory(NodeLayout.workItems, in: AT_FDCWD) else { return }
        // A file system that cannot do it needs none of it.
        _ = shipyard_spread_subdirectories(jobs.number)
    }

    private static func begin(
        _ options: NodeAgentOptions, root lock: consuming FileDescriptor
    ) throws(SystemError) -> Int32 {
        try detach()
        let signals = try takeSignals()
        guard let directory = ProcessTable.workingDirectory(of: getpid()),
            let root = String(validating: directory.bytes, as: UTF8.self),
            let agent = ProcessStamp(of: getpid()), let machine = MachineID.current()
        else { throw SystemError("read", path: "/proc/self", errno: errno) }
        let old = try JournalReader.read(root: root)
        NodeTeardown.endProcesses(root: root, journal: old, sparing: [agent.processID])
        let group = NodeGroup.enter()
        let boot = JournalBoot(
            number: options.boot, state: options.state, life: options.life, machine: machine, agent: agent,
            group: group)
        let loop = try makeLoop(options, root: root, boot, after: old, signals, lock: lock.copy())
        let code = loop.run()
        group.leave()
        _ = lock.number
        return code
    }

    private static func makeLoop(
        _ options: NodeAgentOptions, root: String, _ boot: JournalBoot, after old: JournalState,
        _ signals: consuming FileDescriptor, lock: consuming FileDescriptor
    ) throws(SystemError) -> AgentLoop {
        // Where we are, whatever has come to its path since.
        let directory = try FileDescriptor.openDirectory(".")
        let removals = try Removals(root: root, state: options.state)
        discardUnfinished(in: directory.number, removals)
        SecretFiles.removeAll(below: directory.number, removals)
        let journal = try AgentJournal(root: directory.number, boot: boot, after: old)
        return AgentLoop(
            options, node: NodeEnvironment(root: root, options: options), signals: signals,
            listener: try AgentSocket.listen(in: root),
            spawner: try ProcessSpawner(), directory: directory, lock: lock, journal: journal,
            removals: removals)
    }

    /// Directories of jobs that an agent was killed over before they had their name.
    private static func discardUnfinished(in root: Int32, _ removals: Removals) {
        guard let jobs = try? FileDescriptor.openDirectory(NodeLayout.workItems, in: root) else { return }
        for entry in BytePath.entries(of: jobs.number)
        where entry.bytes.starts(with: JobMark.unfinishedPrefix.utf8) {
            try? removals.discard(String(decoding: entry.bytes, as: UTF8.self), in: jobs.number)
        }
    }

    /// A session of its own, the log instead of a terminal, orphans for children. Signals are as the kernel
    /// sets them up, whatever the service had ignored: tasks inherit that.
    private static func detach() throws(SystemError) {
        setsid()
        guard shipyard_become_subreaper() == 0 else { throw SystemError("prctl", errno: errno) }
        for number in 1..<SIGRTMAX_ where number != SIGKILL && number != SIGSTOP { signal(number, SIG_DFL) }
        // A journal that may not grow is an error of its write, which is tried again. Tasks get the default back.
        signal(SIGXFSZ, SIG_IGN)
        let nothing = try FileDescriptor.open("/dev/null", O_RDONLY)
        dup2(nothing.number, 0)
        try AgentLog.open()
    }

    private static func takeSignals() throws(SystemError) -> FileDescriptor {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGCHLD, SIGTERM, SIGINT] { sigaddset(&signals, number) }
        sigprocmask(SIG_SETMASK, &signals, nil)
        let number = shipyard_signalfd(&signals)
        guard number >= 0 else { throw SystemError("signalfd", errno: errno) }
        return FileDescriptor(owning: number)
    }

    // SIGRTMAX is a function call in C, and no constant.
    private static let SIGRTMAX_: Int32 = 65
}

/// Directories made so that it is no matter who was first.
enum DirectoryMaking {
    static func make(_ name: String, in directory: Int32) throws(SystemError) {
        guard mkdirat(directory, name, 0o755) == 0 || errno == EEXIST else {
            throw SystemError("create directory", path: name, errno: errno)
        }
    }

    /// An absolute path with all that leads to it. What is made is the user's own: mode 0700.
    static func makePath(_ path: String) throws(SystemError) {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            guard mkdir(made, 0o700) == 0 || errno == EEXIST || errno == EROFS || errno == EACCES else {
                throw SystemError("create directory", path: made, errno: errno)
            }
        }
    }

    /// Opens `path` below `directory`, making what is missing. Neither links nor `..` lead out of it.
    static func open(_ path: String, below directory: Int32) throws(SystemError) -> FileDescriptor {
        var folder = try FileDescriptor.openDirectory(".", in: directory)
        let parts = path.split(separator: "/").filter { $0 != "." }
        for part in parts {
            guard part != ".." else { throw SystemError("open", path: path, errno: EINVAL) }
            try make(String(part), in: folder.number)
            folder = try FileDescriptor.openDirectory(String(part), in: folder.number)
        }
        return folder
    }
}
