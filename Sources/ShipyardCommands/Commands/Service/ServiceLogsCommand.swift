import Glibc
import ShipyardModel

/// `service logs`: the end of the service's log.
enum ServiceLogsCommand {
    static let command = Command("logs", "print the end of the service's log")
        .options(
            .value("lines", "COUNT", values: .number, "how many lines; default 50"),
            .flag("follow", "go on printing what is appended")
        )
        .example("service logs --lines 200 --follow", "shows the last lines and those to come")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let path = try HomeDirectory(invocation).log
        let count = try invocation.arguments.number("lines") ?? 50
        var offset = 0
        do throws(SystemError) {
            let bytes = try LocalFile.read(path)
            for line in LocalFile.lastLines(count, of: bytes) { invocation.console.print(line) }
            offset = bytes.count
            while invocation.has("follow"), !invocation.console.output.isClosed {
                invocation.console.flush()
                usleep(250_000)
                let all = try LocalFile.read(path)
                // A shorter file is a new one.
                if all.count < offset { offset = 0 }
                invocation.console.output.write(bytes: all[offset...])
                offset = all.count
            }
        } catch {
            guard error.errno == ENOENT else { throw CommandFailure(.failed, "\(error)") }
            invocation.console.say("there is no log yet: \(path)")
        }
        return .done
    }
}
