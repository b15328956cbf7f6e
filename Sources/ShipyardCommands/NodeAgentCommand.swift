import Glibc
import ShipyardNode
import ShipyardSystem

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
