import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardNode
import ShipyardService

extension APIRoutes {
    func addFiles(to router: inout Router) {
        on(.get, "/jobs/{job}/tasks/{task}/files", in: &router) { request throws(APIFailure) in
            .json(ListBody(value: FileTree(try taskRoot(request).root).list()))
        }
        on(.get, "/jobs/{job}/tasks/{task}/files/{path...}", in: &router) { request throws(APIFailure) in
            let (root, state) = try taskRoot(request)
            var reply = try file(request, below: root)
            reply.headers.append(HTTPHeader("x-task-state", state.rawValue))
            return reply
        }
        on(.get, "/pools/{pool}/nodes/{node}/files", in: &router) { request throws(APIFailure) in
            .json(ListBody(value: FileTree(try nodeRoot(request)).list()))
        }
        on(.get, "/pools/{pool}/nodes/{node}/files/{path...}", in: &router) { request throws(APIFailure) in
            try file(request, below: try nodeRoot(request))
        }
    }

    private func taskRoot(_ request: HTTPRequest) throws(APIFailure) -> (root: String, state: TaskState) {
        let job = try jobStatus(request.parameters["job"] ?? "")
        let id = request.parameters["task"] ?? ""
        let progress = try task(id, of: job).row.progress
        guard let node = progress.node else {
            throw APIFailure(404, "FileNotFound", "task `\(id)` has not run yet, so it has no files")
        }
        return (taskDirectory(id, on: node, of: job.record), progress.state)
    }

    private func nodeRoot(_ request: HTTPRequest) throws(APIFailure) -> String {
        let pool = try knownPool(request.parameters["pool"] ?? "")
        let node = NodeID(request.parameters["node"] ?? "")
        guard loop.inspect({ $0.node(node, of: pool) }) != nil else {
            throw APIFailure(404, "NodeNotFound", "pool `\(pool)` has no node `\(node)`")
        }
        return layout.nodeRoot(node, of: pool)
    }

    private func file(_ request: HTTPRequest, below root: String) throws(APIFailure) -> HTTPReply {
        let path = request.parameters["path"] ?? ""
        guard let opened = FileTree(root).open(path) else {
            throw APIFailure(404, "FileNotFound", "there is no file `\(path)` (yet)")
        }
        var from: Int64 = 0
        if let range = request.header("Range") {
            guard let start = Self.rangeStart(range) else {
                throw APIFailure(
                    400, "InvalidHeader", "of ranges only `bytes=N-` is understood, not `\(range)`")
            }
            guard start < opened.size else {
                throw APIFailure(416, "InvalidRange", "the file ends before byte \(start)")
            }
            from = start
        }
        let stream = opened.stream(from: from)
        return HTTPReply(
            status: request.header("Range") == nil ? 200 : 206,
            headers: [HTTPHeader("Content-Type", "application/octet-stream")], body: .stream(stream))
    }

    private static func rangeStart(_ header: String) -> Int64? {
        guard header.hasPrefix("bytes="), header.hasSuffix("-") else { return nil }
        return Int64(header.dropFirst(6).dropLast())
    }
}
