import Glibc
import ShipyardDiagnostics
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem
import Synchronization

/// Files on their way from one end to another, each known by what finds it.
struct DataMove: Sendable {
    var from: TransferEnd
    /// Nil in a dry run where there is no such directory yet.
    var to: TransferEnd?
    /// How messages name the files of both ends.
    var sourceText: @Sendable (BytePath) -> String
    var targetText: @Sendable (BytePath) -> String
    /// Hands on the files until that answers false, and names what is none of them and yet was meant.
    var find:
        @Sendable (_ leftOut: (String) -> Void, _ body: (TransferItem) -> Bool) throws(FileStoreError) -> Void
}

/// The work of one command, done by threads while the command's own shows it and hears of ctrl-C.
final class DataRun {
    private let console: Console
    private let display: TransferDisplay
    let counts = TransferCounts()
    let gauge: TransferGauge
    private let interruption: Interruption
    private let start = DataRun.now()
    private let events = Mutex(Events())

    private struct Events {
        /// To be told by the command's own thread.
        var failures: [(what: String, help: String?)] = []
        var leftOut = 0
        var failed = 0
        /// The same would fail for every file that is left.
        var isHopeless = false
    }

    init(_ invocation: Invocation) throws(CommandFailure) {
        console = invocation.console
        gauge = TransferGauge(bytesPerSecond: try invocation.bandwidth())
        display = TransferDisplay(console)
        interruption = Interruption.begin()
    }

    deinit { interruption.end() }

    var isInterrupted: Bool { Interruption.hasCome }
    private var isHopeless: Bool { events.withLock { $0.isHopeless } }
    /// Nothing further is begun.
    var isOver: Bool { isInterrupted || isHopeless }
    var hasTrouble: Bool { events.withLock { $0.failed > 0 || $0.leftOut > 0 } }

    /// So many files are found ahead: enough for an honest estimate, and a few tens of megabytes.
    private static let mostAhead = 100_000

    // MARK: Told by threads

    /// One file that was meant and is not where it should be.
    func fail(_ what: String?, _ error: FileStoreError) {
        // Who was interrupted knows it.
        if error.code == .operationCancelled { return }
        events.withLock { events in
            if events.isHopeless { return }
            events.failures.append(((what.map { $0 + ": " } ?? "") + error.message, error.help))
            events.failed += 1
            events.isHopeless = error.isForAllFiles
        }
        if error.isForAllFiles { gauge.cancel() }
    }

    func leaveOut(_ sentence: String) {
        events.withLock { events in
            events.failures.append(("left out: \(sentence)", nil))
            events.leftOut += 1
        }
    }

    // MARK: The command's own thread

    /// - Parameters:
    ///   - isLast: whether all files are known when these are.
    ///   - then: what follows for each file that is at its place, on any thread, several at a time.
    func move(
        _ move: DataMove, _ options: TransferOptions, isLast: Bool,
        then: (@Sendable (TransferItem) throws(FileStoreError) -> Void)? = nil
    ) throws(CommandFailure) {
        if isOver { return }
        let (counts, gauge) = (counts, gauge)
        let found = BoundedQueue<TransferItem>(limit: Self.mostAhead)
        let arrived = BoundedQueue<TransferItem>(limit: 1000)
        let (fail, leaveOut) = (failing, leavingOut)
        let finding = try Worker.start {
            do throws(FileStoreError) {
                try move.find(leaveOut) { item in
                    counts.change { numbers in
                        numbers.files += 1
                        numbers.bytes += item.size
                    }
                    return found.push(item)
                }
            } catch {
                fail(nil, error)
            }
            if isLast { counts.change { $0.isCounted = true } }
            found.end()
        }
        guard let to = move.to else { invariantFailure("files move to nowhere") }
        let transfer = Transfer(from: move.from, to: to, options, gauge)
        let moving = try Worker.start {
            do throws(FileStoreError) {
                try transfer.run({ found.pop() }) { report in
                    counts.add(report)
                    switch report {
                    case .moved(let item), .same(let item):
                        if then != nil { _ = arrived.push(item) }
                    case .failed(let item, let error):
                        fail("\(move.sourceText(item.source)) -> \(move.targetText(item.target))", error)
                    }
                }
            } catch {
                fail(nil, error)
            }
            // Whoever still looks for files need not.
            found.cancel()
            arrived.end()
        }
        var workers = [finding, moving]
        if let then {
            for _ in 0..<(options.connections ?? 4) {
                workers.append(
                    try Worker.start {
                        while let item = arrived.pop() {
                            do throws(FileStoreError) {
                                try then(item)
                            } catch {
                                fail(move.sourceText(item.source), error)
                            }
                        }
                    })
            }
        }
        wait(for: workers) { found.cancel() }
    }

