import Glibc
import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel

/// Prints a task's file as it grows, to the end of the task.
struct FileStreamer {
    /// As Batch Shipyard: a task may take a while to make its file, but not for ever.
    private static let notFoundLimit = 20

    private let service: ServiceClient
    private let console: Console
    private let pauseMicroseconds: UInt32

    init(_ service: ServiceClient, _ console: Console, pauseMicroseconds: UInt32 = 500_000) {
        self.service = service
        self.console = console
        self.pauseMicroseconds = pauseMicroseconds
    }

    func follow(_ file: TaskFile) throws(CommandFailure) {
        try follow(file) { piece in
            console.output.write(bytes: piece)
            console.output.flush()
            return !console.output.isClosed
        }
    }

    /// Hands every appended stretch to `take`, until it answers false.
    func follow(
        _ file: TaskFile, _ take: (UnsafeRawBufferPointer) -> Bool
    ) throws(CommandFailure) {
        let interruption = Interruption.begin()
        defer { interruption.end() }
        var (offset, missing, isWanted, hasTold) = (Int64(0), 0, true, false)
        let path = file.location
        while isWanted {
            // Asked before reading: what is read after the task has ended is all there will ever be.
            let task: TaskResponse = try service.get(ServiceClient.task(file.task, of: file.job))
            let hasEnded = task.state == "completed"
            let isThere = try service.read(path, from: offset) { piece in
                offset += Int64(piece.count)
                isWanted = take(piece)
                return isWanted
            }
            if !isThere, task.state == "active", !hasTold {
                try tellOfWaiting(file)
                hasTold = true
            }
            if !isThere, task.state == "running" || hasEnded {
                // A task that waits for its turn has no file yet, however long that takes.
                missing += 1
            }
            guard !hasEnded else { return try checkFound(file, task, offset: offset, missing: missing) }
            guard missing <= Self.notFoundLimit else { throw try notFound(file, task) }
            usleep(pauseMicroseconds)
            if Interruption.hasCome {
                console.say(GoesOn.words(for: [file.job], home: nil))
                throw CommandFailure(.interrupted, "")
            }
        }
    }

    /// Silence would look like a task that prints nothing.
    private func tellOfWaiting(_ file: TaskFile) throws(CommandFailure) {
        let job: JobResponse = try service.get(ServiceClient.job(file.job))
        let reason = job.blockedReason.map { ": " + DisplayText.printable($0) } ?? ""
        console.say("task \(file.task) of job \(file.job) has not begun\(reason); waiting for it")
    }

    private func checkFound(
        _ file: TaskFile, _ task: TaskResponse, offset: Int64, missing: Int
    ) throws(CommandFailure) {
        if offset == 0, missing > 0 { throw try notFound(file, task) }
    }

    private func notFound(_ file: TaskFile, _ task: TaskResponse) throws(CommandFailure) -> CommandFailure {
        if let node = task.nodeInfo {
            let pool: PoolResponse? = try service.find(ServiceClient.pool(node.poolId))
            if pool == nil {
                return CommandFailure(
                    .failed, "the files of task \(file.task) of job \(file.job) have gone with pool \(node.poolId)",
                    help: LogsCommand.howFilesStay)
            }
        }
        return CommandFailure(
            .failed, "task \(file.task) of job \(file.job) has no file \(file.file)",
            help: "shipyard-swift data files list --jobid \(file.job) --taskid \(file.task)")
    }
}
