import Glibc
import ShipyardNode

/// `shipyard-swift node-agent`: not for people. The service starts one for each node.
package enum NodeAgentCommand {
    package static func run(_ arguments: [String]) -> Int32 {
        do throws(NodeAgentUsage) {
            return NodeAgent.run(arguments: try NodeAgentOptions(parsing: arguments))
        } catch {
            let line = "shipyard-swift node-agent: \(error)\n"
            _ = line.withCString { write(2, $0, strlen($0)) }
            return 2
        }
    }
}