    /// Does the same for each of many, several at a time.
    func forEach<Element: Sendable>(
        _ elements: [Element], connections: Int,
        _ worker: @escaping @Sendable () throws(FileStoreError) -> WorkOfMany<Element>
    ) throws(CommandFailure) {
        let queue = BoundedQueue<Element>(limit: elements.count + 1)
        for element in elements { _ = queue.push(element) }
        queue.end()
        let fail = failing
        var workers: [Worker] = []
        for _ in 0..<max(1, min(connections, elements.count)) {
            workers.append(
                try Worker.start {
                    do throws(FileStoreError) {
                        let work = try worker()
                        while let element = queue.pop() { work.each(element) }
                        try work.end()
                    } catch {
                        fail(nil, error)
                        queue.cancel()
                    }
                })
        }
        wait(for: workers) { queue.cancel() }
    }

    var failing: @Sendable (String?, FileStoreError) -> Void {
        let this = Unchecked(self)
        return { this.value.fail($0, $1) }
    }

    private var leavingOut: @Sendable (String) -> Void {
        let this = Unchecked(self)
        return { this.value.leaveOut($0) }
    }

    /// Only what is behind locks is reached through it.
    private struct Unchecked: @unchecked Sendable {
        let value: DataRun
        init(_ value: DataRun) { self.value = value }
    }

    private func wait(for workers: [Worker], stop: () -> Void) {
        var pause: UInt32 = 500
        var lastShown = Self.now()
        while !workers.allSatisfy(\.hasEnded) {
            if isOver {
                gauge.cancel()
                stop()
            }
            usleep(pause)
            // A short transfer need not wait for a display; a long one need not be asked all the time.
            pause = min(pause * 2, 50_000)
            tell()
            let now = Self.now()
            if now - lastShown >= 0.2 {
                display.show(counts.numbers, moving: gauge.movedBytes, at: now)
                lastShown = now
            }
        }
        display.clear()
        tell()
    }

    private func tell() {
        let failures = events.withLock { events in
            defer { events.failures = [] }
            return events.failures
        }
        guard !failures.isEmpty else { return }
        display.clear()
        for failure in failures {
            console.report(CommandFailure(.failed, DisplayText.printable(failure.what), help: failure.help))
        }
    }

    /// Says what was done, in one line: `put 3 files, 12.0 MiB in 1.2 s`.
    ///
    /// - Parameter verb: in the past: what became of the files.
    func finish(_ verb: String, extra: [String] = []) -> ExitCode {
        tell()
        let numbers = counts.numbers
        let took = durationText(seconds: Self.now() - start)
        var parts = ["\(verb) \(counted(numbers.moved, "file")), \(sizeText(numbers.movedBytes)) in \(took)"]
        if numbers.same > 0 { parts.append("\(counted(numbers.same, "file")) there already") }
        return finish(parts + extra)
    }

    func finish(_ parts: [String]) -> ExitCode {
        tell()
        let (failed, leftOut) = events.withLock { ($0.failed, $0.leftOut) }
        var parts = parts
        if failed > 0 { parts.append("\(failed) failed") }
        if leftOut > 0 { parts.append("\(leftOut) left out") }
        let line = parts.joined(separator: "; ")
        if isInterrupted {
            console.say("interrupted: \(line); the same command goes on from here")
            return .interrupted
        }
        console.say(line)
        return failed + leftOut > 0 ? .failed : .done
    }

    private static func now() -> Double { Double(SystemClock.monotonicMicroseconds()) / 1e6 }
}

/// What one thread does of the work on many.
struct WorkOfMany<Element> {
    var each: (Element) -> Void
    var end: () throws(FileStoreError) -> Void
}

/// A thread whose end can be asked for.
private final class Worker: Sendable {
    private let ended = Atomic<Bool>(false)

    var hasEnded: Bool { ended.load(ordering: .acquiring) }

    static func start(_ body: @escaping @Sendable () -> Void) throws(CommandFailure) -> Worker {
        let worker = Worker()
        do throws(SystemError) {
            try startThread {
                body()
                worker.ended.store(true, ordering: .releasing)
            }
        } catch {
            throw CommandFailure(.failed, error.description)
        }
        return worker
    }
}

extension FileStoreError {
    /// The next file would meet the same, perhaps after a minute of trying.
    fileprivate var isForAllFiles: Bool {
        switch code {
        case .authenticationFailed, .requestTimeTooSkewed, .libraryMissing, .insufficientSpace,
            .containerNotFound,
            .unreachable:
            true
        case .blobNotFound, .blobAlreadyExists, .authorizationFailure, .conditionNotMet, .invalidResourceName,
            .invalidInput, .md5Mismatch, .serverBusy, .operationTimedOut, .internalError, .blobArchived,
            .operationCancelled, .localFile, .unsupported:
            false
        }
    }
}
