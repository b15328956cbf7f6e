import Glibc
import ShipyardAPI
import ShipyardModel
import ShipyardNode
import ShipyardSystem

/// A process beside a `run`: when that is killed, what it has made is taken down all the same.
///
/// It hears of everything before it is made, over a stream that ends with the run, be it by `kill -9`. It has a session of its own, so
/// what a terminal sends to the run's group is not for it, and a run that is stopped keeps its pool.
final class RunGuard {
    private let process: pid_t
    private let stream: Int32

    /// Nil where it cannot be started: the run is none the worse for it until somebody kills it.
    init?(home: String) {
        var ends: [Int32] = [-1, -1]
        // A socket: writing to a guard that was killed must be an error, not a signal.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else { return nil }
        defer { close(ends[1]) }
        do throws(SystemError) {
            let nothing = try FileDescriptor.open("/dev/null", O_WRONLY)
            process = try ProcessLaunch.start(
                "/proc/self/exe", ["shipyard-swift", RunGuardCommand.name, "--home", home],
                environment: ServiceEnvironment.variables,
                ProcessLaunch.Streams(input: ends[1], output: nothing.number, errors: 2))
            _ = nothing.number
            stream = ends[0]
            Interruption.dismissesAtSecond(stream)
        } catch {
            close(ends[0])
            return nil
        }
    }

    func tell(_ word: RunGuardCommand.Word) {
        let bytes = Array((word.line + "\n").utf8)
        // One that is gone guards nothing, and the run goes on.
        _ = send(stream, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// The run answers for everything itself from here on.
    func dismiss() {
        tell(.done)
        Interruption.dismissesAtSecond(-1)
        close(stream)
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
        OwnChildren.forget(process)
    }
}

/// `run-guard`: not for people.
enum RunGuardCommand {
    static let name = "run-guard"

    /// What the run says.
    enum Word: Equatable {
        /// Is about to be made, and no other has its id.
        case pool(String)
        /// Is about to be made in that pool.
        case job(String)
        /// The nodes have the only copy of files that were asked for, or not any more.
        case holds(Bool)
        case done

        var line: String {
            switch self {
            case .pool(let id): "pool \(id)"
            case .job(let id): "job \(id)"
            case .holds(let isOn): isOn ? "hold" : "go"
            case .done: "done"
            }
        }

        init?(line: String) {
            let words = line.split(separator: " ").map { String($0) }
            switch (words.first, words.count) {
            case ("pool", 2): self = .pool(words[1])
            case ("job", 2): self = .job(words[1])
            case ("hold", 1): self = .holds(true)
            case ("go", 1): self = .holds(false)
            case ("done", 1): self = .done
            default: return nil
            }
        }
    }

    static let command: Command = {
        var command = Command(name, "take down what a `run` has made, when that is killed")
        command.isHidden = true
        return command.runs(run)
    }()

    @Sendable private static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        var (pool, jobs, holds): (String?, [String], Bool) = (nil, [], false)
        while let line = readLine() {
            switch Word(line: line) {
            case .pool(let id): pool = id
            case .job(let id): jobs.append(id)
            case .holds(let isOn): holds = isOn
            case .done: return .done
            case nil: throw .usage("`\(name)` is not for people")
            }
        }
        guard let pool else { return .done }
        let console = invocation.console
        guard !holds else {
            console.say("`run` was killed before it had copied all files: pool \(pool) and its jobs stay; `pool del \(pool)` removes it")
            return .failed
        }
        console.say("`run` was killed: pool \(pool) and its jobs are removed")
        let service = try invocation.service()
        // A submission that was under way when it was killed arrives all the same.
        let isClean = try RunMakings(pool: pool, jobs: made(jobs, pool, service)).remove(service, console)
        return try RunMakings(jobs: made(jobs, pool, service)).remove(service, console) && isClean ? .done : .failed
    }

    /// That they are in the run's pool tells them from others of their ids.
    private static func made(
        _ ids: [String], _ pool: String, _ service: ServiceClient
    ) throws(CommandFailure) -> [SubmissionResponse.Job] {
        var made: [SubmissionResponse.Job] = []
        for id in ids {
            guard let job: JobResponse = try service.find(ServiceClient.job(id)), job.poolId == pool else { continue }
            made.append(SubmissionResponse.Job(id: id, poolId: pool, tasksAdded: 0, isNew: true, number: job.number))
        }
        return made
    }
}
