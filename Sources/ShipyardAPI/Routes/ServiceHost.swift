import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardService
import ShipyardStore
import ShipyardSubmission
import ShipyardSystem
import Synchronization

/// `service run`: the service of one home, from its lock to its last answer.
package enum ServiceHost {
    /// For the service that has the lock to listen, or to give it up. As long as a command waits.
    private static let lockPatience = 30_000
    private static let lockPause = 10

    package enum Outcome: Sendable {
        case stopped
        /// Another service has the home; it is as good.
        case alreadyRunning
    }

    /// How long a service goes on that nobody needs.
    package enum Stay: Sendable {
        /// Until it has been idle for a while. It gives way to another one.
        case whileNeeded
        /// Until it is stopped. It takes over when another one ends: whoever started it wants one always.
        case always

        /// Nothing to do for this long ends a service that no pool, job or client needs.
        package var idleLimit: TimeSpan? {
            switch self {
            case .whileNeeded: .seconds(300)
            case .always: nil
            }
        }
    }

    /// Serves until it is stopped or, unless it stays, has been idle. Takes over the calling thread.
    package static func run(
        home: String, version: String, stay: Stay = .whileNeeded
    ) throws(ServiceFailure) -> Outcome {
        let layout = HomeLayout(home)
        let handed = HandedSecrets()
        let log = ServiceLog(layout, masked: { handed.masked($0) })
        do {
            ServiceSignals.set()
            if let objection = HomeTrust.objection(to: home) {
                throw ServiceFailure("\(objection.message); \(objection.help)")
            }
            UserMask.exchange(for: 0o077)
            let lock =
                switch stay {
                case .whileNeeded: try lock(layout)
                case .always: try lockWhenFree(layout, log)
                }
            switch consume lock {
            case .none:
                switch stay {
                case .whileNeeded: return .alreadyRunning
                case .always: return .stopped
                }
            case .some(let lock):
                try serve(layout, lock, version: version, stay, log, handed)
                return .stopped
            }
        } catch let failure as ServiceFailure {
            throw failure
        } catch {
            throw ServiceFailure("\(error)")
        }
    }

    /// Nil when another service has the home and listens. One that has it and does not listen either begins or
    /// ends; that is waited for, so that whoever wants a service during a stop gets one.
    private static func lock(_ layout: HomeLayout) throws(SystemError) -> FileDescriptor? {
        for _ in 0..<lockPatience / lockPause {
            let file = try tryLock(layout)
            switch consume file {
            case .some(let file): return file
            case .none: break
            }
            if isServed(layout) { return nil }
            usleep(UInt32(lockPause) * 1000)
        }
        return nil
    }

    /// Waits until the service that has the home has ended. Nil when this one is stopped meanwhile.
    private static func lockWhenFree(
        _ layout: HomeLayout, _ log: ServiceLog
    ) throws(SystemError) -> FileDescriptor? {
        var isTold = false
        while true {
            let file = try tryLock(layout)
            switch consume file {
            case .some(let file): return file
            case .none: break
            }
            if !isTold { log.write("process \(getpid()) takes over when the service that has the home ends") }
            isTold = true
            if ServiceSignals.isStopped(withinSeconds: 1) { return nil }
        }
    }

    private static func tryLock(_ layout: HomeLayout) throws(SystemError) -> FileDescriptor? {
        let file = try FileDescriptor.open(layout.lock, O_RDWR | O_CREAT, mode: 0o600)
        // The name may lead to another file by now: then that one is the home's lock.
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0,
            FileIdentity(of: file.number) == FileIdentity(at: layout.lock)
        else { return nil }
        return file
    }

    private static func isServed(_ layout: HomeLayout) -> Bool {
        do throws(SystemError) {
            _ = try LocalSocket.connect(name: layout.socketName, in: layout.home)
            return true
        } catch {
            return false
        }
    }

    private static func serve(
        _ layout: HomeLayout, _ lock: consuming FileDescriptor, version: String, _ stay: Stay,
        _ log: ServiceLog, _ handed: HandedSecrets
    ) throws {
        guard let homeGuard = HomeGuard(layout, lock: lock.number) else {
            throw ServiceFailure("the home \(layout.home) was taken away while its service began")
        }
        let executable = try ownExecutable()
        OwnProcess.hide()
        OwnProcess.adoptOrphans()
        // The database is opened (and migrated) by the loop; readers need it to be there first.
        let sent = SentVariables()
        let secrets = HomeSecrets.ofService(layout, sent)
        secrets.warmUp()
        let loop = try ServiceLoop(
            homeGuard: homeGuard, layout: layout, idleLimit: stay.idleLimit, secrets: secrets,
            sentVariables: sent,
            handedSecrets: handed, log: { log.write($0) })
        let readers = StoreReaderPool(path: layout.database)
        let submissions = Submissions(turns: loop, readers: readers, layout: layout)
        let isStopping = StopFlag()
        let starter = try RunStarter(submissions, log: { log.write($0) }, isStopping: { isStopping.isSet })
        let triggers = try StorageTriggers(
            layout: layout, ledger: StoredLedger(loop: loop, readers: readers),
            open: submissions.openStore, log: { log.write($0) })
        let routes = APIRoutes(
            loop: loop, readers: readers, layout: layout, submissions: submissions, triggers: triggers,
            identity: .init(version: version, processID: getpid(), startTime: SystemClock.now()))
        try ServiceSignals.onStop { number in
            log.write("signal \(number): the service stops")
            loop.stop()
        }
        let router = routes.router()
        log.write("service \(version) of \(layout.home) begins, process \(getpid())")
        let outcome = try loop.run(
            on: { lives, wakeup in
                try LocalSubstrate(
                    layout: layout, lives: lives, settings: LocalSettings(executable: executable),
                    wakeup: wakeup,
                    log: { log.write($0) })
            },
            begin: { try ServiceEndpoint(layout, homeGuard, loop, router, log: { log.write($0) }) },
            keep: { $0.keep() }, startRun: { starter.start($0) },
            watch: { triggers.follow($0) },
            end: { endpoint in
                isStopping.set()
                triggers.stop()
                endpoint.close()
            })
        switch outcome {
        case .stopped: log.write("service ends")
        case .cutOff:
            log.write("service ends")
            // Not by `exit`, which runs what libraries want to do last, beside threads that use them.
            _exit(0)
        case .homeLost(let loss):
            log.write("\(loss); the service ends and leaves everything as it is")
            _exit(ExitStatus.homeLost)
        }
        // Held to here: two services on one home are impossible.
        _ = lock.number
    }

    private enum ExitStatus {
        static let homeLost: Int32 = 70
    }

    /// The program as it was started, also when its file has been replaced since.
    package static func ownExecutable() throws(ServiceFailure) -> String {
        guard let path = realpath("/proc/self/exe", nil) else {
            throw ServiceFailure("cannot tell which program this is: \(String(cString: strerror(errno)))")
        }
        defer { free(path) }
        return String(cString: path)
    }
}

/// Told to threads that work for the service when it ends.
private final class StopFlag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
