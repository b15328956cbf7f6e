import Glibc
import ShipyardAPI

/// `pool nodes exec`: a command on a node.
enum NodesExecCommand {
    static let command = Command("exec", "run a command in a node's root directory")
        .details(
            "It has the node's variables, AZ_BATCH_NODE_ROOT_DIR and its like, and the places of application packages. Without a "
                + "command it is a shell. The exit code is the command's; with --all that of the first node on which it was not 0.",
            "It belongs to the node by its variables: where the node goes, or its agent dies, it is ended with it."
        )
        .takes(
            Argument("POOL", "the pool; default the one of --poolid or pool.yaml", optional: true, values: .id(.pool)),
            Argument("NODE", "the node", optional: true, values: .id(.node)),
            Argument("CMD", "after `--`: the command", optional: true, repeats: true)
        )
        .options(.flag("all", "every node of the pool, one after the other"), SharedOptions.poolID)
        .example("pool nodes exec small node-1 -- df -h .", "runs a command on one node")
        .example("pool nodes exec small --all -- ls applications", "runs it on every node")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        var words = invocation.arguments.ownWords
        let command = invocation.arguments.foreignWords
        let isAll = invocation.has("all")
        let node = isAll ? nil : words.popLast()
        guard isAll || node != nil else { throw .usage("say on which node: `pool nodes exec POOL NODE -- CMD`") }
        guard words.count < 2 else { throw .usage("a command stands after `--`: `pool nodes exec POOL NODE -- CMD`") }
        guard words.isEmpty || !invocation.has("poolid") else {
            throw .usage("give the pool either as a word or with `--poolid`")
        }
        let pool: String
        if let word = words.first { pool = word } else { pool = try SpecIDs(invocation).pool() }
        let service = try invocation.service()
        if let node { try service.reach(path(node, pool)).become(command, invocation) }
        guard !command.isEmpty else { throw .usage("`--all` needs a command: `pool nodes exec POOL --all -- CMD`") }
        let nodes = try service.nodes(of: pool)
        if nodes.isEmpty { invocation.console.say("no nodes found in pool \(pool)") }
        var outcome: Int32 = 0
        for node in nodes {
            invocation.console.say("\(node.id):")
            let code = try service.reach(path(node.id, pool)).run(command)
            if code != 0, outcome == 0 { outcome = code }
        }
        invocation.console.flush()
        // No code of ours: the command's.
        if outcome != 0 { exit(outcome) }
        return .done
    }

    private static func path(_ node: String, _ pool: String) -> ServicePath {
        ServiceClient.pool(pool) / "nodes" / node / "reach"
    }
}
