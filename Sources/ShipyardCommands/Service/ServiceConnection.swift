/// How a command gets at the service; tests hand in a table of answers.
package struct ServiceConnection: Sendable {
    /// Starts the service where it does not run.
    package var open: @Sendable (HomeDirectory, Console) throws(CommandFailure) -> ServiceClient
    /// Nil where it does not run.
    package var openRunning: @Sendable (HomeDirectory) throws(CommandFailure) -> ServiceClient?
}

extension Invocation {
    /// The service of this command's home, started if need be.
    package func service() throws(CommandFailure) -> ServiceClient {
        try connection.open(HomeDirectory(self), console)
    }

    package func runningService() throws(CommandFailure) -> ServiceClient? {
        try connection.openRunning(HomeDirectory(self))
    }
}
