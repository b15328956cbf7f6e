import ShipyardHTTPClient
import ShipyardModel
import ShipyardService
import ShipyardSubmission

/// The first line of what the two paths answer; the environment follows, `NAME=value` with a NUL after each.
///
/// It is no member of the JSON, so that nothing which reads or logs answers holds a secret as text.
package struct ReachResponse: Codable, Sendable {
    /// Words before the command, for nodes elsewhere.
    package var prefix: [String]
    /// Absolute, on the node.
    package var directory: String
    package var poolId: String
    package var nodeId: String
    /// Of a task:
    package var attempt: Int?
    package var state: String?
    package var commandLine: String?
}

extension APIRoutes {
    func addReach(to router: inout Router) {
        on(.post, "/jobs/{job}/tasks/{task}/reach", in: &router) { request throws(APIFailure) in
            let (job, task) = (request.parameters["job"] ?? "", request.parameters["task"] ?? "")
            let attempt = try number("attempt", atLeast: 1, in: request).map(Int.init)
            let found = try perform(isPromise: false) { core, now throws(Refusal) in
                try core.reachTask(task, of: job, attempt: attempt, at: now)
            }
            var response = ReachResponse(
                prefix: found.reach.prefix, directory: found.reach.directory, poolId: found.pool.text,
                nodeId: found.node.text)
            response.attempt = found.attempt
            response.state = found.state.rawValue
            response.commandLine = found.command
            return try reply(response, found.reach.environment)
        }
        on(.post, "/pools/{pool}/nodes/{node}/reach", in: &router) { request throws(APIFailure) in
            let (pool, node) = (request.parameters["pool"] ?? "", request.parameters["node"] ?? "")
            let reach = try perform(isPromise: false) { core, _ throws(Refusal) in
                try core.reachNode(node, of: pool)
            }
            let response = ReachResponse(
                prefix: reach.prefix, directory: reach.directory, poolId: pool, nodeId: node)
            return try reply(response, reach.environment)
        }
    }

    private func reply(_ head: ReachResponse, _ environment: Secret) throws(APIFailure) -> HTTPReply {
        do throws(JSONError) {
            let line = try JSONCoding.encode(head) + [0x0A]
            return HTTPReply(
                status: 200, headers: [HTTPHeader("Content-Type", "application/octet-stream")],
                body: .bytes(environment.withExposedBytes { line + Array($0) }))
        } catch {
            throw APIFailure(500, "InternalError", "the answer cannot be written: \(error)")
        }
    }
}
