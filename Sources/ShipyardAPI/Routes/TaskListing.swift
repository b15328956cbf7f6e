import ShipyardModel
import ShipyardService
import ShipyardStore

/// All tasks of a job as one JSON list, piece by piece: the whole is never in memory, on neither side.
///
/// Each piece is read in a transaction of its own, so that a reader who takes an hour keeps no old state alive.
final class TaskListing {
    private let readers: StoreReaderPool
    private let job: UInt32
    private let filter: TaskFilter
    private var writer: TaskResponseWriter
    private var last: UInt32?
    private var hasBegun = false
    private var hasEnded = false

    /// As many as make a piece that is worth a system call.
    private static let rowsInPiece = 500

    private let transfers: () -> [TaskKey: TransferBoard.Entry]
    private var tails: ErrorTails?

    init(
        _ readers: StoreReaderPool, job: UInt32, _ filter: TaskFilter, _ writer: TaskResponseWriter,
        tails: ErrorTails? = nil, transfers: @escaping () -> [TaskKey: TransferBoard.Entry]
    ) {
        self.transfers = transfers
        self.tails = tails
        self.readers = readers
        self.job = job
        self.filter = filter
        self.writer = writer
    }

    func next() throws(HTTPReply.BrokenStream) -> [UInt8]? {
        if hasEnded { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.rowsInPiece * 600)
        if !hasBegun { bytes += Array(#"{"value":["#.utf8) }
        hasBegun = true
        do throws(StoreError) {
            try readers.read { reader throws(StoreError) in try append(reader, to: &bytes) }
        } catch {
            throw HTTPReply.BrokenStream()
        }
        return bytes
    }

    private func append(_ reader: StoreReader, to bytes: inout [UInt8]) throws(StoreError) {
        let rows = try reader.tasks(of: job, after: last, limit: Self.rowsInPiece, where: filter)
        let moving = transfers()
        for row in rows {
            if last != nil { bytes.append(UInt8(ascii: ",")) }
            writer.append(row, moving[row.definition.key], tails?.line(of: row), to: &bytes)
            last = row.definition.key.ordinal
        }
        guard rows.count < Self.rowsInPiece else { return }
        // A job that was deleted meanwhile has no rows either, and half a list is none.
        guard try reader.job(number: job) != nil else {
            throw StoreError(kind: .other, operation: "list tasks", message: "the job is gone")
        }
        hasEnded = true
        bytes += Array("]}".utf8)
    }
}

/// Writes a task as `TaskResponse` is encoded, without the values in between.
struct TaskResponseWriter {
    private let jobMember: [UInt8]
    private let nodeMember: [UInt8]
    private let tasksLocation: (NodeID) -> String
    /// The member of a task on each node, up to the task's id.
    private var directories: [NodeID: [UInt8]] = [:]
    private let mergeTemplates: Set<Int>

    /// - Parameter tasksLocation: where the job's tasks are on a node.
    init(_ job: JobRecord, tasksLocation: @escaping (NodeID) -> String, mergeTemplates: Set<Int>) {
        jobMember = Array(",\"jobId\":\(JSONValue.string(job.id.text).compactText),\"state\":\"".utf8)
        nodeMember = Array(
            ",\"nodeInfo\":{\"poolId\":\(JSONValue.string(job.pool.text).compactText),\"nodeId\":".utf8)
        self.tasksLocation = tasksLocation
        self.mergeTemplates = mergeTemplates
    }

    mutating func append(_ row: TaskRow, _ transfer: TransferBoard.Entry? = nil, _ lastErrorLine: String? = nil, to bytes: inout [UInt8]) {
        bytes.append("{\"id\":")
        JSONText.append(row.definition.id, to: &bytes)
        bytes += jobMember
        bytes.append(row.progress.state.rawValue)
        bytes.append("\"")
        if let command = row.definition.command {
            bytes.append(",\"commandLine\":")
            JSONText.append(LateText.shown(command), to: &bytes)
        }
        append(row.progress, to: &bytes)
        if let transfer, let text = try? JSONCoding.encode(TransferResponse(transfer)) {
            bytes.append(",\"transferInfo\":")
            bytes += text
        }
        if let lastErrorLine {
            bytes.append(",\"lastErrorLine\":")
            JSONText.append(lastErrorLine, to: &bytes)
        }
        if let node = row.progress.node {
            bytes += nodeMember
            JSONText.append(node.text, to: &bytes)
            bytes += directory(on: node)
            appendContent(row.definition.id, to: &bytes)
            bytes.append("\"}")
        }
        let isMerge = !mergeTemplates.isEmpty && mergeTemplates.contains(row.definition.template)
        bytes.append(
            isMerge ? ",\"dependsOn\":[],\"isMergeTask\":true}" : ",\"dependsOn\":[],\"isMergeTask\":false}")
    }

    private mutating func directory(on node: NodeID) -> [UInt8] {
        if let known = directories[node] { return known }
        let location = JSONValue.string(tasksLocation(node)).compactText.dropLast()
        let made = Array(",\"taskDirectory\":\(location)/".utf8)
        directories[node] = made
        return made
    }

    /// In the midst of a string.
    private func appendContent(_ text: String, to bytes: inout [UInt8]) {
        let start = bytes.count
        JSONText.append(text, to: &bytes)
        bytes.remove(at: start)
        bytes.removeLast()
    }

    private func append(_ progress: TaskProgress, to bytes: inout [UInt8]) {
        bytes.append(",\"executionInfo\":{")
        let result = progress.result
        if let start = result?.startTime ?? progress.assignedTime {
            bytes.append("\"startTime\":\"")
            start.appendISO8601(to: &bytes)
            bytes.append("\",")
        }
        if let result { append(result, to: &bytes) }
        bytes.append("\"retryCount\":")
        appendDecimal(Int64(progress.retryCount), to: &bytes)
        bytes.append(",\"requeueCount\":")
        appendDecimal(Int64(progress.requeueCount), to: &bytes)
        if let usage = result?.usage {
            appendMilliseconds(",\"wallTimeMilliseconds\":", usage.wallTimeMicroseconds, to: &bytes)
            appendMilliseconds(",\"userTimeMilliseconds\":", usage.userTimeMicroseconds, to: &bytes)
            appendMilliseconds(",\"systemTimeMilliseconds\":", usage.systemTimeMicroseconds, to: &bytes)
            bytes.append(",\"peakMemoryBytes\":")
            appendDecimal(usage.peakMemoryBytes, to: &bytes)
        }
        bytes.append("}")
    }

    private func append(_ result: AttemptResult, to bytes: inout [UInt8]) {
        bytes.append("\"endTime\":\"")
        result.endTime.appendISO8601(to: &bytes)
        bytes.append("\",")
        if let code = result.outcome.exitCode {
            bytes.append("\"exitCode\":")
            appendDecimal(Int64(code), to: &bytes)
            bytes.append(",")
        }
        guard let failure = result.failure else { return bytes.append("\"result\":\"success\",") }
        bytes.append("\"result\":\"failure\",\"failureInfo\":")
        append(failure, to: &bytes)
        if let upload = result.uploadFailure {
            bytes.append("\"uploadFailureInfo\":")
            append(upload.failure, to: &bytes)
        }
    }

    private func append(_ failure: FailureInfo, to bytes: inout [UInt8]) {
        bytes.append("{\"category\":\"")
        bytes.append(failure.category.rawValue)
        bytes.append("\",\"code\":")
        JSONText.append(failure.code, to: &bytes)
        bytes.append(",\"message\":")
        JSONText.append(failure.message, to: &bytes)
        bytes.append("},")
    }

    /// As a `Double` of milliseconds is written: with one digit after the point at least.
    private func appendMilliseconds(_ name: StaticString, _ microseconds: Int64, to bytes: inout [UInt8]) {
        bytes.append(name)
        guard microseconds >= 0, microseconds < 1_000_000_000_000_000 else {
            return bytes.append((Double(microseconds) / 1000).description)
        }
        appendDecimal(microseconds / 1000, to: &bytes)
        bytes.append(".")
        var (fraction, width) = (microseconds % 1000, 3)
        while width > 1, fraction % 10 == 0 { (fraction, width) = (fraction / 10, width - 1) }
        appendDecimal(fraction, width: width, to: &bytes)
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    fileprivate mutating func append(_ text: String) { append(contentsOf: text.utf8) }
}
