import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

extension AgentLoop {
    /// Starts what has waited longest, as long as it fits. Nothing overtakes: an order of many slots would
    /// wait for ever behind a stream of small ones.
    func dispatch() {
        while let head = queue.head, mayStart(head) {
            let entry = queue.removeHead()
            start(entry.order, entry.context)
        }
    }

    // Of outputs that the service has not taken over. Beyond it the agent waits with tasks that make more.
    static let maximumOutputBytes = 16 << 20
    // At once, so that what they may leave together fits into the journal that is read: `JournalReader.maximumBytes`.
    static let maximumRecorders = 256

    func mayStart(_ entry: WorkQueue.Entry) -> Bool {
        guard stock.fits(needs(of: entry.order)) else { return false }
        guard entry.context.context.recordsOutput else { return true }
        return journal.state.outputBytes < Self.maximumOutputBytes
            && attempts.count { $0.context.context.recordsOutput } < Self.maximumRecorders
    }

    /// More than the node has can only mean the whole node.
    func needs(of order: WorkOrder) -> Resources {
        order.needs.isWithin(stock.capacity) ? order.needs : order.needs.capped(to: stock.capacity)
    }

    func start(_ order: WorkOrder, _ context: ContextState) {
        let startTime = SystemClock.now()
        do throws(AttemptError) {
            let attempt = try prepare(order, context)
            let needsStaging = context.context.staging != nil || order.staging != nil
            if needsStaging { try startStaging(attempt) } else { try startCommand(attempt) }
            attempt.held = stock.take(needs(of: order))
            attempts.append(attempt)
        } catch {
            // Without a root every task fails at once, one after the other. They are not to blame: the node is
            // lost, and its work is done elsewhere.
            if isRootGone { return leave() }
            if let reason = error.hindrance { return giveBack(order, reason) }
            let endTime = SystemClock.now()
            record(
                order.id,
                AttemptResult(error.outcome, startTime: startTime, endTime: endTime))
        }
    }

    struct AttemptError: Error {
        var outcome: Outcome
        /// What keeps the node from starting any work, where that is why.
        var hindrance: String?

        init(_ outcome: Outcome, hindrance: String? = nil) {
            self.outcome = outcome
            self.hindrance = hindrance
        }

        init(_ error: SystemError, isDirectory: Bool) {
            outcome = .notStored(error, isDirectory: isDirectory)
            hindrance = Hindrance.isNodes(error.errno) ? error.description : nil
        }
    }

    /// It has not started and never will under this order. The node's trouble, not the work's.
    func giveBack(_ order: WorkOrder, _ reason: String) {
        send(.returned(order.id))
        hinder(reason)
    }

    private func prepare(_ order: WorkOrder, _ context: ContextState) throws(AttemptError) -> Attempt {
        let path = context.context.parentDirectory
        do throws(SystemError) {
            guard !order.name.isEmpty, !order.name.utf8.contains(UInt8(ascii: "/")), order.name != "..",
                order.name != "."
            else { throw SystemError("create directory", path: order.name, errno: EINVAL) }
            let parent = try makeDirectories(of: order, in: path)
            let prefix = path.isEmpty ? node.root : "\(node.root)/\(path)"
            return Attempt(order, context: context, parent: parent, directory: "\(prefix)/\(order.name)")
        } catch {
            throw AttemptError(error, isDirectory: true)
        }
    }

    private func makeDirectories(of order: WorkOrder, in path: String) throws(SystemError) -> ParentDirectory
    {
        let parent = try parentDirectory(path, of: order.id.job)
        do throws(SystemError) {
            try DirectoryMaking.make(order.name, in: parent.descriptor.number)
            try DirectoryMaking.make("\(order.name)/wd", in: parent.descriptor.number)
            return parent
        } catch {
            // The parent was deleted since it was opened: a job's directory, by its user.
            guard error.errno == ENOENT, parents.removeValue(forKey: path) != nil else { throw error }
            return try makeDirectories(of: order, in: path)
        }
    }

    // Beyond this the cache begins anew. It saves an open per task, not more.
    private static let maximumParents = 64

    private func parentDirectory(_ path: String, of job: UInt32?) throws(SystemError) -> ParentDirectory {
        if let known = parents[path], known.job == job { return known }
        if parents.count >= Self.maximumParents { parents.removeAll() }
        let parts = path.split(separator: "/")
        if let job, parts.count > 1, parts[0] == NodeLayout.workItems, parts[1] != ".", parts[1] != ".." {
            try makeJob(String(parts[1]), job)
        }
        let opened = ParentDirectory(try DirectoryMaking.open(path, below: directory.number), job: job)
        parents[path] = opened
        return opened
    }

