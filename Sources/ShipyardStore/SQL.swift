/// The text of one statement, known to the statement cache by its identity: hashing two hundred characters
/// on each use would cost more than binding the arguments. So every value is a `static let`.
final class SQL: Sendable {
    let text: String

    init(_ text: String) { self.text = text }
}

extension SQL {
    static let beginImmediate = SQL("BEGIN IMMEDIATE")
    static let beginDeferred = SQL("BEGIN")
    static let commit = SQL("COMMIT")
    static let rollback = SQL("ROLLBACK")

    /// `?,?,?`
    static func marks(_ count: Int) -> String {
        Array(repeating: "?", count: count).joined(separator: ",")
    }
}
