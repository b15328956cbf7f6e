import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// What keeps a node from starting work that is none of the work's doing: no space, no memory, no descriptors.
///
/// Failing what comes would fail a whole job within seconds. So the work goes back, the service gives no more, and
/// the node tries by itself until it can again.
struct Hindrance {
    let reason: String
    /// Monotonic microseconds.
    var nextTrial: Int64

    /// Whether an error is the machine's and may pass. `execve` tells its own: reading a program from a broken disk
    /// or from a read-only one is the program's trouble.
    static func isNodes(_ number: Int32, ofProgram: Bool = false) -> Bool {
        switch number {
        case EAGAIN, ENOMEM, EMFILE, ENFILE: true
        case ENOSPC, EDQUOT, EROFS, EIO: !ofProgram
        default: false
        }
    }
}

extension AgentLoop {
    // From 1 s, so that a short want costs little, to 30 s, so that a long one costs nothing.
    static let firstTrialMicroseconds: Int64 = 1_000_000
    private static let lastTrialMicroseconds: Int64 = 30_000_000

    /// Gives back the work that waits, and what comes from now on.
    func hinder(_ reason: String) {
        guard hindrance == nil else { return }
        NodeAgent.complain("cannot start work: \(reason)")
        hindrance = Hindrance(reason: reason, nextTrial: SystemClock.monotonicMicroseconds() + trialPause)
        trialPause = min(2 * trialPause, Self.lastTrialMicroseconds)
        send(.cannotStartWork(reason: reason))
        while !queue.isEmpty { send(.returned(queue.removeHead().order.id)) }
    }

    func checkHindrance() {
        if hindrance == nil, journal.isOverfull {
            hinder(
                "too much waits to be written to the journal (\(journal.failure?.description ?? "no error"))")
        }
        let now = SystemClock.monotonicMicroseconds()
        guard let held = hindrance, now >= held.nextTrial else { return }
        if obstacle() == nil {
            hindrance = nil
            NodeAgent.complain("can start work again")
            send(.canStartWork)
        } else {
            hindrance?.nextTrial = now + trialPause
            trialPause = min(2 * trialPause, Self.lastTrialMicroseconds)
        }
    }

    // As much as a task's directories and first lines take.
    private static let trialBytes = 16_384
    private static let trialName = "volatile/trial"

    /// Does in small what starting a task takes. Nil when it works.
    func obstacle() -> SystemError? {
        if journal.isOverfull { return journal.failure ?? SystemError("write", errno: ENOSPC) }
        let root = directory.number
        defer {
            unlinkat(root, "\(Self.trialName)/file", 0)
            unlinkat(root, Self.trialName, AT_REMOVEDIR)
        }
        do throws(SystemError) {
            try DirectoryMaking.make(Self.trialName, in: root)
            let file = try FileDescriptor.open(
                "\(Self.trialName)/file", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, in: root)
            let bytes = [UInt8](repeating: 0x20, count: Self.trialBytes)
            guard write(file.number, bytes, bytes.count) == bytes.count else {
                throw SystemError("write", path: Self.trialName, errno: ENOSPC)
            }
            let memory = FileDescriptor(owning: shipyard_memfd("trial"))
            guard memory.number >= 0 else { throw SystemError("memfd_create", errno: errno) }
            let number = shipyard_try_fork()
            return number == 0 ? nil : SystemError("start a process", errno: number)
        } catch {
            return error
        }
    }
}