    private func makeJob(_ name: String, _ job: UInt32) throws(SystemError) {
        let place = try DirectoryMaking.open(NodeLayout.workItems, below: directory.number)
        do throws(SystemError) {
            try JobMark(options.state, job).make(name, in: place.number, removals)
        } catch {
            // An older job of this id is in the way, or there is no room: said with the whole path.
            let path = "\(node.root)/\(NodeLayout.workItems)/\(name)"
            throw SystemError(error.operation, path: path, errno: error.errno)
        }
    }

    // MARK: processes

    func startStaging(_ attempt: Attempt) throws(AttemptError) {
        attempt.phase = .staging
        do throws(SystemError) {
            let errors = try log("stderr.txt", of: attempt, isNew: true)
            _ = try log("stdout.txt", of: attempt, isNew: true)
            let documents = [attempt.context.context.staging, attempt.order.staging].compactMap(\.self)
            try startMover("node-stage", documents, attempt, errors: errors.number)
        } catch {
            throw AttemptError(error, isDirectory: false)
        }
    }

    /// What it has to say goes to its answer and not into the task's logs, which are on their way into a store.
    func startUpload(_ attempt: Attempt) throws(AttemptError) {
        attempt.phase = .uploading
        let isSuccess = attempt.commandOutcome?.isSuccess ?? false
        let documents = [
            attempt.context.context.upload, attempt.order.upload, attempt.staged, "{\"hasSucceeded\":\(isSuccess)}",
        ].compactMap(\.self)
        do throws(SystemError) {
            try startMover("node-upload", documents, attempt, errors: nil)
        } catch {
            throw AttemptError(error, isDirectory: false)
        }
    }

    /// Starts the process that moves the attempt's files.
    private func startMover(
        _ verb: String, _ documents: [String], _ attempt: Attempt, errors: Int32?
    ) throws(SystemError) {
        // Two files in memory instead of pipes: nothing to wait for, whatever their length.
        let input = try memoryFile(verb)
        let text = documents.joined(separator: "\n") + "\n"
        try write(text, to: input.number)
        if let keys = attempt.order.storageKeys { try write(keys, to: input.number, at: text.utf8.count) }
        let answer = try memoryFile("answer")
        arguments.fill(["shipyard-swift", verb])
        let place = ProcessSpawner.Place(
            parent: attempt.parent.descriptor.number, directory: "\(attempt.order.name)/wd",
            input: input.number, output: answer.number, errors: errors ?? answer.number)
        // Through the link, which works also when the file has been replaced by a newer build.
        let error = spawn("/proc/self/exe", attempt, at: place).errno
        guard error == 0 else { throw SystemError("start", path: verb, errno: error) }
        attempt.answer = consume answer
        attempt.progress = nil
        attempt.progressPause = 0
        attempt.nextProgress = SystemClock.monotonicMicroseconds() + Self.firstProgressMicroseconds
    }

    // What is over sooner than this need not be told of.
    private static let firstProgressMicroseconds: Int64 = 500_000

    /// The logs are cut where the attempt begins: with its staging if there is one.
    func startCommand(_ attempt: Attempt) throws(AttemptError) {
        let isNew = attempt.phase == .command
        attempt.phase = .command
        let words = words(of: attempt.order.command)
        // Never empty: an empty command is an empty script.
        let program = words[0]
        let logs = try openLogs(of: attempt, isNew: isNew)
        try writeFiles(of: attempt)
        let place = ProcessSpawner.Place(
            parent: attempt.parent.descriptor.number, directory: "\(attempt.order.name)/wd",
            output: logs.output.number, errors: logs.errors.number)
        try writeSecretFiles(of: attempt)
        do throws(AttemptError) {
            try spawnProgram(program, words, attempt, at: place)
        } catch {
            removeSecretFiles(of: attempt)
            throw error
        }
        _ = consume logs
        if !attempt.order.secrets.isEmpty { attempt.order.secrets = [] }
        attempt.order.files = []
        if !attempt.hasUpload { attempt.order.storageKeys = nil }
        attempt.deadline = attempt.context.context.maxWallTime.map {
            saturatingSum(SystemClock.monotonicMicroseconds(), $0.microseconds)
        }
        trialPause = Self.firstTrialMicroseconds
        send(.started(attempt.order.id, at: attempt.startTime))
    }

    private func writeSecretFiles(of attempt: Attempt) throws(AttemptError) {
        guard !attempt.order.secretFiles.isEmpty else { return }
        do throws(SystemError) {
            attempt.secretFiles = try SecretFiles(attempt.order.secretFiles, below: directory.number)
            attempt.order.secretFiles = []
        } catch {
            throw AttemptError(error, isDirectory: false)
        }
    }

    func removeSecretFiles(of attempt: Attempt) {
        attempt.secretFiles?.remove(below: directory.number, removals)
        attempt.secretFiles = nil
    }

    /// The tasks of a factory often have one command: what it comes to is kept until another one comes.
    private func words(of command: String) -> [String] {
        if command != lastCommand.text {
            lastCommand = (command, CommandShell.words(for: CommandForm(command)))
        }
        return lastCommand.words
    }

