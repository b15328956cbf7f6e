import Glibc
import ShipyardModel
import ShipyardSystem
import Synchronization

/// Moves many files from one end to another over several connections.
///
/// A file that is larger than a part goes in parts, which all connections share; an interrupted one goes on where it ended when the
/// same transfer runs again.
package final class Transfer: Sendable {
    let from: TransferEnd
    let to: TransferEnd
    let options: TransferOptions
    let gauge: TransferGauge
    private let state = Mutex(State())
    /// A file that is begun may bring work for those who have none.
    private let changes = Semaphore()

    private struct State {
        var parts: [PartWork] = []
        /// Files whose parts are not known yet.
        var beginning = 0
        var isExhausted = false
        var waiting = 0
        var failure: FileStoreError?
    }

    package init(
        from: TransferEnd, to: TransferEnd, _ options: TransferOptions = TransferOptions(),
        _ gauge: TransferGauge = TransferGauge()
    ) {
        self.from = from
        self.to = to
        self.options = options
        self.gauge = gauge
    }

    /// Returns when everything has moved or failed, and what has moved is on the disk or with the service.
    ///
    /// - Parameters:
    ///   - next: the files, one after the other. What it throws ends the transfer.
    ///   - report: each file once. Like `next` it is called by one thread at a time.
    /// - Throws: what `next` threw, what kept the ends from being opened, and the first failure where that ends it all.
    package func run(
        _ next: @escaping @Sendable () throws(FileStoreError) -> TransferItem?,
        _ report: @escaping @Sendable (TransferReport) -> Void
    ) throws(FileStoreError) {
        // The first connection is this thread's: what cannot be opened at all is told before anything moves.
        let first = try TransferHand(self)
        let count = max(1, options.connections ?? first.connections)
        let ended = Semaphore()
        let calls = Mutex(Calls(next: next, report: report))
        var started = 0
        for _ in 1..<count {
            let isStarted: Void? = try? startThread { [self] in
                if let hand = try? TransferHand(self) { work(hand, calls) }
                ended.signal()
            }
            if isStarted != nil { started += 1 }
        }
        work(first, calls)
        for _ in 0..<started { ended.wait() }
        // Files whose parts were left are closed now, not when the last thread has gone: the next run may want them.
        state.withLock { $0.parts = [] }
        if let failure = state.withLock({ $0.failure }) { throw failure }
        if gauge.isCancelled { throw FileStoreError.cancelled }
    }

    private struct Calls: Sendable {
        var next: @Sendable () throws(FileStoreError) -> TransferItem?
        var report: @Sendable (TransferReport) -> Void
    }

    private enum Step {
        case part(PartWork)
        case ask, wait, end
    }

    private func work(_ hand: TransferHand, _ calls: borrowing Mutex<Calls>) {
        while true {
            switch step() {
            case .part(let part): finish(part, hand, calls)
            case .ask:
                let item = ask(calls)
                if let item { begin(item, hand, calls) }
            case .wait: changes.wait()
            case .end:
                do throws(FileStoreError) { try hand.settle() } catch { fail(error) }
                return wakeAll()
            }
        }
    }

    private func step() -> Step {
        state.withLock { state in
            if state.failure != nil || gauge.isCancelled { return .end }
            if !state.parts.isEmpty { return .part(state.parts.removeFirst()) }
            if !state.isExhausted {
                state.beginning += 1
                return .ask
            }
            guard state.beginning > 0 else { return .end }
            state.waiting += 1
            return .wait
        }
    }

    private func ask(_ calls: borrowing Mutex<Calls>) -> TransferItem? {
        let asked = calls.withLock { calls -> Result<TransferItem?, FileStoreError> in
            do throws(FileStoreError) {
                // Another one may have come to the end while this one waited for the lock.
                guard !state.withLock({ $0.isExhausted }) else { return .success(nil) }
                return .success(try calls.next())
            } catch {
                return .failure(error)
            }
        }
        switch asked {
        case .success(let item?): return item
        case .success(nil): state.withLock { $0.isExhausted = true }
        case .failure(let error): fail(error)
        }
        hasBegun([])
        return nil
    }

    private func begin(_ item: TransferItem, _ hand: TransferHand, _ calls: borrowing Mutex<Calls>) {
        do throws(FileStoreError) {
            switch try hand.begin(item) {
            case .same:
                tell(.same(item), calls)
                hasBegun([])
            case .moved:
                tell(.moved(item), calls)
                hasBegun([])
            case .parts(let file, let numbers):
                hasBegun(numbers.map { PartWork(file: file, number: $0) })
            }
        } catch {
            failed(item, error, calls)
            hasBegun([])
        }
    }

    private func finish(_ part: PartWork, _ hand: TransferHand, _ calls: borrowing Mutex<Calls>) {
        let file = part.file
        do throws(FileStoreError) {
            guard !file.hasFailed, try hand.move(part) else { return }
            try hand.finish(file)
            tell(.moved(file.item), calls)
        } catch {
            // The first failure of a file is the file's; its other parts are left.
            guard file.fail() else { return }
            failed(file.item, error, calls)
        }
    }

    private func failed(_ item: TransferItem, _ error: FileStoreError, _ calls: borrowing Mutex<Calls>) {
        if error.code == .operationCancelled { return }
        tell(.failed(item, error), calls)
        if options.stopsAtFirstFailure { fail(error) }
    }

    private func tell(_ report: TransferReport, _ calls: borrowing Mutex<Calls>) {
        calls.withLock { $0.report(report) }
    }

    private func fail(_ error: FileStoreError) {
        state.withLock { if $0.failure == nil { $0.failure = error } }
        wakeAll()
    }

    private func hasBegun(_ parts: [PartWork]) {
        let waiting = state.withLock { state in
            state.parts += parts
            state.beginning -= 1
            defer { state.waiting = 0 }
            return state.waiting
        }
        for _ in 0..<waiting { changes.signal() }
    }

    private func wakeAll() {
        let waiting = state.withLock { state in
            defer { state.waiting = 0 }
            return state.waiting
        }
        for _ in 0..<waiting { changes.signal() }
    }
}

