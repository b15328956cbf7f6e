import ShipyardModel

/// Prints one JSON object for each task, in submission order:
/// `{"job": …, "index": …, "id": …, "command": …}`, then where there are any `merge_task`, `depends_on`,
/// `depends_on_range` and `input` (the file that a `file` factory gives to this task).
package struct JSONLinesPlanSink<Failure: Error>: PlanSink {
    private var output: PlanOutput<Failure>
    /// A line up to its index.
    private var opening: [UInt8] = []
    private var isMergeTask: [Bool] = []

    package init(_ write: @escaping ([UInt8]) throws(Failure) -> Void) { output = PlanOutput(write) }

    package mutating func jobBegan(_ job: JobPlan) throws(Failure) {
        opening = Array(#"{"job": "#.utf8)
        JSONText.append(job.id.text, to: &opening)
        opening += Array(#", "index": "#.utf8)
        isMergeTask = job.templates.map(\.isMergeTask)
    }

    package mutating func task(_ task: TaskPlan) throws(Failure) {
        output.bytes.append(contentsOf: opening)
        appendDecimal(task.index, to: &output.bytes)
        appendLiteral(#", "id": ""#)
        output.bytes.append(contentsOf: task.idBytes)
        if task.hasCommand {
            appendLiteral(#"", "command": "#)
            appendText(task.commandBytes)
        } else {
            appendLiteral(#"", "command": null"#)
        }
        if isMergeTask[task.template] { appendLiteral(#", "merge_task": true"#) }
        if !task.dependsOn.isEmpty { try append(task.dependsOn, ids: task.submissionIDs) }
        if let transfer = task.inputTransfer {
            appendLiteral(#", "input": "#)
            JSONText.append(transfer.remotePath, to: &output.bytes)
        }
        appendLiteral("}\n")
        try output.flushIfFull()
    }

    package mutating func jobEnded(_ job: JobPlan, _ graph: PlanGraph) throws(Failure) { try output.flush() }

    /// A static string needs no allocation and no look at its encoding.
    @inline(__always) private mutating func appendLiteral(_ text: StaticString) {
        text.withUTF8Buffer { output.bytes.append(contentsOf: $0) }
    }

    /// Nearly every command is free of characters that JSON escapes, so it is first copied as it is.
    @inline(__always) private mutating func appendText(_ text: [UInt8]) {
        let isPlain = text.withUnsafeBufferPointer { buffer in
            buffer.allSatisfy {
                $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 != 0x7F
            }
        }
        guard isPlain else {
            let shown = LateText.shown(String(decoding: text, as: UTF8.self))
            return JSONText.append(shown, to: &output.bytes)
        }
        output.bytes.append(UInt8(ascii: "\""))
        output.bytes.append(contentsOf: text)
        output.bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ dependencies: [DependencyPlan], ids: SubmissionIDs?) throws(Failure) {
        var ranges: [ClosedRange<Int>] = []
        var isFirst = true
        let listsIDs = dependencies.contains { if case .numbers = $0 { false } else { true } }
        if listsIDs { appendLiteral(#", "depends_on": ["#) }
        for dependency in dependencies {
            switch dependency {
            case .task(let id):
                if !isFirst { appendLiteral(", ") }
                isFirst = false
                JSONText.append(id, to: &output.bytes)
            case .submission:
                guard let ids else { continue }
                try ids.forEach { id throws(Failure) in
                    if !isFirst { appendLiteral(", ") }
                    isFirst = false
                    output.bytes.append(UInt8(ascii: "\""))
                    output.bytes.append(contentsOf: id)
                    output.bytes.append(UInt8(ascii: "\""))
                    try output.flushIfFull()
                }
            case .numbers(let range): ranges.append(range)
            }
        }
        if listsIDs { appendLiteral("]") }
        for range in ranges {
            output.append(#", "depends_on_range": [\#(range.lowerBound), \#(range.upperBound)]"#)
        }
    }
}
