import ShipyardDiagnostics
import ShipyardSpecs

/// Why an entry of `tasks` makes no tasks, or no more of them.
enum PlanFailure: Error {
    /// The factory's values, in Python's words.
    case factory(PythonError)
    /// The command cannot be filled in, in Python's words.
    case command(PythonError)
    /// The factory fills in a command, and there is none.
    case commandMissing
    case world(PlannerWorldError)
    /// A factory of no known kind; the text is what is unknown.
    case unknownFactory(String)
    case noTaskFilePath
    case unknownAlias(Located<String>)
    case tooManyTasks
}
