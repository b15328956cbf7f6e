/// What a successful attempt has left in `outputs.json`. Nil, in an `AttemptResult`, where nobody asked for it.
package enum TaskOutput: Hashable, Sendable {
    /// There was no such file: what an earlier attempt has left holds no more.
    case absent
    /// One JSON value, as it was written.
    case document(String)

    /// As Azure Data Factory has it.
    package static let fileName = "outputs.json"
    /// 2 MiB, Data Factory's limit.
    package static let maximumBytes = 2 << 20

    /// How much memory it takes.
    package var byteCount: Int {
        switch self {
        case .absent: 0
        case .document(let text): text.utf8.count
        }
    }
}

/// Why what a task has left as its output cannot be taken for it. Raw values are stored and sent.
package enum OutputFault: UInt8, Sendable, CaseIterable {
    case tooLarge = 1
    case notJSON = 2
    /// A link, a directory, a pipe.
    case notAFile = 3
    case notReadable = 4
}

/// A file that a task finds in its working directory, readable by its owner alone.
package struct ActivityFile: Hashable, Sendable {
    package var name: String
    package var content: String

    package init(_ name: String, _ content: String) {
        self.name = name
        self.content = content
    }
}
