import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardStore
import Synchronization

/// The thread that owns the truth: the engine, the database and the agents' connections.
///
/// Every other thread comes through `perform` or `inspect`, which run a closure here and wait for it.
package final class ServiceLoop: Sendable {
    private enum Letter: Sendable {
        case work(@Sendable (ServiceCore, Moment) -> Void)
        case world(@Sendable (LocalWorld) -> Void)
        case stop
    }

    private let mailbox = Mutex<[Letter]>([])
    private let wakeup: Wakeup
    private let layout: HomeLayout
    private let executable: String
    private let idleLimit: TimeSpan
    private let log: @Sendable (String) -> Void

    package init(
        home: String, executable: String, idleLimit: TimeSpan, log: @escaping @Sendable (String) -> Void
    ) throws(SystemError) {
        layout = HomeLayout(home)
        self.executable = executable
        self.idleLimit = idleLimit
        self.log = log
        wakeup = try Wakeup()
    }

    // MARK: From other threads

    /// Runs `body` within a turn and answers when the turn is committed.
    ///
    /// - Parameter isPromise: whether what was done survives a power cut; false where a later command says so.
    package func perform<Answer: Sendable>(
        isPromise: Bool = true,
        _ body: @escaping @Sendable (ServiceCore, Moment) throws(Refusal) -> Answer
    ) throws(Refusal) -> Answer {
        let box = AnswerBox<Answer>()
        post(
            .work { core, now in
                do throws(Refusal) {
                    let answer = try body(core, now)
                    core.afterCommit(isPromise: isPromise) { error in
                        box.give(error.map { .failure(Refusal($0)) } ?? .success(answer))
                    }
                } catch {
                    box.give(.failure(error))
                }
            })
        return try box.wait().get()
    }

    /// Asks the engine something. The answer is of a committed turn: nobody is shown what a crash could undo.
    package func inspect<Answer: Sendable>(_ body: @escaping @Sendable (Engine) -> Answer) -> Answer {
        while true {
            let box = AnswerBox<Answer>()
            post(
                .work { core, _ in
                    core.afterCommit(isPromise: false) { error in
                        box.give(error.map { .failure(Refusal($0)) } ?? .success(core.inspect(body)))
                    }
                })
            // A turn that came to nothing is followed by a new core, which has an answer.
            if case .success(let answer) = box.wait() { return answer }
        }
    }

    /// Waits until the job differs from what was seen. False when the service gave up the turn.
    package func waitForChange(
        of job: UInt32, seen: TaskCounts?, seenState: JobState?, patience: TimeSpan
    ) -> Bool {
        let box = AnswerBox<Bool>()
        post(
            .work { core, now in
                core.watch(
                    JobWatcher(
                        job: job, seen: seen, seenState: seenState,
                        notBefore: now.steady + (seen == nil ? .zero : TimeSpan(milliseconds: 200)),
                        deadline: now.steady + patience
                    ) { box.give(.success($0 ?? false)) })
            })
        if case .success(true) = box.wait() { return true }
        return false
    }

    package func stop() { post(.stop) }

    private func post(_ letter: Letter) {
        mailbox.withLock { $0.append(letter) }
        wakeup.signal()
    }

    // MARK: The loop

    /// Runs until `stop`, or until there was nothing to do for `idleLimit`. Owns the calling thread.
    ///
    /// `begin` opens the door to commands once the state is restored; `end` closes it.
    package func run<Front: Sendable>(
        begin: () throws -> Front, end: @escaping @Sendable (Front) -> Void
    ) throws(ServiceFailure) {
        do {
            let poller = Poller()
            poller.add(wakeup.fileDescriptor)
            let store = try StoreWriter(path: layout.database)
            store.report = log
            let state = try store.stateID()
            let world = LocalWorld(
                layout: layout, state: state, executable: executable, poller: poller, log: log
            ) {
                [self] step in
                post(.world(step))
            }
            var runner = LoopRunner(
                store: store, clock: try ServiceClock(store: store), world: world, poller: poller,
                wakeup: wakeup, home: layout.home, log: log)
            let sweeper = RetentionSweeper(database: layout.database, log: log) { [self] act in
                post(.work(act))
            }
            let take = { [self] (core: ServiceCore, now: Moment) in
                sweeper.sweepIfDue(core, at: now)
                return takeLetters(core, world, now)
            }
            try runner.prepare()
            let front = try begin()
            try runner.run(idleLimit: idleLimit, takeLetters: take)
            // Whoever is being answered still needs this thread: it serves on while the front closes.
            startThread { [self] in
                end(front)
                post(.stop)
            }
            runner.answerWatchers()
            try runner.run(idleLimit: .seconds(3600), takeLetters: take)
        } catch let failure as ServiceFailure {
            throw failure
        } catch {
            throw ServiceFailure("\(error)")
        }
    }

    /// Runs what others have posted. Answers how many commands there were, and whether to stop.
    private func takeLetters(_ core: ServiceCore, _ world: LocalWorld, _ now: Moment) -> (
        commands: Int, stop: Bool
    ) {
        let letters = mailbox.withLock { letters in
            defer { letters = [] }
            return letters
        }
        var commands = 0
        for letter in letters {
            switch letter {
            case .work(let body):
                commands += 1
                body(core, now)
            case .world(let step): step(world)
            case .stop: return (commands, true)
            }
        }
        return (commands, false)
    }
}

/// Why the service cannot run at all.
package struct ServiceFailure: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// One answer on its way from the loop to the thread that waits for it.
private final class AnswerBox<Answer: Sendable>: Sendable {
    private let answer = Mutex<Result<Answer, Refusal>?>(nil)
    private let arrived = Semaphore()

    func give(_ result: Result<Answer, Refusal>) {
        answer.withLock { $0 = result }
        arrived.signal()
    }

    func wait() -> Result<Answer, Refusal> {
        arrived.wait()
        guard let result = answer.withLock({ $0 }) else { invariantFailure("a reply without an answer") }
        return result
    }
}
