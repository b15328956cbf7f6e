import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardStore
import ShipyardSystem

extension APIRoutes {
    // A shell shows no more of them in any use.
    private static let namesShown = 200
    // Somebody has pressed a key; a service that is busy for longer has nothing to say.
    private static let namesPatience = TimeSpan(milliseconds: 30)

    /// `/names`: of one kind of thing, in order, for completion.
    func addNames(to router: inout Router) {
        on(.get, "/names", in: &router) { request throws(APIFailure) in
            let prefix = request.queryValue("prefix") ?? ""
            let names = try names(
                request.queryValue("kind") ?? "", prefix, job: request.queryValue("job"),
                pool: request.queryValue("pool"))
            return .json(ListBody(value: Array(names.prefix(Self.namesShown))))
        }
    }

    private func names(
        _ kind: String, _ prefix: String, job: String?, pool: String?
    ) throws(APIFailure) -> [String] {
        let limit = Self.namesShown
        switch kind {
        case "job":
            return try inspect(patience: Self.namesPatience) { engine in
                var names: [String] = []
                // The latest: of many they are the ones that are meant.
                for number in engine.jobsInOrder.reversed() where names.count < limit {
                    if let id = engine.job(number)?.id.text, id.hasPrefix(prefix) { names.append(id) }
                }
                return names.sorted()
            }
        case "pool":
            return try inspect(patience: Self.namesPatience) { engine in
                engine.poolIDs.map(\.text).filter { $0.hasPrefix(prefix) }
            }
        case "node":
            return try inspect(patience: Self.namesPatience) { engine in
                var names: Set<String> = []
                for id in engine.poolIDs where pool == nil || pool == id.text {
                    for node in engine.nodes(of: id) where node.record.id.text.hasPrefix(prefix) {
                        names.insert(node.record.id.text)
                    }
                }
                return names.sorted()
            }
        case "schedule":
            return try inspect(patience: Self.namesPatience) { engine in
                engine.schedulesInOrder.compactMap { engine.schedule($0)?.id.text }.filter { $0.hasPrefix(prefix) }.sorted()
            }
        case "task":
            let number = try inspect(patience: Self.namesPatience) { engine in
                job.flatMap { JobID($0) }.flatMap { engine.jobNumber($0) }
            }
            guard let number else { return [] }
            return try read { reader throws(StoreError) in
                try reader.taskIDs(in: number, prefix: prefix, limit: limit)
            }
        default:
            throw APIFailure(
                400, "InvalidQueryParameter", "`kind` is one of job, task, pool, node, schedule, not `\(kind)`")
        }
    }
}

/// The last lines of what tasks have written to stderr.txt, of some tasks of one job.
struct ErrorTails {
    // A line that a person reads is not longer.
    private static let bytes: Int64 = 4096
    private static let characters = 300
    /// The most of one answer: each opens a file.
    static let most = 1000

    private let files: any FilesOfNodes
    private let job: JobRecord
    private let mask: SecretMask?
    private var left: Int

    init(_ count: Int, _ files: any FilesOfNodes, of job: JobRecord, _ mask: SecretMask?) {
        left = min(count, Self.most)
        (self.files, self.job, self.mask) = (files, job, mask)
    }

    /// Nil where there is none: the task has not failed, has written nothing, or its node is gone.
    mutating func line(of row: TaskRow) -> String? {
        guard left > 0, row.progress.state == .completed, let node = row.progress.node,
            let result = row.progress.result, result.failure != nil, result.usage.wallTimeMicroseconds > 0
        else { return nil }
        left -= 1
        let owner = FilesOwner.task(row.definition.id, of: job.id)
        do throws(FileFailure) {
            var file = try files.files(of: node, in: job.pool).open(BytePath("stderr.txt"), of: owner)
            if let mask { file = try MaskedFile(file, mask, isGrowing: false) }
            let start = max(0, file.size - Self.bytes)
            guard start < file.size else { return nil }
            return Self.lastLine(of: try file.read(at: start, atMost: Int(file.size - start)))
        } catch {
            return nil
        }
    }

    private static func lastLine(of bytes: [UInt8]) -> String? {
        for line in bytes.split(separator: 0x0A).reversed() {
            let text = String(decoding: line, as: UTF8.self)
            // What has drawn over its line shows the last of it.
            guard let shown = text.split(separator: "\r").last(where: { !$0.allSatisfy(\.isWhitespace) }) else { continue }
            return String(shown.drop(while: \.isWhitespace).prefix(characters))
        }
        return nil
    }
}

extension APIRoutes {
    /// `?tails=N`; none where nothing is asked for, or the job's secrets cannot be looked for in them.
    func errorTails(_ count: Int64?, of job: JobRecord) -> ErrorTails {
        guard let count, count > 0 else { return ErrorTails(0, loop.files, of: job, nil) }
        do throws(APIFailure) {
            return ErrorTails(Int(min(count, 1_000_000)), loop.files, of: job, try mask(ofJob: job))
        } catch {
            return ErrorTails(0, loop.files, of: job, nil)
        }
    }
}
