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

    /// Of a file below a node's directory: its path says of which job it is, or else it is the pool's.
    func mask(ofPlace path: BytePath, pool: String) throws(APIFailure) -> SecretMask? {
        let parts = path.components
        if parts.first == BytePath(NodeLayout.workItems), parts.count > 1 {
            // Of a job that is gone nobody knows any more which secrets it got.
            guard let id = NodeLayout.job(ofDirectory: parts[1].shown), let status = try? jobStatus(id) else {
                return loop.maskOfAll
            }
            return try mask(ofJob: status.record)
        }
        let stored = try read { reader throws(StoreError) in
            try PoolID(pool).map { id throws(StoreError) in try reader.poolSpec(of: id) } ?? nil
        }
        guard let stored, let spec = try? PoolSpec(stored, named: "") else { return nil }
        return try mask(of: Set([spec.nodePrepEnvironmentSecret].compactMap(\.self)))
    }

    private func mask(of secrets: Set<SecretReference>) throws(APIFailure) -> SecretMask? {
        do throws(SecretFailure) {
            return try loop.mask(of: secrets)
        } catch {
            throw APIFailure(
                409, "SecretsNotReadable",
                "what the task has printed is not shown, because its secrets cannot be looked for in it: \(error.reason)")
        }
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
