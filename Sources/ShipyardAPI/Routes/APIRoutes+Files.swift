import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardNode
import ShipyardService

extension APIRoutes {
    func addFiles(to router: inout Router) {
        on(.get, "/jobs/{job}/tasks/{task}/files", in: &router) { request throws(APIFailure) in
            .json(try taskTree(request).tree.list())
        }
        on(.get, "/jobs/{job}/tasks/{task}/files/{path...}", in: &router) { request throws(APIFailure) in
            let (tree, state) = try taskTree(request)
            var reply = try file(request, in: tree)
            reply.headers.append(HTTPHeader("x-task-state", state.rawValue))
            return reply
        }
        on(.get, "/pools/{pool}/nodes/{node}/files", in: &router) { request throws(APIFailure) in
            .json(try nodeTree(request).list())
        }
        on(.get, "/pools/{pool}/nodes/{node}/files/{path...}", in: &router) { request throws(APIFailure) in
            try file(request, in: try nodeTree(request))
        }
    }

    private func taskTree(_ request: HTTPRequest) throws(APIFailure) -> (tree: FileTree, state: TaskState) {
        let job = try jobStatus(request.parameters["job"] ?? "")
        let id = request.parameters["task"] ?? ""
        let progress = try task(id, of: job).row.progress
        guard let node = progress.node else {
            throw APIFailure(404, "FileNotFound", "task `\(id)` has not run yet, so it has no files")
        }
        return (tree(taskDirectory(id, on: node, of: job.record)), progress.state)
    }

    private func nodeTree(_ request: HTTPRequest) throws(APIFailure) -> FileTree {
        let pool = try knownPool(request.parameters["pool"] ?? "")
        let node = NodeID(request.parameters["node"] ?? "")
        guard try inspect({ $0.node(node, of: pool) }) != nil else {
            throw APIFailure(404, "NodeNotFound", "pool `\(pool)` has no node `\(node)`")
        }
        return tree(layout.nodeRoot(node, of: pool))
    }

    /// - Parameter path: absolute, within the home.
    private func tree(_ path: String) -> FileTree {
        FileTree(home: layout.home, path: String(path.dropFirst(layout.home.count)))
    }

    private func file(_ request: HTTPRequest, in tree: FileTree) throws(APIFailure) -> HTTPReply {
        let opened: FileTree.Opened
        do throws(FileTree.Failure) {
            opened = try tree.open(request.rest)
        } catch {
            switch error {
            case .missing:
                throw APIFailure(404, "FileNotFound", "there is no file `\(request.rest)` (yet)")
            case .refused(let reason):
                throw APIFailure(409, "FileNotReadable", "`\(request.rest)` cannot be read: \(reason)")
            }
        }
        // The range of a request that wants no bytes means nothing.
        let header = request.method == .get ? request.header("Range") : nil
        var status = 200
        var range: Range<Int64> = 0..<opened.size
        var headers = [
            HTTPHeader("Content-Type", "application/octet-stream"), HTTPHeader("Accept-Ranges", "bytes"),
        ]
        switch ByteRange(header, size: opened.size) {
        case .whole: break
        case .part(let part):
            (status, range) = (206, part)
            let text = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(opened.size)"
            headers.append(HTTPHeader("Content-Range", text))
        case .unsatisfiable:
            var reply = APIFailure(
                416, "InvalidRange", "`\(header ?? "")` names no bytes of a file of \(opened.size)"
            ).reply
            reply.headers.append(HTTPHeader("Content-Range", "bytes */\(opened.size)"))
            return reply
        }
        return HTTPReply(
            status: status, headers: headers,
            body: .sized(range.upperBound - range.lowerBound, opened.pieces(of: range)))
    }
}
