import Foundation
import Testing

/// For suites whose tests block a thread, because they wait for processes, servers or locks.
///
/// Swift's own pool has one thread for each core. A few blocked tests take them all, and then a test that only
/// sleeps is woken seconds too late. So blocking tests run on threads of their own, a few at a time.
public struct BlockingTrait: SuiteTrait, TestTrait, TestScoping {
    public let isRecursive = true

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingThreads.shared) { try await function() }
    }
}

extension Trait where Self == BlockingTrait {
    /// Runs the suite's tests on threads that may be blocked.
    public static var blocking: Self { Self() }
}

private final class BlockingThreads: TaskExecutor {
    static let shared = BlockingThreads(count: max(4, 2 * ProcessInfo.processInfo.activeProcessorCount))

    private let condition = NSCondition()
    private nonisolated(unsafe) var waiting: [UnownedJob] = []

    private init(count: Int) {
        for _ in 0..<count {
            let thread = Thread { [unowned self] in work() }
            // As much as a main thread has.
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        condition.lock()
        waiting.append(UnownedJob(job))
        condition.unlock()
        condition.signal()
    }

    private func work() {
        while true {
            condition.lock()
            while waiting.isEmpty { condition.wait() }
            let job = waiting.removeFirst()
            condition.unlock()
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
