import Glibc
import ShipyardModel
import Synchronization

/// A few threads for what blocks: starting agents, tearing nodes down, looking through `/proc`.
package final class Workers: Sendable {
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let available = Semaphore()

    package init(count: Int) throws(SystemError) {
        for _ in 0..<count { try startThread { [self] in runForever() } }
    }

    package func run(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        available.signal()
    }

    private func runForever() {
        while true {
            available.wait()
            let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            job?()
        }
    }
}

/// Runs `body` on a thread of its own, which nobody waits for. Fails where the user may have no more threads.
package func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Box(body))
    let error = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, argument.toOpaque())
    guard error == 0 else {
        argument.release()
        throw SystemError("start a thread", errno: error)
    }
    pthread_detach(thread)
}

/// A counting semaphore. On the heap, because the kernel knows it by its address.
package final class Semaphore: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<sem_t>

    package init() {
        handle = .allocate(capacity: 1)
        sem_init(handle, 0, 0)
    }

    deinit {
        sem_destroy(handle)
        handle.deallocate()
    }

    package func signal() { sem_post(handle) }

    package func wait() {
        while sem_wait(handle) != 0 && errno == EINTR {}
    }
}
