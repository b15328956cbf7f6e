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

            options of every command:
                  --home DIR          where the service keeps everything; default
                                      ~/.local/state/shipyard-swift [$SHIPYARD_HOME]
                  --configdir DIR     directory of the spec files; default the current one
                                      [$SHIPYARD_CONFIGDIR]
              -y, --yes               answer yes to every question
                  --raw               print JSON as the REST API of Azure Batch has it
                  --show-config       print the merged specs before anything is done
              -v, --verbose           say more about what is done
              -h, --help              print the help of a command
                  --credentials FILE  use this file instead of credentials.yaml
                                      [$SHIPYARD_CREDENTIALS_CONF]
                  --config FILE       use this file instead of config.yaml
                                      [$SHIPYARD_CONFIG_CONF]
                  --fs FILE           use this file instead of fs.yaml [$SHIPYARD_FS_CONF]
                  --pool FILE         use this file instead of pool.yaml
                                      [$SHIPYARD_POOL_CONF]
                  --jobs FILE         use this file instead of jobs.yaml
                                      [$SHIPYARD_JOBS_CONF]
                  --schedules FILE    use this file instead of schedules.yaml
                                      [$SHIPYARD_SCHEDULES_CONF]

            examples:
              shipyard-swift jobs tasks count --jobid sweep
                  shows how many tasks are active, running, completed

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
