import Glibc
import ShipyardAPI
import ShipyardSystem
import Synchronization

/// Pools that go with the jobs of a `run`, kept until it has shown and copied what is on their nodes (docs/adr/0049).
///
/// Kept by saying so again and again, on a thread of its own since files may take long. When the command is killed nobody does, and the
/// service lets the pools go.
final class PoolLease: Sendable {
    private let isOver = Mutex(false)

    /// A quarter of what the service grants: one answer that is late costs nothing.
    private static let pauseSeconds: Double = 15
    private static let lookMicroseconds: UInt32 = 200_000

    /// - Parameter service: used by nobody else.
    init(_ jobs: [SubmissionResponse.Job], _ service: ServiceClient) {
        // The thread is its only user from here on.
        nonisolated(unsafe) let service = service
        // Without a thread the pools stay for as long as the service grants at once.
        try? startThread { [self] in
            // Ctrl-C is for the thread that waits for an answer.
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            keep(jobs, service)
        }
    }

    private func keep(_ jobs: [SubmissionResponse.Job], _ service: ServiceClient) {
        var next = SystemClock.monotonicSeconds()
        while !isOver.withLock({ $0 }) {
            if SystemClock.monotonicSeconds() >= next {
                // A job that is gone needs no pool, and a service that does not answer may answer the next time.
                for job in jobs { try? service.post(ServiceClient.act("holdpool", on: job)) }
                next = SystemClock.monotonicSeconds() + Self.pauseSeconds
            }
            usleep(Self.lookMicroseconds)
        }
    }

    /// No more from now on. What was said last holds until the service is told otherwise.
    func end() { isOver.withLock { $0 = true } }
}

extension ServiceClient {
    /// Of this very job, and no other that has its id by now.
    static func act(_ word: String, on job: SubmissionResponse.Job) -> ServicePath {
        (ServiceClient.job(job.id) / word).query("number", job.number.map { String($0) })
    }
}
