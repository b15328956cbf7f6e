import Glibc
import ShipyardNode
import ShipyardStaging
import ShipyardSystem

/// `node-stage`: what a node agent runs to put files in place before a command.
enum NodeStageCommand {
    static let command: Command = {
        var command = Command("node-stage", "put the files of standard input's manifest in place")
        command.isHidden = true
        return command.runs { _ throws(CommandFailure) in NodeStage.run() == 0 ? .done : .failed }
    }()
}

/// `node-upload`: what a node agent runs to store files after a command.
enum NodeUploadCommand {
    static let command: Command = {
        var command = Command("node-upload", "store the files of standard input's manifest")
        command.isHidden = true
        return command.runs { _ throws(CommandFailure) in NodeUpload.run() == 0 ? .done : .failed }
    }()
}

/// `shipyard-swift node-agent`: not for people. The service starts one for each node, and `connect` where the
/// way to an agent is a command.
package enum NodeAgentCommand {
    package static func run(_ arguments: [String]) -> Int32 {
        if arguments.first == "connect" { return connect(Array(arguments.dropFirst())) }
        do throws(NodeAgentUsage) {
            return NodeAgent.run(arguments: try NodeAgentOptions(parsing: arguments))
        } catch {
            return complain("\(error)")
        }
    }

    private static func connect(_ arguments: [String]) -> Int32 {
        guard arguments.count == 2, arguments[0] == "--root", arguments[1].hasPrefix("/") else {
            return complain("connect needs --root and an absolute path")
        }
        return AgentRelay.run(root: arguments[1])
    }

    private static func complain(_ text: String) -> Int32 {
        let line = "shipyard-swift node-agent: \(text)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
        return 2
    }
}

/// `commands-page`: prints `docs/commands.md`, which is generated from the tree of commands.
enum CommandsPageCommand {
    static let command: Command = {
        var command = Command("commands-page", "print docs/commands.md")
        command.isHidden = true
        return command.runs { invocation throws(CommandFailure) in
            invocation.console.output.write(CommandsPage.text)
            return .done
        }
    }()
}
