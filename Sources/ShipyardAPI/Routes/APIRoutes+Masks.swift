import ShipyardModel
import ShipyardNode
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStore

// What is shown of files of tasks has stars in the place of secrets that the tasks got (docs/adr/0043).

extension APIRoutes {
    /// Nil where there is nothing to hide.
    func mask(ofJob job: JobRecord) throws(APIFailure) -> SecretMask? {
        try mask(of: planSummary(of: job).secrets)
    }

    /// Of what lies below a node's directory: its path says of which job it is. What is no job's anybody may have written, and of
    /// a job that is gone nobody knows any more which secrets it got.
    func mask(ofPlace path: BytePath, pool: String) throws(APIFailure) -> SecretMask? {
        if let job = job(ofPlace: path) { return try mask(ofJob: job.record) }
        return try maskOfAll(pool: pool)
    }

    /// Nil where it is below no job's directory, or that of one that is gone.
    func job(ofPlace path: BytePath) -> JobStatus? {
        let parts = path.components
        guard parts.count > 1, parts[0] == BytePath(NodeLayout.workItems),
            let id = NodeLayout.job(ofDirectory: parts[1].shown)
        else { return nil }
        return try? jobStatus(id)
    }

    /// Besides the vault's, what the pool and its jobs name: it may be in a file.
    private func maskOfAll(pool: String) throws(APIFailure) -> SecretMask? {
        guard let id = PoolID(pool) else { return nil }
        let stored = try read { reader throws(StoreError) in try reader.poolSpec(of: id) }
        var references: Set<SecretReference> = []
        if let stored, let spec = try? PoolSpec(stored, named: ""), let secret = spec.nodePrepEnvironmentSecret {
            references.insert(secret)
        }
        let jobs = try inspect { engine in
            engine.jobsInOrder.compactMap { engine.job($0) }.filter { $0.pool == id }
        }
        for job in jobs { references.formUnion(try planSummary(of: job).secrets) }
        return try secretsOrFailure { () throws(SecretFailure) in try loop.mask(ofAllAnd: references) }
    }

    private func mask(of secrets: Set<SecretReference>) throws(APIFailure) -> SecretMask? {
        try secretsOrFailure { () throws(SecretFailure) in try loop.mask(of: secrets) }
    }

    private func secretsOrFailure(
        _ body: () throws(SecretFailure) -> SecretMask?
    ) throws(APIFailure) -> SecretMask? {
        do throws(SecretFailure) {
            return try body()
        } catch {
            throw APIFailure(
                409, "SecretsNotReadable",
                "what a task has written is not shown, because its secrets cannot be looked for in it: \(error.reason)")
        }
    }
}

/// The masks of places below one node's directory, each made once.
struct PlaceMasks {
    private let routes: APIRoutes
    private let pool: String
    /// By the two first names of a place, which is all that a mask goes by.
    private var known: [[BytePath]: SecretMask?] = [:]

    init(_ routes: APIRoutes, pool: String) {
        self.routes = routes
        self.pool = pool
    }

    mutating func mask(of place: BytePath) throws(APIFailure) -> SecretMask? {
        let parts = place.components
        let isOfJob = parts.count > 1 && parts[0] == BytePath(NodeLayout.workItems)
        let key = isOfJob ? Array(parts[..<2]) : []
        if let found = known[key] { return found }
        let mask = try routes.mask(ofPlace: place, pool: pool)
        known[key] = .some(mask)
        return mask
    }
}

extension SecretMask? {
    /// A name in which values are stars, as many as they have bytes.
    func hidden(_ path: BytePath) -> BytePath {
        guard let self else { return path }
        var bytes = path.bytes
        self.hide(in: &bytes)
        return BytePath(bytes: bytes)
    }
}

/// A file in which the values of secrets are stars, as many as they have bytes, so that positions stay what they are.
struct MaskedFile: OpenFile {
    private let file: any OpenFile
    private let mask: SecretMask
    /// Of a file that grows, without an end that may be the beginning of a value: it is shown with the next look.
    let size: Int64

    /// - Parameter isGrowing: whether more may come behind its present end.
    init(_ file: any OpenFile, _ mask: SecretMask, isGrowing: Bool) throws(FileFailure) {
        self.file = file
        self.mask = mask
        guard isGrowing, file.size > 0 else {
            size = file.size
            return
        }
        let count = min(file.size, Int64(mask.longest))
        let end = try Self.read(file, file.size - count..<file.size)
        size = file.size - Int64(mask.unfinished(at: end))
    }

    /// Looks at as much around the piece as a value may reach into it from outside.
    func read(at offset: Int64, atMost count: Int) throws(FileFailure) -> [UInt8] {
        let upper = min(size, offset + Int64(count))
        guard offset < upper else { return try file.read(at: offset, atMost: count) }
        let reach = Int64(max(0, mask.longest - 1))
        let around = max(0, offset - reach)..<min(file.size, upper + reach)
        var bytes = try Self.read(file, around)
        mask.hide(in: &bytes)
        let first = Int(offset - around.lowerBound)
        return Array(bytes[first..<first + Int(upper - offset)])
    }

    /// All of it: a file that was cut short since is a failure.
    private static func read(_ file: any OpenFile, _ range: Range<Int64>) throws(FileFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < range.count {
            bytes += try file.read(
                at: range.lowerBound + Int64(bytes.count), atMost: range.count - bytes.count)
        }
        return bytes
    }
}
