import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardNode
import ShipyardService

extension APIRoutes {
    func addFiles(to router: inout Router) {
        on(.get, "/jobs/{job}/tasks/{task}/files", in: &router) { request throws(APIFailure) in
            let (files, owner, _, _) = try taskFiles(request)
            return .json(FilesResponse(files.list(owner)))
        }
        on(.get, "/jobs/{job}/tasks/{task}/files/{path...}", in: &router) { request throws(APIFailure) in
            let (files, owner, job, state) = try taskFiles(request)
            let mask = try mask(ofJob: job)
            var reply = try file(request, of: owner, in: files) { file throws(FileFailure) in
                guard let mask else { return file }
                return try MaskedFile(file, mask, isGrowing: state != .completed)
            }
            reply.headers.append(HTTPHeader("x-task-state", state.rawValue))
            return reply
        }
        on(.get, "/pools/{pool}/nodes/{node}/files", in: &router) { request throws(APIFailure) in
            .json(FilesResponse(try nodeFiles(request).list(nil)))
        }
        on(.get, "/pools/{pool}/nodes/{node}/files/{path...}", in: &router) { request throws(APIFailure) in
            let files = try nodeFiles(request)
            if request.rest.components.first == BytePath(NodeLayout.secrets) {
                throw APIFailure(403, "FileNotReadable", "secrets of tasks are shown to nobody")
            }
            let mask = try mask(ofPlace: request.rest, pool: request.parameters["pool"] ?? "")
            return try file(request, of: nil, in: files) { file throws(FileFailure) in
                guard let mask else { return file }
                return try MaskedFile(file, mask, isGrowing: false)
            }
        }
    }

    private func taskFiles(
        _ request: HTTPRequest
    ) throws(APIFailure) -> (files: any NodeFiles, owner: FilesOwner, job: JobRecord, state: TaskState) {
        let job = try jobStatus(request.parameters["job"] ?? "")
        let id = request.parameters["task"] ?? ""
        let progress = try task(id, of: job).row.progress
        guard let node = progress.node else {
            throw APIFailure(404, "FileNotFound", "task `\(id)` has not run yet, so it has no files")
        }
        let files = loop.files.files(of: node, in: job.record.pool)
        return (files, .task(id, of: job.record.id), job.record, progress.state)
    }

    private func nodeFiles(_ request: HTTPRequest) throws(APIFailure) -> any NodeFiles {
        let pool = try knownPool(request.parameters["pool"] ?? "")
        let node = NodeID(request.parameters["node"] ?? "")
        guard try inspect({ $0.node(node, of: pool) }) != nil else {
            throw APIFailure(404, "NodeNotFound", "pool `\(pool)` has no node `\(node)`")
        }
        return loop.files.files(of: node, in: pool)
    }

    private func file(
        _ request: HTTPRequest, of owner: FilesOwner?, in files: any NodeFiles,
        _ masked: (any OpenFile) throws(FileFailure) -> any OpenFile
    ) throws(APIFailure) -> HTTPReply {
        let opened: any OpenFile
        do throws(FileFailure) {
            opened = try masked(files.open(request.rest, of: owner))
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
            body: .sized(range.upperBound - range.lowerBound, HTTPReply.pieces(of: opened, range)))
    }
}

extension HTTPReply {
    private static let pieceLength: Int64 = 64 << 10

    /// The bytes of `range`, piece by piece. A file that grows meanwhile has an end all the same, and one that is cut
    /// short is an error.
    static func pieces(of file: any OpenFile, _ range: Range<Int64>) -> Pieces {
        var offset = range.lowerBound
        return { () throws(BrokenStream) in
            guard offset < range.upperBound else { return nil }
            do throws(FileFailure) {
                let piece = try file.read(
                    at: offset, atMost: Int(min(range.upperBound - offset, pieceLength)))
                offset += Int64(piece.count)
                return piece
            } catch {
                throw BrokenStream()
            }
        }
    }
}

extension FilesResponse {
    init(_ listing: NodeFileListing) {
        self.init()
        value = listing.entries.map(FileResponse.init)
        leftOut = listing.leftOut.isEmpty ? nil : listing.leftOut
    }
}

extension FileResponse {
    fileprivate init(_ entry: FileEntry) {
        let type: FileType =
            switch entry.kind {
            case .file: .file
            case .directory: .directory
            case .link: .link
            case .special: .special
            }
        self.init(
            name: entry.path.shown, isDirectory: type == .directory, contentLength: entry.size,
            lastModified: entry.modified.iso8601, fileType: type, linkTarget: entry.linkTarget?.shown)
    }
}
