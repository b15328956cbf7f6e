import Glibc
import ShipyardAPI
import ShipyardSpecs
import ShipyardSubmission

/// The spec files of a `run`, with the pool's id replaced by one that only this run has.
struct RunFiles {
    /// Nil when the jobs bring pools of their own (`auto_pool`).
    private(set) var pool: SubmissionRequest.File?
    private(set) var poolID = ""
    private(set) var others: [SubmissionRequest.File] = []
    private(set) var jobIDs: [String] = []
    private let isStrict: Bool
    private let parameters: [String: String]
    /// `ALIAS/CONTAINER/PATH` of `--output`; nil where it is a directory.
    private(set) var store: String?
    private var generated: [GeneratorRun] = []

    init(_ invocation: Invocation) throws(CommandFailure) {
        isStrict = invocation.has("strict")
        parameters = try invocation.arguments.parameters()
        let target = invocation.arguments.words[0]
        guard LocalFile.exists(target) else { throw .usage("there is no file or directory \(target)") }
        let isDirectory = LocalFile.isDirectory(target)
        let directory = isDirectory ? target : Self.directory(of: target)
        let files = SpecFiles(invocation, directory: directory)
        guard let jobsPath = isDirectory ? files.find("jobs") : target else { throw files.missing("jobs") }
        let jobs = try SpecFiles.read("jobs", jobsPath)
        for kind in ["credentials", "config"] {
            if let path = files.find(kind) { others.append(try SpecFiles.read(kind, path)) }
        }
        others.append(jobs)
        jobIDs = try SpecIDs.jobs(in: jobs, parameters)
        let given = try files.find("pool").map { path throws(CommandFailure) in
            try SpecFiles.read("pool", path)
        }
        if try Self.hasAutoPool(jobs) {
            if let given { others.append(given) }
        } else {
            poolID = Self.uniqueID(name: Self.name(of: isDirectory ? absolutePath(target) : target))
            pool =
                try given.map { file throws(CommandFailure) in try Self.renamed(file, to: poolID) }
                ?? Self.defaultPool(id: poolID)
        }
        if let slots = try Self.slots(invocation) {
            guard let file = pool else {
                throw .usage("`-j` is for the pool that `run` makes, and these jobs bring one of their own (`auto_pool`)")
            }
            pool = try Self.file(file, withSlots: slots)
        }
        store = invocation.arguments["output"].flatMap { storeNamed($0) }
        generated = try GeneratorRuns.made(for: submission())
    }

    /// The run has a pool of its own for all jobs; otherwise each job brings one.
    var hasPool: Bool { pool != nil }

    /// The commands that remove what a run of these makes.
    var removal: String {
        // Whoever has more looks for them.
        let jobs = jobIDs.prefix(5).joined(separator: " ") + (jobIDs.count > 5 ? " …" : "")
        return "shipyard-swift jobs del \(jobs)" + (hasPool ? "; shipyard-swift pool del --poolid \(poolID)" : "")
    }

    /// Whether `--output` is a place in a store: always with `store:` in front, and otherwise where it begins with an alias
    /// of the credentials.
    private func storeNamed(_ output: String) -> String? {
        if output.hasPrefix("store:") { return String(output.dropFirst("store:".count)) }
        let parts = output.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1, others.contains(where: { $0.kind == "credentials" }) else { return nil }
        let specs = submission().specs(ofKinds: { $0 == .credentials })
        return specs?.credentials.accounts[String(parts[0])] == nil ? nil : output
    }

    /// What `POST /jobs` gets. The pool's file goes with it: merge rules and auto pools look at it.
    func submission() -> SubmissionRequest {
        var request = SubmissionRequest(
            files: (pool.map { [$0] } ?? []) + others, workingDirectory: currentDirectory())
        // A run's jobs are its own: it ends and deletes them, so it must have made them.
        request.mustBeNew = true
        request.isStrict = isStrict
        request.output = store
        // Jobs that bring pools of their own: these are looked at before they go.
        request.holdsPools = pool == nil ? true : nil
        request.parameters = parameters
        request.generated = generated
        return request
    }

    func poolSubmission() -> SubmissionRequest? {
        guard let pool else { return nil }
        let files = [pool] + others.filter { $0.kind != "jobs" }
        var request = SubmissionRequest(files: files, workingDirectory: currentDirectory())
        request.isStrict = isStrict
        return request
    }
}

