import ShipyardModel
import ShipyardTables

/// `sql forget`.
enum SQLForgetCommand {
    static let command = Command("forget", "forget what was loaded into a table, so that it is loaded again")
        .details(
            "Each task's `append` of a file is done once: when the task runs again with the same file, nothing is loaded. Who has deleted the "
                + "rows himself, such as with TRUNCATE, says so with this command, and then runs the task again. Rows of the table are not touched."
        )
        .takes(
            Argument("CONNECTION", "the database: an alias of `sql` in the credentials"),
            Argument("TABLE", "the table, spelled as in the jobs file")
        )
        .example("sql forget reports daily", "tasks that append to a table load again what they have loaded")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        let known = try SQLDatabases(invocation)
        let (connection, url) = try known.connection(words[0])
        do throws(TableError) {
            let count = try known.databases.open(connection, url, to: .write).forgetLoads(of: words[1])
            invocation.console.say(
                count == 0
                    ? "nothing is remembered of table `\(words[1])` of \(connection.shown)"
                    : "\(counted(count, "load")) into table `\(words[1])` of \(connection.shown) forgotten")
            return .done
        } catch {
            throw CommandFailure(error)
        }
    }
}
