import ShipyardModel

/// `jobs tasks list --raw`, written task by task: byte for byte what `RawShape.pages` of every task would be.
struct RawTaskListing {
    private let output: OutputStream
    private var jobs = 0
    private var tasks = 0
    private var bytes: [UInt8] = []

    init(_ output: OutputStream) { self.output = output }

    /// Jobs in the order of their ids' bytes, as the members of an object.
    mutating func begin(_ job: String) {
        bytes.append(contentsOf: jobs == 0 ? "{\n  ".utf8 : ",\n  ".utf8)
        JSONText.append(job, to: &bytes)
        bytes.append(contentsOf: ": [\n    {\n      \"odata.metadata\": ".utf8)
        JSONText.append(RawShape.metadata("jobs/\(job)/tasks"), to: &bytes)
        bytes.append(contentsOf: ",\n      \"value\": [".utf8)
        (jobs, tasks) = (jobs + 1, 0)
    }

    mutating func add(_ task: TaskLine) {
        bytes.append(contentsOf: tasks == 0 ? "\n        {".utf8 : ",\n        {".utf8)
        tasks += 1
        var object = Members(indent: "\n          ")
        object.add("commandLine", task.commandLine, to: &bytes)
        object.begin("executionInfo", to: &bytes)
        var info = Members(indent: "\n            ")
        info.add("endTime", task.endTime, to: &bytes)
        info.add("exitCode", task.exitCode, to: &bytes)
        if let failure = task.failure {
            info.begin("failureInfo", to: &bytes)
            var members = Members(indent: "\n              ")
            members.name("category", to: &bytes)
            // Batch Shipyard's client library lowers the case of every enumeration.
            JSONText.append(failure.category?.text.lowercased() ?? "", to: &bytes)
            members.add("code", failure.code, to: &bytes)
            members.add("message", failure.message, to: &bytes)
            bytes.append(contentsOf: "\n            }".utf8)
        }
        info.add("requeueCount", task.requeueCount, to: &bytes)
        info.add("result", task.result, to: &bytes)
        info.add("retryCount", task.retryCount, to: &bytes)
        info.add("startTime", task.startTime, to: &bytes)
        bytes.append(contentsOf: "\n          }".utf8)
        object.add("id", task.id, to: &bytes)
        if let node = task.node {
            object.begin("nodeInfo", to: &bytes)
            var members = Members(indent: "\n            ")
            members.add("nodeId", node.nodeID, to: &bytes)
            members.add("poolId", node.poolID, to: &bytes)
            members.add("taskRootDirectory", node.taskDirectory, to: &bytes)
            bytes.append(contentsOf: "\n          }".utf8)
        }
        object.add("state", task.state, to: &bytes)
        bytes.append(contentsOf: "\n        }".utf8)
        if bytes.count >= 32_768 || tasks == 1 { flush() }
    }

    mutating func end() {
        bytes.append(contentsOf: tasks == 0 ? "]\n    }\n  ]".utf8 : "\n      ]\n    }\n  ]".utf8)
    }

    mutating func finish() {
        bytes.append(contentsOf: jobs == 0 ? "{}\n".utf8 : "\n}\n".utf8)
        flush()
    }

    /// The first task is shown at once, the others as the buffer fills.
    private mutating func flush() {
        output.write(bytes: bytes)
        bytes.removeAll(keepingCapacity: true)
        if tasks == 1 { output.flush() }
    }

    /// The members of one object, each on a line of its own.
    private struct Members {
        let indent: StaticString
        private var isFirst = true

        init(indent: StaticString) { self.indent = indent }

        mutating func name(_ name: StaticString, to bytes: inout [UInt8]) {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            append(indent, to: &bytes)
            append("\"", to: &bytes)
            append(name, to: &bytes)
            append("\": ", to: &bytes)
        }

        mutating func begin(_ name: StaticString, to bytes: inout [UInt8]) {
            self.name(name, to: &bytes)
            append("{", to: &bytes)
        }

        /// A value that is not there has no line.
        mutating func add(_ name: StaticString, _ value: JSONSlice?, to bytes: inout [UInt8]) {
            guard let value else { return }
            self.name(name, to: &bytes)
            bytes.append(contentsOf: value.bytes)
        }

        private func append(_ text: StaticString, to bytes: inout [UInt8]) {
            bytes.append(
                contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
    }
}
