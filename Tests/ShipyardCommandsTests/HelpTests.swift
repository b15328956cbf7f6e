import Glibc
import Testing

@testable import ShipyardCommands

struct HelpTests {
    @Test func helpOfACommand() {
        let expected = """
            usage: shipyard-swift jobs tasks count [options]

            Count the tasks of jobs by state.

            options:
                  --jobid ID  the job; default those of jobs.yaml

            examples:
              shipyard-swift jobs tasks count --jobid sweep
                  shows how many tasks are active, running, completed

            common options: --home, --configdir, --yes, --raw, --show-config, --verbose,
            --help, --credentials, --config, --fs, --pool, --jobs, --schedules;
            `shipyard-swift help options` says what they do

            """
        #expect(run("jobs", "tasks", "count", "--help").output == expected)
        #expect(run("jobs", "-h", "tasks", "count").output == expected)
    }

    @Test func noLineOfAnyHelpIsWiderThanTheTerminal() {
        func walk(_ command: Command, _ path: [String]) {
            let lines = HelpText.lines(for: command, path: path, common: CommonOptions.all, width: 80)
            // An example is one line, so that it can be copied.
            for line in lines where line.count > 80 && !line.hasPrefix("  shipyard-swift") {
                Issue.record("\(path): \(line)")
            }
            for child in command.subcommands { walk(child, path + [child.name]) }
        }
        walk(CommandTree.root, [])
    }

    /// `docs/commands.md` is the program's own text: `shipyard-swift commands-page > docs/commands.md`.
    @Test func pageOfCommandsIsUpToDate() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let page = try LocalFile.read("/\(root)/docs/commands.md")
        #expect(String(decoding: page, as: UTF8.self) == CommandsPage.text)
    }
}