extension RunFiles {
    /// `run-<name>-<process>-<moment>`, at most 64 characters that an id may have. The process alone would not do:
    /// numbers come again, and in containers that share a home they are the same.
    static func uniqueID(name: String) -> String {
        let clean = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }.prefix(40))
        let moment = String(UInt32.random(in: 0..<36 * 36 * 36 * 36), radix: 36)
        return "run-\(clean)-\(getpid())-\(moment)"
    }

    private static func name(of path: String) -> String {
        let last = path.split(separator: "/").last ?? "jobs"
        let stem = last.lastIndex(of: ".").map { last[..<$0] } ?? last
        return stem.isEmpty ? "jobs" : String(stem)
    }

    private static func directory(of file: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return "." }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }

    /// The file with the pool's id replaced in its text, so that every place in a message stays right.
    static func renamed(
        _ file: SubmissionRequest.File, to id: String
    ) throws(CommandFailure) -> SubmissionRequest.File {
        guard let node = try SpecIDs.root(of: file)["pool_specification"]?["id"] else {
            // The service says what is wrong with a pool file without an id, and where.
            return file
        }
        var copy = file
        let bytes = Array(file.text.utf8)
        let quoted = file.path.hasSuffix(".json") ? "\"\(id)\"" : id
        copy.text = String(decoding: bytes[..<node.lower] + quoted.utf8 + bytes[node.upper...], as: UTF8.self)
        return copy
    }

    /// What `--show-config` shows of a run.
    static func shown(_ invocation: Invocation) throws(CommandFailure) -> [SpecSource] {
        let target = invocation.arguments.words[0]
        guard LocalFile.exists(target) else { throw .usage("there is no file or directory \(target)") }
        let isDirectory = LocalFile.isDirectory(target)
        let files = SpecFiles(invocation, directory: isDirectory ? target : directory(of: target))
        var sources: [SpecSource] = []
        for kind in [SpecKind.config, .pool, .jobs] {
            guard let path = kind == .jobs && !isDirectory ? target : files.find(kind.rawValue) else { continue }
            sources.append(SpecSource(kind, try SpecFiles.source(kind.rawValue, path)))
        }
        return sources
    }

    /// `-j`.
    private static func slots(_ invocation: Invocation) throws(CommandFailure) -> Int? {
        guard let slots = try invocation.arguments.number("jobs-at-once") else { return nil }
        guard (1...4096).contains(slots) else { throw .usage("`-j` takes 1 to 4096, not `\(slots)`") }
        return slots
    }

    /// The pool's file with `slots` task slots on all its nodes together.
    static func file(
        _ file: SubmissionRequest.File, withSlots slots: Int
    ) throws(CommandFailure) -> SubmissionRequest.File {
        guard let node = try SpecIDs.root(of: file)["pool_specification"], let entries = node.entries, let first = entries.first
        else { return file }
        let nodes = ["dedicated", "low_priority"].reduce(0) { sum, kind in
            if case .integer(let count) = node["vm_count"]?[kind]?.content { sum + count } else { sum }
        }
        guard nodes > 0 else { return file }
        guard slots % nodes == 0 else {
            throw .usage(
                "`-j \(slots)` cannot be shared out among the \(nodes) nodes of \(file.name)",
                help: "give a multiple of \(nodes)")
        }
        var copy = file
        let bytes = Array(file.text.utf8)
        let present = entries.first { $0.key.string == "task_slots_per_node" } ?? entries.first { $0.key.string == "max_tasks_per_node" }
        if let value = present?.value {
            copy.text = String(
                decoding: bytes[..<value.lower] + "\(slots / nodes)".utf8 + bytes[value.upper...], as: UTF8.self)
        } else {
            // In front of the first key, in its line: braces, JSON and blocks all take that.
            let isFlow = file.path.hasSuffix(".json") || bytes[first.key.lower] == UInt8(ascii: "\"")
                || bytes[..<first.key.lower].last { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D } == UInt8(ascii: "{")
            let start = bytes[..<first.key.lower].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
            let indent = String(repeating: " ", count: first.key.lower - start)
            let text = "\"task_slots_per_node\": \(slots / nodes)" + (isFlow ? ", " : "\n" + indent)
            copy.text = String(
                decoding: bytes[..<first.key.lower] + text.utf8 + bytes[first.key.lower...], as: UTF8.self)
        }
        return copy
    }

    private static func hasAutoPool(_ jobs: SubmissionRequest.File) throws(CommandFailure) -> Bool {
        let list = try SpecIDs.root(of: jobs)["job_specifications"]?.elements ?? []
        return list.contains { !($0["auto_pool"]?.entries ?? []).isEmpty }
    }

    /// One node with a slot for each CPU that this process may use.
    static func defaultPool(id: String) -> SubmissionRequest.File {
        let text = """
            pool_specification:
              id: \(id)
              vm_count: {dedicated: 1}
              task_slots_per_node: \(usableCPUs())

            """
        return SubmissionRequest.File(
            of: "pool", path: currentDirectory() + "/pool.yaml", name: "<default pool>.yaml", text: text)
    }

    private static func usableCPUs() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
