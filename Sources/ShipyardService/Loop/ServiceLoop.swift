import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardStore
import ShipyardSystem
import Synchronization

/// The thread that owns the truth: the engine, the database and the substrate.
///
/// Every other thread comes through `perform` or `inspect`, which run a closure here and wait for it.
package final class ServiceLoop: Sendable {
    private enum Request: Sendable {
        /// `refuse` is called instead where there is no state to work on.
        case work(@Sendable (ServiceCore, Moment) -> Void, refuse: @Sendable (Refusal) -> Void)
        case stop
    }

    /// How the loop came to its end.
    package enum Outcome: Sendable {
        case stopped
        /// Threads still answer requests that have outlived the stop: the process must not wait for them.
        case cutOff
        /// The home belongs to somebody else by now, or is gone: nothing of it may be touched, not even by
        /// closing the state file.
        case homeLost(String)
    }

    /// From the stop to the end, whatever the requests that still run are waiting for. Longer than the HTTP
    /// server gives them, shorter than `service stop` waits.
    private static let stopLimit = TimeSpan.seconds(10)
    /// After the loss of the home: for those who wait to hear of it.
    private static let farewell = TimeSpan.seconds(2)
    /// For how long an inspection that finds no state is tried: longer than the longest pause after which the state is restored again.
    package static let inspectionPatience = TimeSpan(
        milliseconds: LoopPace.longestRetryPause.milliseconds + 1000)

    private let mailbox = Mutex<[Request]>([])
    /// Why a turn came to nothing last, and when; monotonic microseconds.
    private let lastTrouble = Mutex<(sentence: String, time: Int64)?>(nil)
    private let wakeup: Wakeup
    private let layout: HomeLayout
    private let idleLimit: TimeSpan?
    private let nodeFiles = Mutex<(any FilesOfNodes)?>(nil)
    private let transferBoard = Mutex<TransferBoard?>(nil)
    /// For whoever opens stores, on whatever thread.
    package let storageKeys: StorageKeyRing
    package let secrets: any SecretSource
    package let sentVariables: SentVariables
    private let handedSecrets: HandedSecrets
    private let homeGuard: HomeGuard
    private let log: @Sendable (String) -> Void

    package init(
        homeGuard: HomeGuard, layout: HomeLayout, idleLimit: TimeSpan?, secrets: any SecretSource = NoSecrets(),
        sentVariables: SentVariables = SentVariables(),
        handedSecrets: HandedSecrets = HandedSecrets(),
        log: @escaping @Sendable (String) -> Void
    ) throws(SystemError) {
        self.layout = layout
        self.secrets = secrets
        self.handedSecrets = handedSecrets
        self.sentVariables = sentVariables
        storageKeys = StorageKeyRing(secrets)
        self.idleLimit = idleLimit
        self.homeGuard = homeGuard
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
            .work(
                { core, now in
                    do throws(Refusal) {
                        let answer = try body(core, now)
                        core.afterCommit(isPromise: isPromise) { error in
                            box.give(error.map { .failure(Refusal($0)) } ?? .success(answer))
                        }
                    } catch {
                        box.give(.failure(error))
                    }
                }, refuse: { box.give(.failure($0)) }))
        return try box.wait().get()
    }

    /// Asks the engine something. The answer is of a committed turn: nobody is shown what a crash could undo.
    ///
    /// Refused when for as long as `patience` no turn could be committed, such as on a full disk.
    package func inspect<Answer: Sendable>(
        patience: TimeSpan = inspectionPatience, _ body: @escaping @Sendable (borrowing Engine) -> Answer
    ) throws(Refusal) -> Answer {
        let limit = SystemClock.monotonicMicroseconds() + patience.milliseconds * 1000
        while true {
            let box = AnswerBox<Answer>()
            post(
                .work(
                    { core, _ in
                        core.afterCommit(isPromise: false) { error in
                            box.give(error.map { .failure(Refusal($0)) } ?? .success(core.inspect(body)))
                        }
                    }, refuse: { box.give(.failure($0)) }))
            switch box.wait() {
            case .success(let answer): return answer
            // A turn that came to nothing is followed by a new core, which has an answer.
            case .failure(let refusal):
                guard refusal.isOfStore, SystemClock.monotonicMicroseconds() < limit else { throw refusal }
            }
            usleep(UInt32(LoopPace.inspectionPause.microseconds))
        }
    }

    /// Waits until the job differs from what was seen. False when the service gave up the turn.
    package func waitForChange(
        of job: UInt32, seen: TaskCounts?, seenState: JobState?, patience: TimeSpan
    ) -> Bool {
        let box = AnswerBox<Bool>()
        post(
            .work(
                { core, now in
                    core.watch(
                        JobWatcher(
                            job: job, seen: seen, seenState: seenState,
                            notBefore: now.steady + (seen == nil ? .zero : TimeSpan(milliseconds: 200)),
                            deadline: now.steady + patience
                        ) { box.give(.success($0 ?? false)) })
                }, refuse: { _ in box.give(.success(false)) }))
        if case .success(true) = box.wait() { return true }
        return false
    }

    /// Files on nodes. There from when the endpoint is opened.
    package var files: any FilesOfNodes {
        guard let files = nodeFiles.withLock({ $0 }) else { invariantFailure("files before there are nodes") }
        return files
    }

    /// What hides the values of these secrets; nil where there is nothing to hide.
    package func mask(of references: Set<SecretReference>) throws(SecretFailure) -> SecretMask? {
        guard !references.isEmpty else { return nil }
        let mask = try SecretMasks(secrets, handedSecrets).mask(of: references)
        return mask.isEmpty ? nil : mask
    }

    /// What hides all secrets of the home, and these.
    package func mask(ofAllAnd references: Set<SecretReference>) throws(SecretFailure) -> SecretMask? {
        let mask = try SecretMasks(secrets, handedSecrets).mask(ofAllAnd: references)
        return mask.isEmpty ? nil : mask
    }

    /// How far the files of tasks have come that are on their way now.
    package func transfersOfTasks() -> [TaskKey: TransferBoard.Entry] {
        transferBoard.withLock { $0 }?.ofTasks() ?? [:]
    }

    /// Why nothing that has happened could be stored a moment ago, such as a full disk: until it can, nothing moves.
    package var trouble: String? {
        lastTrouble.withLock { last in
            guard let last, SystemClock.monotonicMicroseconds() - last.time < Self.troubleMicroseconds else { return nil }
            return last.sentence
        }
    }

    // Longer than the longest pause between two tries, so that it stands for as long as they fail.
    private static let troubleMicroseconds = LoopPace.longestRetryPause.microseconds + 1_000_000

    package func stop() { post(.stop) }

    /// Has the loop look around, such as for its home.
    package func wake() { wakeup.signal() }

    private func post(_ request: Request) {
        mailbox.withLock { $0.append(request) }
        wakeup.signal()
    }

    // MARK: The loop

    /// Makes what the nodes are on, for this life of the service.
    ///
    /// A wait of the substrate ends when `wakeup` is signalled.
    package typealias MakeSubstrate<Place> = (_ lives: StateLives, _ wakeup: Wakeup) throws -> Place

    /// Runs until `stop`, or until there was nothing to do for `idleLimit`. Owns the calling thread.
    ///
    /// `begin` opens the endpoint for commands once the state is restored; `keep` sees every turn and every
    /// `HomeGuard.pause` that it can be found, and must not wait; `end` closes it. `startRun` hears of each run of a
    /// schedule whose jobs are to be made, and `watch` of all files that schedules wait for, whenever those change; neither may
    /// wait.
    package func run<Place: Substrate, Endpoint: Sendable>(
        on makeSubstrate: MakeSubstrate<Place>, begin: () throws -> Endpoint,
        keep: @escaping (Endpoint) -> Void, startRun: @escaping (RunStart) -> Void,
        watch: @escaping ([StorageSubscription]) -> Void = { _ in },
        end: @escaping @Sendable (Endpoint) -> Void
    ) throws(ServiceFailure) -> Outcome {
        do {
            // Made before it is needed: at the end there may be no thread to be had.
            let closer = try Workers(count: 1)
            let store = try StoreWriter(path: layout.database)
            store.report = log
            homeGuard.addStateFile()
            let substrate = try makeSubstrate(try store.beginLife(), wakeup)
            nodeFiles.withLock { [files = substrate.files] in $0 = files }
            transferBoard.withLock { [transfers = substrate.transfers] in $0 = transfers }
            var open: Endpoint?
            var runner = LoopRunner(
                store: store, time: try ServiceClock(store: store), substrate: substrate, secrets: secrets,
                handedSecrets: handedSecrets, storageKeys: storageKeys,
                tokensOfTasks: TaskTokens(
                    key: TaskTokenKey.kept(in: layout, log: log), state: try store.stateID()),
                homeLoss: { [homeGuard] in
                    if let loss = homeGuard.loss { return loss }
                    if let open { keep(open) }
                    return nil
                }, log: log)
            let mail = try mail(startRun, watch)
            try told { () throws(StoreError) in try runner.prepare() }
            let endpoint = try begin()
            open = endpoint
            let reason = try told { () throws(StoreError) in
                try runner.run(.init(idle: idleLimit), mail)
            }
            open = nil
            // Whoever is being answered still needs this thread: it serves on while the endpoint closes.
            closer.run { [self] in
                end(endpoint)
                post(.stop)
            }
            runner.answerWatchers()
            if case .homeLost(let loss) = reason { return leave(loss, mail) }
            let deadline = SystemClock.monotonicMicroseconds() + Self.stopLimit.microseconds
            let last = try told { () throws(StoreError) in
                try runner.run(.init(deadline: deadline), mail)
            }
            switch last {
            case .homeLost(let loss): return leave(loss, mail)
            case .stopped, .idle: return .stopped
            case .outOfTime:
                log(
                    "requests that still ran \(Self.stopLimit.milliseconds / 1000) seconds after the stop are cut off"
                )
                return .cutOff
            }
        } catch let failure as ServiceFailure {
            throw failure
        } catch {
            throw ServiceFailure("\(error)")
        }
    }

    /// Which file it is, and what can be done: the statement that has found it means nothing to a user.
    private func told<Answer>(_ body: () throws(StoreError) -> Answer) throws(ServiceFailure) -> Answer {
        do throws(StoreError) {
            return try body()
        } catch {
            guard error.kind == .corrupt else { throw ServiceFailure("\(error)") }
            let file = layout.database
            throw ServiceFailure(
                "the state file \(file) is damaged: \(error.message); move it and \(file)-wal away to begin anew, or"
                    + " put a copy of both back; nodes that have gone on since the copy are begun anew, without their"
                    + " files")
        }
    }

    private func mail(
        _ startRun: @escaping (RunStart) -> Void, _ watch: @escaping ([StorageSubscription]) -> Void
    ) throws(SystemError) -> LoopMail {
        let sweeper = try RetentionSweeper(database: layout.database, log: log) { [self] act in
            postUntilTaken(act)
        }
        return LoopMail(
            take: { [self] core, now in
                sweeper.sweepIfAsked(core)
                core.takeRunStarts().forEach(startRun)
                if let subscriptions = core.takeSubscriptions() { watch(subscriptions) }
                return takeRequests { body, _ in body(core, now) }
            },
            refuse: { [self] refusal in
                lastTrouble.withLock { $0 = (refusal.message, SystemClock.monotonicMicroseconds()) }
                return takeRequests { _, refuse in refuse(refusal) }
            })
    }

    /// For what must be done sooner or later, and has nobody who could be told that it was not.
    private func postUntilTaken(_ act: @escaping @Sendable (ServiceCore, Moment) -> Void) {
        post(.work(act, refuse: { [self] _ in postUntilTaken(act) }))
    }

    /// Takes every request, also those behind a stop: each has somebody waiting for its answer.
    private func takeRequests(
        _ take: (_ body: (ServiceCore, Moment) -> Void, _ refuse: (Refusal) -> Void) -> Void
    ) -> (commands: Int, stop: Bool) {
        let requests = mailbox.withLock { requests in
            defer { requests = [] }
            return requests
        }
        var taken = (commands: 0, stop: false)
        for request in requests {
            switch request {
            case .work(let body, let refuse):
                taken.commands += 1
                take(body, refuse)
            case .stop: taken.stop = true
            }
        }
        return taken
    }

    /// Tells everybody who comes before the endpoint is closed that there is nothing to be had here.
    private func leave(_ loss: String, _ mail: LoopMail) -> Outcome {
        let end = SystemClock.monotonicMicroseconds() + Self.farewell.milliseconds * 1000
        let refusal = Refusal.homeLost(loss)
        while !mail.refuse(refusal).stop, SystemClock.monotonicMicroseconds() < end { usleep(2000) }
        return .homeLost(loss)
    }
}

extension Refusal {
    /// - Parameter loss: what `HomeGuard` has found.
    package static func homeLost(_ loss: String) -> Refusal {
        Refusal(
            .unavailable, code: "HomeLost",
            "nothing was done: \(loss), so it ends; the next command starts another with what is there then")
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
