import Glibc
import ShipyardModel

extension AgentLoop {
    /// Nothing is left of the attempt's processes: the command follows its staging, or the attempt is over.
    func finishPhase(_ attempt: Attempt) {
        if attempt.ending?.isUnrecorded == true { return release(attempt) }
        if let failure = attempt.ending?.failure { return finish(attempt, .none, failure) }
        attempt.ending = nil
        switch attempt.phase {
        case .command: finishCommand(attempt)
        case .staging: finishStaging(attempt)
        }
    }

    private func finishCommand(_ attempt: Attempt) {
        let signal = attempt.status & 0x7F
        if signal != 0 { return finish(attempt, .signalled(signal), AttemptFailure.signalled(signal)) }
        let code = (attempt.status >> 8) & 0xFF
        finish(attempt, .exited(code), code == 0 ? nil : AttemptFailure.exitCode(code))
    }

    private func finishStaging(_ attempt: Attempt) {
        let answer = text(of: attempt)
        attempt.answer = nil
        guard attempt.status == 0 else {
            let failure = StagingAnswer.failure(answer, status: attempt.status)
            // A file that is too large for the disk has left no room, or has left what was there before.
            if failure.code == "DiskFull", let obstacle = obstacle() {
                return withdraw(attempt, obstacle.description)
            }
            return finish(attempt, .none, failure)
        }
        do throws(AttemptError) {
            try startCommand(attempt)
        } catch {
            if let reason = error.hindrance { return withdraw(attempt, reason) }
            finish(attempt, .none, error.failure)
        }
    }

    /// Its files may have been put in place, but its command has not begun.
    private func withdraw(_ attempt: Attempt, _ reason: String) {
        release(attempt)
        journal.append(.withdrawn(attempt.order.id))
        giveBack(attempt.order, reason)
    }

    private func finish(_ attempt: Attempt, _ exit: ExitStatus, _ failure: FailureInfo?) {
        release(attempt)
        record(
            attempt.order.id,
            AttemptResult(
                exit: exit, failure: failure, startTime: attempt.startTime, endTime: NodeClock.now(),
                usage: attempt.usage))
    }

    private func release(_ attempt: Attempt) {
        guard let index = attempts.firstIndex(where: { $0 === attempt }) else { return }
        attempts.swapAt(index, attempts.count - 1)
        attempts.removeLast()
        freeSlots += slots(of: attempt.order)
    }

    // 64 KiB: an answer is one line. More can only be a mistake.
    private static let maximumAnswerBytes = 65_536

    private func text(of attempt: Attempt) -> String {
        let descriptor: Int32
        switch attempt.answer {
        case .some(let file): descriptor = file.number
        case .none: return ""
        }
        var bytes = [UInt8](repeating: 0, count: Self.maximumAnswerBytes)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }
}
