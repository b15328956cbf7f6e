import Glibc
import ShipyardModel
import ShipyardSystem

extension AgentLoop {
    // 5 s between TERM and KILL. Azure Batch promises no time at all; a program that saves its state needs some.
    private static let graceMicroseconds: Int64 = 5_000_000
    // How often a tree that is being ended is looked at when no exit says that it has changed.
    private static let sweepMicroseconds: Int64 = 20_000
    // A process that KILL does not end within this hangs in the kernel. The attempt ends without it.
    private static let patienceMicroseconds: Int64 = 10_000_000
    // Longer in the queue than this, and another node may have a free slot.
    private static let maximumQueueMicroseconds: Int64 = 250_000

    /// Takes every process that has ended: main processes and orphans alike.
    func reap() {
        var hasOther = true
        while true {
            var status: Int32 = 0
            var usage = rusage()
            let processID = wait4(-1, &status, WNOHANG, &usage)
            if processID < 0, errno == EINTR { continue }
            guard processID > 0 else {
                // No child at all: then there is no orphan to look for either.
                hasOther = processID == 0
                break
            }
            if let attempt = attempts.first(where: { $0.processID == processID && !$0.mainHasEnded }) {
                mainEnded(attempt, status, usage)
            }
        }
        // Backwards, because a settled one is removed.
        for attempt in attempts.reversed() where attempt.mainHasEnded { settle(attempt, hasOther: hasOther) }
    }

    private func mainEnded(_ attempt: Attempt, _ status: Int32, _ usage: rusage) {
        attempt.mainHasEnded = true
        attempt.status = status
        // What the command has used is counted already.
        guard attempt.phase != .uploading else { return }
        attempt.usage.userTimeMicroseconds += microseconds(usage.ru_utime)
        attempt.usage.systemTimeMicroseconds += microseconds(usage.ru_stime)
        attempt.usage.peakMemoryBytes = max(attempt.usage.peakMemoryBytes, Int64(usage.ru_maxrss) * 1024)
        attempt.usage.wallTimeMicroseconds = SystemClock.monotonicMicroseconds() - attempt.startMicroseconds
    }

    private func microseconds(_ time: timeval) -> Int64 {
        Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_usec)
    }

    /// Its main process has ended: goes on when nothing is left of it, and ends what is left.
    private func settle(_ attempt: Attempt, hasOther: Bool) {
        guard hasOther, hasLeftovers(attempt) else { return finishPhase(attempt) }
        if attempt.ending == nil {
            // Left behind by a command that is done: Azure Batch ends that too, and at once.
            attempt.ending = Attempt.Ending(killAt: SystemClock.monotonicMicroseconds())
        }
        sweep(attempt)
    }

    private func hasLeftovers(_ attempt: Attempt) -> Bool {
        if !attempt.isSessionGone, Glibc.kill(-attempt.processID, 0) == 0 { return true }
        let hasOrphan = tree.orphans(since: attempt, mains: attempts).contains {
            tree.belongs($0, to: attempt, among: attempts)
        }
        // Only now: it reads the whole process table, and an attempt that leaves nothing is over anyway.
        if hasOrphan, !attempt.isSessionGone { attempt.isSessionGone = !tree.hasSession(attempt.processID) }
        return hasOrphan
    }

    /// Begins to end an attempt, which is then its outcome.
    func end(_ attempt: Attempt, as outcome: Outcome?, isUnrecorded: Bool = false) {
        let now = SystemClock.monotonicMicroseconds()
        if attempt.ending != nil {
            if isUnrecorded, !attempt.mainHasEnded { attempt.ending?.isUnrecorded = true }
            return
        }
        attempt.ending = Attempt.Ending(
            outcome: outcome, killAt: now + Self.graceMicroseconds, isUnrecorded: isUnrecorded)
        signal(attempt, SIGTERM)
        attempt.nextSweep = attempt.ending?.killAt ?? now
    }

    private func sweep(_ attempt: Attempt) {
        guard let ending = attempt.ending else { return }
        let now = SystemClock.monotonicMicroseconds()
        guard now >= ending.killAt else { return }
        if now > ending.killAt + Self.patienceMicroseconds {
            NodeAgent.complain("\(attempt.order.id): processes of it cannot be killed")
            if !attempt.mainHasEnded { attempt.mainHasEnded = true }
            return finishPhase(attempt)
        }
        signal(attempt, SIGKILL)
        attempt.nextSweep = now + Self.sweepMicroseconds
    }

    private func signal(_ attempt: Attempt, _ number: Int32) {
        let hasGroup = attempt.processID > 0 && !attempt.isSessionGone
        if hasGroup { Glibc.kill(-attempt.processID, number) }
        for member in tree.members(of: attempt, among: attempts)
        where !hasGroup || getpgid(member) != attempt.processID {
            Glibc.kill(member, number)
        }
    }

    // MARK: time

    /// When the next thing happens by itself; monotonic microseconds.
    func nextTime() -> Int64? {
        var next: Int64?
        func consider(_ time: Int64) { next = min(next ?? time, time) }
        if let head = queue.head { consider(head.arrival + Self.maximumQueueMicroseconds) }
        for attempt in attempts {
            if attempt.ending != nil {
                consider(attempt.nextSweep)
            } else if attempt.phase != .command {
                consider(attempt.nextProgress)
            } else if let deadline = attempt.deadline {
                consider(deadline)
            }
        }
        return next
    }

    func checkTimes() {
        guard !queue.isEmpty || !attempts.isEmpty else { return }
        let now = SystemClock.monotonicMicroseconds()
        while let head = queue.head, head.arrival + Self.maximumQueueMicroseconds <= now,
            !mayStart(head)
        {
            send(.returned(queue.removeHead().order.id))
        }
        for attempt in attempts.reversed() {
            if attempt.ending != nil {
                guard attempt.nextSweep <= now else { continue }
                if attempt.mainHasEnded { settle(attempt, hasOther: true) } else { sweep(attempt) }
            } else if attempt.phase != .command {
                if attempt.nextProgress <= now { tellProgress(of: attempt, at: now) }
            } else if let deadline = attempt.deadline, deadline <= now,
                let limit = attempt.context.context.maxWallTime
            {
                end(attempt, as: .overWallTime(limit))
            }
        }
    }

    // A thousand idle agents still leave the processors alone, and nobody waits long for what he has deleted.
    private static let rootCheckMicroseconds: Int64 = 10_000_000

    /// An agent whose root was deleted can be found by no service any more: it would stay for ever, and with it
    /// its tasks. Under a living service it is a lost node, which is made anew.
    func checkRoot() {
        let now = SystemClock.monotonicMicroseconds()
        guard now >= nextRootCheck else { return }
        nextRootCheck = now + Self.rootCheckMicroseconds
        if isRootGone { leave() }
    }

    /// The lock is its first file to be made. Where that is deleted, somebody is deleting them all, and a task that starts
    /// meanwhile may keep the directory itself from going.
    var isRootGone: Bool {
        [directory.number, lock.number].contains {
            var information = stat()
            return fstat($0, &information) == 0 && information.st_nlink == 0
        }
    }

    /// Ends all work and takes no more; the loop ends with the last process.
    func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        queue.removeAll()
        for attempt in attempts { end(attempt, as: nil, isUnrecorded: true) }
    }
}
