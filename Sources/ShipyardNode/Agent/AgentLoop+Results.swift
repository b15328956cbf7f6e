import Glibc
import ShipyardModel
import ShipyardSystem

extension AgentLoop {
    /// Nothing is left of the attempt's processes: the command follows its staging, or the attempt is over.
    func finishPhase(_ attempt: Attempt) {
        if attempt.ending?.isUnrecorded == true { return release(attempt) }
        if let outcome = attempt.ending?.outcome { return finish(attempt, outcome) }
        attempt.ending = nil
        switch attempt.phase {
        case .command: finishCommand(attempt)
        case .staging: finishStaging(attempt)
        }
    }

    private func finishCommand(_ attempt: Attempt) {
        let signal = attempt.status & 0x7F
        finish(attempt, signal != 0 ? .signalled(signal) : .exited((attempt.status >> 8) & 0xFF))
    }

    private func finishStaging(_ attempt: Attempt) {
        let answer = text(of: attempt)
        attempt.answer = nil
        guard attempt.status == 0 else {
            let (fault, message) = StagingAnswer.fault(answer, status: attempt.status)
            // A file that is too large for the disk has left no room, or has left what was there before.
            if fault == .diskFull, let obstacle = obstacle() {
                return withdraw(attempt, obstacle.description)
            }
            return finish(attempt, .stagingFailed(fault, message))
        }
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

    private func finish(_ attempt: Attempt, _ outcome: Outcome) {
        release(attempt)
        record(
            attempt.order.id,
            AttemptResult(
                outcome, startTime: attempt.startTime, endTime: SystemClock.now(), usage: attempt.usage))
    }

    private func release(_ attempt: Attempt) {
        guard let index = attempts.firstIndex(where: { $0 === attempt }) else { return }
        attempts.swapAt(index, attempts.count - 1)
        attempts.removeLast()
        stock.give(attempt.held)
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
