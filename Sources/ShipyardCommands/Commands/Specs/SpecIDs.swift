import ShipyardAPI
import ShipyardDiagnostics
import ShipyardSpecs

/// Which pool and which jobs a command means: its options, else its spec files.
///
/// Only the ids are read: `pool del` must work with a pool.yaml that has a mistake elsewhere.
struct SpecIDs {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func pool() throws(CommandFailure) -> String {
        if let id = invocation.arguments["poolid"] { return id }
        return try poolNode().id
    }

    /// `--jobid`, else every job of the jobs file.
    func jobs() throws(CommandFailure) -> [String] {
        if let id = invocation.arguments["jobid"] { return [id] }
        let file = try file("jobs", orOption: "jobid")
        let ids = try Self.jobs(in: file)
        guard !ids.isEmpty else { throw Self.noID(in: file, "job_specifications") }
        return ids
    }

    /// As `jobs`; a job with a `recurrence` is a schedule.
    func targets() throws(CommandFailure) -> [JobTarget] {
        if let id = invocation.arguments["jobid"] { return [.job(id)] }
        let file = try file("jobs", orOption: "jobid")
        let ids = try Self.jobs(in: file)
        guard !ids.isEmpty else { throw Self.noID(in: file, "job_specifications") }
        let jobs = try Self.root(of: file)["job_specifications"]?.elements ?? []
        let recurring = Set(
            jobs.compactMap { job in
                job["recurrence"].flatMap { $0.isNull ? nil : job["id"]?.string }
            })
        return ids.map { recurring.contains($0) ? .schedule($0) : .job($0) }
    }

    /// The ids of all jobs that a submission is about.
    static func jobs(of request: SubmissionRequest) throws(CommandFailure) -> [String] {
        guard let file = request.files.last(where: { $0.kind == "jobs" }) else { return [] }
        return try jobs(in: file, request.parameters ?? [:])
    }

    /// `parameters` are the values of references in ids.
    static func jobs(
        in file: SubmissionRequest.File, _ parameters: [String: String] = [:]
    ) throws(CommandFailure) -> [String] {
        let root = try root(of: file)
        let jobs = root["job_specifications"]?.elements ?? []
        let ids = jobs.compactMap { $0["id"]?.string }
        guard ids.contains(where: { $0.contains("@{") }) else { return ids }
        // An id with a part left out might be another job's.
        var findings = Diagnostics()
        let named = ReferenceWalk.replaced(root, .of(RunContext(parameters: parameters)), &findings)
        guard !findings.hasErrors else {
            throw CommandFailure(.specRefused, "").preceded(by: TextRenderer().render(findings))
        }
        return (named["job_specifications"]?.elements ?? []).compactMap { $0["id"]?.string }
    }

    /// For options that need one job, such as `--taskid`.
    func singleJob(for option: String) throws(CommandFailure) -> String {
        guard let id = invocation.arguments["jobid"] else {
            throw .usage("`--\(option)` needs `--jobid`")
        }
        return id
    }

    /// The pool's id and how many nodes of each kind its file asks for.
    func resizeTarget() throws(CommandFailure) -> (pool: String, target: ResizeRequest) {
        let (id, node) = try poolNode()
        func count(_ kind: String) -> Int {
            if case .integer(let number) = node["vm_count"]?[kind]?.content { number } else { 0 }
        }
        return (
            id,
            ResizeRequest(
                targetDedicatedNodes: count("dedicated"), targetLowPriorityNodes: count("low_priority"))
        )
    }

    private func poolNode() throws(CommandFailure) -> (id: String, node: SyntaxNode) {
        let file = try file("pool", orOption: "poolid")
        guard let node = try Self.root(of: file)["pool_specification"], let id = node["id"]?.string else {
            throw Self.noID(in: file, "pool_specification")
        }
        return (id, node)
    }

    private func file(_ kind: String, orOption option: String) throws(CommandFailure)
        -> SubmissionRequest.File
    {
        let files = SpecFiles(invocation)
        guard let path = files.find(kind) else {
            var failure = files.missing(kind)
            failure.help = "name it with `--\(option)`, or " + (failure.help ?? "")
            throw failure
        }
        return try SpecFiles.read(kind, path)
    }

    /// The file as a tree; a file that is no YAML or JSON is refused with its diagnostics.
    static func root(of file: SubmissionRequest.File) throws(CommandFailure) -> SyntaxNode {
        var diagnostics = Diagnostics()
        let source = SourceText(name: file.name, bytes: Array(file.text.utf8))
        guard let root = SpecReader.read(source, &diagnostics), !diagnostics.hasErrors else {
            throw CommandFailure(.specRefused, "the spec has errors; nothing was done").preceded(by: TextRenderer().render(diagnostics))
        }
        return root
    }

    private static func noID(in file: SubmissionRequest.File, _ key: String) -> CommandFailure {
        CommandFailure(
            .specRefused, "\(file.name) has no id under `\(key)`",
            help: "shipyard-swift validate \(file.kind) \(file.name)")
    }
}
