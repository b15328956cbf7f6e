import ShipyardSpecs

/// One task of a plan, in submission order.
///
/// Id and command are bytes, because the planner writes them into the same two buffers for every task of a
/// factory: a sink that only copies bytes on never pays for a `String`.
package struct TaskPlan: Sendable {
    /// Position in this submission, from 0.
    package var index: Int
    package var idBytes: [UInt8]
    /// UTF-8; empty without `hasCommand`.
    package var commandBytes: [UInt8]
    /// False where the image's default command would run.
    package var hasCommand: Bool
    /// Position in `JobPlan.templates`.
    package var template: Int
    package var dependsOn: [DependencyPlan] = []
    /// What a `file` factory adds to its template for this one task: its file, fetched before the task runs.
    package var inputTransfer: StorageTransferSpec?
    /// The ids that `DependencyPlan.submission` stands for. Only set on a merge task.
    package var submissionIDs: SubmissionIDs?

    package init(index: Int, id: String, command: String?, template: Int) {
        self.index = index
        idBytes = Array(id.utf8)
        commandBytes = command.map { Array($0.utf8) } ?? []
        hasCommand = command != nil
        self.template = template
    }

    package var id: String {
        get { String(decoding: idBytes, as: UTF8.self) }
        set { idBytes = Array(newValue.utf8) }
    }

    package var command: String? {
        get { hasCommand ? String(decoding: commandBytes, as: UTF8.self) : nil }
        set {
            commandBytes = newValue.map { Array($0.utf8) } ?? []
            hasCommand = newValue != nil
        }
    }
}
