import Glibc
import ShipyardAPI
import ShipyardSpecs
import ShipyardStaging
import ShipyardSubmission

/// Sends the application packages of a submission's pool file, and resource files that are kept, as far as the
/// service does not have them.
struct PackageSender {
    /// Each time another pool may go, and take with it what no pool names yet.
    static let attempts = 5
    /// Of one request. Fewer would cost more round trips, more would cost memory on both ends.
    private static let pieceBytes = 4 << 20

    private let service: ServiceClient
    private let packages: [ApplicationPackageSpec]
    /// Where relative paths start.
    private let base: String
    /// Absolute paths.
    private let resources: [String]

    init(_ service: ServiceClient, _ request: SubmissionRequest) {
        self.init(
            service, pool: request.ownPool(), below: request.directory(of: "pool"),
            resources: request.filesToKeep())
    }

    init(_ service: ServiceClient, pool: PoolSpec?, below base: String, resources: Set<String>) {
        self.service = service
        self.base = base
        self.resources = resources.sorted()
        packages = pool?.applicationPackages ?? []
    }

    /// What the submission says of the resource files once all are there.
    func sentResources() throws(CommandFailure) -> [SubmittedPackage] {
        try resources.map { path throws(CommandFailure) in
            var information = stat()
            guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
                throw .usage(
                    "the resource file \(path) cannot be kept: it is not there, or is no file",
                    help:
                        "a file that is made later has to be found by a URL, or by a path with `@{schedule.…}` in it"
                )
            }
            return SubmittedPackage(path: path, sha256: try send(path))
        }
    }

    /// What the submission says of them once all are there.
    func sent() throws(CommandFailure) -> [SubmittedPackage] {
        try packages.map { package throws(CommandFailure) in
            let path = package.path.hasPrefix("/") ? package.path : base + "/" + package.path
            var information = stat()
            guard stat(path, &information) == 0 else {
                let reason = String(cString: strerror(errno))
                throw .usage("application package `\(package.id)`: \(path) cannot be read: \(reason)")
            }
            switch information.st_mode & S_IFMT {
            case S_IFDIR: return SubmittedPackage(path: package.path)
            case S_IFREG: return SubmittedPackage(path: package.path, sha256: try send(path))
            default: throw .usage("the package \(path) is not a file; pack it as zip or tar first")
            }
        }
    }

    /// Answers the hash of the content.
    private func send(_ path: String) throws(CommandFailure) -> String {
        var hash = SHA256()
        var size = 0
        try Self.eachPiece(of: path) { piece throws(CommandFailure) in
            piece.withUnsafeBytes { hash.update($0) }
            size += piece.count
        }
        let digest = hash.hexDigest()
        var attempt = 0
        while try !service.has("/packages" / digest) {
            attempt += 1
            do throws(CommandFailure) {
                try send(path, digest, size)
            } catch {
                // From its beginning, where a sweep has come in between.
                guard error.serviceCode == Submissions.packageInterrupted, attempt < Self.attempts else {
                    throw error
                }
            }
        }
        return digest
    }

    private func send(_ path: String, _ digest: String, _ size: Int) throws(CommandFailure) {
        var offset = 0
        try Self.eachPiece(of: path) { piece throws(CommandFailure) in
            let place = ("/packages" / digest).query("offset", String(offset)).query("size", String(size))
            try service.put(place.query("name", path), bytes: piece)
            offset += piece.count
        }
        guard offset == size else { throw .usage("\(path) changed while it was read") }
    }

    /// One piece at least, which may be empty.
    private static func eachPiece(
        of path: String, _ body: ([UInt8]) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw unreadable(path) }
        defer { close(file) }
        var isFirst = true
        while true {
            let piece = try piece(of: file, path)
            guard isFirst || !piece.isEmpty else { return }
            isFirst = false
            try body(piece)
            guard piece.count == pieceBytes else { return }
        }
    }

    private static func piece(of file: Int32, _ path: String) throws(CommandFailure) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        var count = 0
        while count < pieceBytes {
            let more = piece.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { read(file, $0 + count, pieceBytes - count) } ?? 0
            }
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else { throw unreadable(path) }
            guard more > 0 else { break }
            count += more
        }
        piece.removeLast(pieceBytes - count)
        return piece
    }

    private static func unreadable(_ path: String) -> CommandFailure {
        .usage("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
}
