import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardNode
import ShipyardService

extension APIRoutes {
    func addFiles(to router: inout Router) {
        on(.get, "/jobs/{job}/tasks/{task}/files", in: &router) { request throws(APIFailure) in
            let (files, owner, job, _) = try taskFiles(request)
            let mask = try mask(ofJob: job)
            return .json(try FilesResponse(files.list(owner)) { _ throws(APIFailure) in mask })
        }
        on(.get, "/jobs/{job}/tasks/{task}/files/{path...}", in: &router) { request throws(APIFailure) in
            let (files, owner, job, state) = try taskFiles(request)
            let mask = try mask(ofJob: job)
            let shown = try shownFile(request.rest, of: owner, in: files) { _ throws(APIFailure) in mask }
            let file = try masked(shown.file, mask, request, isGrowing: state != .completed)
            var reply = reply(request, file)
            reply.headers.append(HTTPHeader("x-task-state", state.rawValue))
            return reply
        }
        on(.get, "/pools/{pool}/nodes/{node}/files", in: &router) { request throws(APIFailure) in
            let files = try nodeFiles(request)
            var masks = PlaceMasks(self, pool: request.parameters["pool"] ?? "")
            return .json(
                try FilesResponse(files.list(nil).withoutPrivate) { path throws(APIFailure) in
                    try masks.mask(of: path)
                })
        }
        on(.get, "/pools/{pool}/nodes/{node}/files/{path...}", in: &router) { request throws(APIFailure) in
            let files = try nodeFiles(request)
            if let first = request.rest.components.first, NodeLayout.isPrivate(first) {
                throw APIFailure(
                    403, "FileNotReadable",
                    first == BytePath(NodeLayout.secrets)
                        ? "secrets of tasks are shown to nobody" : "`\(first)` is the node agent's own")
            }
            var masks = PlaceMasks(self, pool: request.parameters["pool"] ?? "")
            let shown = try shownFile(request.rest, of: nil, in: files) { path throws(APIFailure) in
                try masks.mask(of: path)
            }
            let mask = try masks.mask(of: shown.path)
            return reply(
                request, try masked(shown.file, mask, request, isGrowing: mask != nil && isGrowing(shown.path)))
        }
    }

    /// Whether a task may still write to what is at a place of a node.
    private func isGrowing(_ place: BytePath) -> Bool {
        let parts = place.components
        guard parts.count > 3, let job = job(ofPlace: place), let found = try? task(parts[3].shown, of: job) else {
            return false
        }
        return found.row.progress.state != .completed
    }

    /// The file of this name, or else the one whose name is shown so: a value in it is stars.
    private func shownFile(
        _ name: BytePath, of owner: FilesOwner?, in files: any NodeFiles,
        _ mask: (BytePath) throws(APIFailure) -> SecretMask?
    ) throws(APIFailure) -> (path: BytePath, file: any OpenFile) {
        do throws(FileFailure) {
            return (name, try files.open(name, of: owner))
        } catch {
            guard case .missing = error, name.bytes.contains(UInt8(ascii: "*")) else {
                throw Self.failure(error, name)
            }
        }
        var found: [BytePath] = []
        let entries = files.list(owner).entries
        for entry in entries where entry.kind == .file && entry.path.bytes.count == name.bytes.count {
            guard let first = entry.path.components.first, owner != nil || !NodeLayout.isPrivate(first) else { continue }
            if try mask(entry.path).hidden(entry.path) == name { found.append(entry.path) }
        }
        guard found.count < 2 else {
            throw APIFailure(
                409, "FileNotReadable",
                "`\(name)` cannot be read: \(found.count) files are shown by this name, because values of secrets are in theirs")
        }
        guard let path = found.first else { throw Self.failure(.missing, name) }
        do throws(FileFailure) {
            return (path, try files.open(path, of: owner))
        } catch {
            throw Self.failure(error, name)
        }
    }

    private func masked(
        _ file: any OpenFile, _ mask: SecretMask?, _ request: HTTPRequest, isGrowing: Bool
    ) throws(APIFailure) -> any OpenFile {
        guard let mask else { return file }
        do throws(FileFailure) {
            return try MaskedFile(file, mask, isGrowing: isGrowing)
        } catch {
            throw Self.failure(error, request.rest)
        }
    }

    private static func failure(_ failure: FileFailure, _ name: BytePath) -> APIFailure {
        switch failure {
        case .missing: APIFailure(404, "FileNotFound", "there is no file `\(name)` (yet)")
        case .refused(let reason): APIFailure(409, "FileNotReadable", "`\(name)` cannot be read: \(reason)")
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

    private func reply(_ request: HTTPRequest, _ opened: any OpenFile) -> HTTPReply {
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

extension NodeFileListing {
    /// Of a node's root, without what is its agent's.
    fileprivate var withoutPrivate: NodeFileListing {
        var listing = self
        listing.entries.removeAll { $0.path.components.first.map(NodeLayout.isPrivate) ?? false }
        listing.leftOut.removeAll { BytePath($0).components.first.map(NodeLayout.isPrivate) ?? false }
        return listing
    }
}

extension FilesResponse {
    /// - Parameter mask: of what is at a place: a task may have put a value into a name, or made a link to one.
    init(
        _ listing: NodeFileListing, _ mask: (BytePath) throws(APIFailure) -> SecretMask?
    ) throws(APIFailure) {
        self.init()
        for entry in listing.entries {
            let mask = try mask(entry.path)
            var entry = entry
            entry.path = mask.hidden(entry.path)
            entry.linkTarget = entry.linkTarget.map(mask.hidden)
            value.append(FileResponse(entry))
        }
        for reason in listing.leftOut {
            leftOut = (leftOut ?? []) + [try mask(BytePath(reason))?.masked(reason) ?? reason]
        }
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