    private func spawnProgram(
        _ program: String, _ words: [String], _ attempt: Attempt, at place: ProcessSpawner.Place
    ) throws(AttemptError) {
        let context = attempt.context
        let working = "\(attempt.directory)/wd"
        guard let path = context.resolve(program, workingDirectory: working) else {
            let searchPath = context.searchPath(workingDirectory: working)
            throw AttemptError(.programNotFound(program, searchPath: searchPath))
        }
        arguments.fill(words)
        var (error, isFork) = spawn(path, attempt, at: place)
        if error == ENOEXEC {
            // A script without a first line that names its interpreter: every shell runs it with sh.
            arguments.fill(["/bin/sh", path] + words.dropFirst())
            (error, isFork) = spawn("/bin/sh", attempt, at: place)
        }
        switch error {
        case 0: return
        case ENOENT, ENOTDIR:
            context.forget(program)
            throw AttemptError(.programNotFound(path, searchPath: ""))
        default:
            let isNodes = isFork || Hindrance.isNodes(error, ofProgram: true)
            throw AttemptError(
                .launchFailed(path, errno: error),
                hindrance: isNodes ? SystemError("start a process", errno: error).description : nil)
        }
    }

    /// Spawns with `arguments` and the attempt's environment; journals it. `isFork`: no process could be made at
    /// all.
    private func spawn(
        _ path: String, _ attempt: Attempt, at place: ProcessSpawner.Place
    ) -> (errno: Int32, isFork: Bool) {
        // Not what puts its files in place, which needs none.
        let secrets = attempt.phase == .command ? attempt.order.secrets : []
        let before = SystemClock.bootTicks()
        let (processID, error, isFork) = attempt.context.withEnvironment(
            of: attempt.order, in: attempt.directory, secretFiles: attempt.secretFiles?.name, exposing: secrets,
            &environment
        ) { environment in
            spawner.spawn(
                path, arguments: arguments.pointers, environment: environment, at: place,
                mask: mode_t(options.umask))
        }
        guard error == 0 else { return (error, isFork) }
        attempt.processID = processID
        if attempt.firstProcessID == 0 { attempt.firstProcessID = processID }
        attempt.mainHasEnded = false
        attempt.isSessionGone = false
        let stamp = ProcessStamp(
            processID: processID, startedNotBefore: before, startedNotAfter: SystemClock.bootTicks())
        journal.append(.started(attempt.order.id, stamp))
        return (0, false)
    }

    private struct Logs: ~Copyable {
        let output: FileDescriptor
        let errors: FileDescriptor
    }

    private func openLogs(of attempt: Attempt, isNew: Bool) throws(AttemptError) -> Logs {
        do throws(SystemError) {
            return Logs(
                output: try log("stdout.txt", of: attempt, isNew: isNew),
                errors: try log("stderr.txt", of: attempt, isNew: isNew))
        } catch {
            throw AttemptError(error, isDirectory: false)
        }
    }

    /// A new log is a new file. An earlier attempt may have put a link or a named pipe in the place of its own:
    /// opening that would write elsewhere, or wait for a reader and hold the agent.
    private func log(_ name: String, of attempt: Attempt, isNew: Bool) throws(SystemError) -> FileDescriptor {
        let path = "\(attempt.order.name)/\(name)"
        let parent = attempt.parent.descriptor.number
        guard isNew else {
            return try FileDescriptor.open(path, O_WRONLY | O_APPEND | O_NOFOLLOW, in: parent)
        }
        do throws(SystemError) {
            return try newLog(path, in: parent)
        } catch {
            guard error.errno == EEXIST, unlinkat(parent, path, 0) == 0 else { throw error }
            return try newLog(path, in: parent)
        }
    }

    private func newLog(_ path: String, in parent: Int32) throws(SystemError) -> FileDescriptor {
        try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, in: parent)
    }

    private func memoryFile(_ name: String) throws(SystemError) -> FileDescriptor {
        let number = shipyard_memfd(name)
        guard number >= 0 else { throw SystemError("memfd_create", path: name, errno: errno) }
        return FileDescriptor(owning: number)
    }

    private func write(_ text: String, to file: Int32) throws(SystemError) {
        var text = text
        let isWhole = text.withUTF8 { bytes in
            pwrite(file, bytes.baseAddress, bytes.count, 0) == bytes.count
        }
        guard isWhole else { throw SystemError("write", path: "staging", errno: errno) }
    }

    private func write(_ secret: Secret, to file: Int32, at offset: Int) throws(SystemError) {
        let isWhole = secret.withExposedBytes {
            pwrite(file, $0.baseAddress, $0.count, off_t(offset)) == $0.count
        }
        guard isWhole else { throw SystemError("write", path: "staging", errno: errno) }
    }
}
