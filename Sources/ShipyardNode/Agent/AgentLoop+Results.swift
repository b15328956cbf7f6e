import Glibc
import ShipyardModel
import ShipyardSystem

extension AgentLoop {
    /// Nothing is left of the attempt's processes: the command follows its staging and its upload the command, or the
    /// attempt is over.
    func finishPhase(_ attempt: Attempt) {
        if attempt.ending?.isUnrecorded == true { return release(attempt) }
        let ended = attempt.ending?.outcome
        attempt.ending = nil
        switch attempt.phase {
        case .command: finishCommand(attempt, ended ?? Self.exit(attempt.status))
        case .staging: if let ended { finish(attempt, ended) } else { finishStaging(attempt) }
        case .uploading: finishUpload(attempt, ended)
        }
    }

    private static func exit(_ status: Int32) -> Outcome {
        let signal = status & 0x7F
        return signal != 0 ? .signalled(signal) : .exited((status >> 8) & 0xFF)
    }

    /// Its last process is gone, so all that it has written is there to be stored.
    private func finishCommand(_ attempt: Attempt, _ outcome: Outcome) {
        attempt.deadline = nil
        let outcome = withOutput(of: attempt, outcome)
        removeSecretFiles(of: attempt)
        guard !isLeaving, attempt.context.context.stores(after: outcome) else {
            return finish(attempt, outcome)
        }
        attempt.commandOutcome = outcome
        attempt.brokenMovers = 0
        beginUpload(attempt, outcome)
    }

    private func beginUpload(_ attempt: Attempt, _ outcome: Outcome) {
        do throws(AttemptError) {
            try startUpload(attempt)
        } catch {
            let why = error.outcome.failure?.message ?? "no reason is known"
            finish(attempt, outcome, UploadFailure(.miscError, "The task's files were not stored: \(why)"))
        }
    }

    // Whoever ends such a process (the kernel for want of memory, somebody by mistake) may do so again: three of them, and it is a failure.
    private static let maximumBrokenMovers = 3

    /// The process that moves its files was ended before it could answer, and not by us: nothing says that another one cannot do it. Each begins
    /// with what the one before has left.
    private func mayMoveAgain(_ attempt: Attempt) -> Bool {
        let signal = attempt.status & 0x7F
        guard signal != 0, !isLeaving else { return false }
        attempt.brokenMovers += 1
        guard attempt.brokenMovers < Self.maximumBrokenMovers else { return false }
        let verb = attempt.phase == .uploading ? "node-upload" : "node-stage"
        NodeAgent.complain("\(attempt.order.id): \(verb) was ended by signal \(signal) and is begun again")
        return true
    }

    private func finishUpload(_ attempt: Attempt, _ ended: Outcome?) {
        let outcome = attempt.commandOutcome ?? .exited(0)
        if let ended {
            if outcome.isSuccess { return finish(attempt, ended) }
            return finish(
                attempt, outcome,
                UploadFailure(
                    .miscError, "Storing the task's files was ended by a user before all were stored."))
        }
        guard attempt.status != 0 else { return finish(attempt, outcome) }
        if mayMoveAgain(attempt) { return beginUpload(attempt, outcome) }
        finish(attempt, outcome, StagingAnswer(text(of: attempt), status: attempt.status).uploadFailure)
    }

    private func finishStaging(_ attempt: Attempt) {
        let answer = text(of: attempt)
        attempt.answer = nil
        guard attempt.status == 0 else {
            if mayMoveAgain(attempt), (try? startStaging(attempt)) != nil { return }
            let outcome = StagingAnswer(answer, status: attempt.status).outcome
            // A file that is too large for the disk has left no room, or has left what was there before.
            if outcome.isDiskFull, let obstacle = obstacle() {
                return withdraw(attempt, obstacle.description)
            }
            return finish(attempt, outcome)
        }
        let staged = StagedAnswer(answer)
        if staged.isDone { return finish(attempt, withOutput(of: attempt, .exited(0))) }
        attempt.staged = staged.line
        do throws(AttemptError) {
            try startCommand(attempt)
        } catch {
            if let reason = error.hindrance { return withdraw(attempt, reason) }
            finish(attempt, error.outcome)
        }
    }

    /// Its files may have been put in place, but its command has not begun.
    private func withdraw(_ attempt: Attempt, _ reason: String) {
        release(attempt)
        journal.append(.withdrawn(attempt.order.id))
        giveBack(attempt.order, reason)
    }

    /// A failed upload is the outcome of a command that has succeeded, and is told beside that of one that has not.
    private func finish(_ attempt: Attempt, _ outcome: Outcome, _ upload: UploadFailure? = nil) {
        var (outcome, upload) = (outcome, upload)
        if outcome.isSuccess, let failure = upload {
            (outcome, upload) = (.uploadFailed(failure.fault, failure.message), nil)
        }
        let output = outcome.isSuccess ? attempt.output : nil
        release(attempt)
        record(
            attempt.order.id,
            AttemptResult(
                outcome, startTime: attempt.startTime, endTime: SystemClock.now(), usage: attempt.usage,
                uploadFailure: upload, output: output))
    }

    private func release(_ attempt: Attempt) {
        removeSecretFiles(of: attempt)
        guard let index = attempts.firstIndex(where: { $0 === attempt }) else { return }
        attempts.swapAt(index, attempts.count - 1)
        attempts.removeLast()
        stock.give(attempt.held)
    }

    // MARK: How far files have come

    private static let shortestProgressPause: Int64 = 1_000_000
    private static let longestProgressPause: Int64 = 16_000_000

    /// Says how far the files of this attempt have come, where that is news. What stands still is looked at ever more rarely.
    func tellProgress(of attempt: Attempt, at now: Int64) {
        let direction: TransferProgress.Direction = attempt.phase == .uploading ? .upload : .download
        let found = TransferProgress(
            direction, record: bytes(of: attempt, atMost: TransferProgress.recordBytes))
        if let found, found != attempt.progress {
            attempt.progress = found
            attempt.progressPause = Self.shortestProgressPause
            send(.transferring(attempt.order.id, found))
        } else {
            attempt.progressPause = min(
                max(2 * attempt.progressPause, Self.shortestProgressPause), Self.longestProgressPause)
        }
        attempt.nextProgress = now + attempt.progressPause
    }

    // 64 KiB: an answer is one line. More can only be a mistake.
    private static let maximumAnswerBytes = 65_536

    private func text(of attempt: Attempt) -> String {
        String(decoding: bytes(of: attempt, atMost: Self.maximumAnswerBytes), as: UTF8.self)
    }

    private func bytes(of attempt: Attempt, atMost limit: Int) -> ArraySlice<UInt8> {
        let descriptor: Int32
        switch attempt.answer {
        case .some(let file): descriptor = file.number
        case .none: return []
        }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return bytes[..<max(0, count)]
    }
}

extension WorkContext {
    func stores(after outcome: Outcome) -> Bool {
        switch outcome {
        // Whoever has ended it does not wait for its files.
        case .endedByUser: false
        default: uploadsAfter.contains(outcome.isSuccess ? .success : .failure)
        }
    }
}

extension Outcome {
    fileprivate var isDiskFull: Bool {
        switch self {
        case .stagingFailed(.diskFull, _), .inputFailed(.diskFull, _): true
        default: false
        }
    }
}