/// One part of a file that somebody has begun.
struct PartWork: Sendable {
    let file: FileInParts
    /// From 1.
    let number: Int
}

/// A file whose parts several connections move.
final class FileInParts: Sendable {
    let item: TransferItem
    let size: Int64
    let partBytes: Int64
    /// Of the source: an open file, or none where it is stored.
    let source: Int32
    /// Of a local source: when anything about it changed last, in nanoseconds since 1970.
    let sourceChanged: Int64?
    /// Of what is written with an upload.
    let attributes: FileAttributes
    let isResumed: Bool
    let stored: StoredFile?
    let upload: PartialFile?
    let download: PartialDownload?
    private let state: Mutex<State>

    private struct State {
        var left: Int
        var parts: [Int: FilePart] = [:]
        /// SHA-256 of parts that this run has brought.
        var hashes: [Int: [UInt8]] = [:]
        var hasFailed = false
    }

    /// - Parameter source: becomes this object's to close.
    init(
        _ item: TransferItem, size: Int64, partBytes: Int64, left: Int, source: Int32 = -1,
        sourceChanged: Int64? = nil, attributes: FileAttributes = FileAttributes(), stored: StoredFile? = nil, upload: PartialFile? = nil,
        done: [FilePart] = [], download: PartialDownload? = nil
    ) {
        self.item = item
        self.size = size
        self.partBytes = partBytes
        self.source = source
        self.sourceChanged = sourceChanged
        self.attributes = attributes
        isResumed = !done.isEmpty
        self.stored = stored
        self.upload = upload
        self.download = download
        state = Mutex(State(left: left, parts: Dictionary(done.map { ($0.number, $0) }) { $1 }))
    }

    deinit { if source >= 0 { close(source) } }

    func range(of number: Int) -> Range<Int64> {
        let start = Int64(number - 1) * partBytes
        return start..<min(start + partBytes, size)
    }

    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    /// Answers whether it had not failed before.
    func fail() -> Bool {
        state.withLock { state in
            defer { state.hasFailed = true }
            return !state.hasFailed
        }
    }

    /// Answers whether that was the last one.
    func partIsSent(_ part: FilePart) -> Bool {
        state.withLock { state in
            state.parts[part.number] = part
            state.left -= 1
            return state.left == 0
        }
    }

    /// Answers whether that was the last one.
    func partHasArrived(_ number: Int, _ hash: [UInt8]?) -> Bool {
        state.withLock { state in
            state.hashes[number] = hash
            state.left -= 1
            return state.left == 0
        }
    }

    func hash(ofPart number: Int) -> [UInt8]? { state.withLock { $0.hashes[number] } }

    var parts: [FilePart] { state.withLock { $0.parts.values.sorted { $0.number < $1.number } } }
}
