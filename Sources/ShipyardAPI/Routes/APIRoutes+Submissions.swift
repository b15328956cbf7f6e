import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import ShipyardSubmission

extension APIRoutes {
    /// Takes the submission of a request's body to `add`, until the client has gone.
    func submit<Made>(
        _ request: HTTPRequest,
        _ add: (Submission, @escaping @Sendable () -> Bool) throws(SubmissionError) -> Made
    ) throws(APIFailure) -> Made {
        let sent = try body(of: request, as: SubmissionRequest.self)
        take(sent.variables)
        let submission = try Submission(sent)
        do throws(SubmissionError) {
            return try add(submission, request.isAbandoned)
        } catch {
            throw APIFailure(error)
        }
    }
}

extension APIRoutes {
    /// Before anything that is made may ask for them.
    func take(_ variables: [String: String]?) {
        loop.sentVariables.take(
            (variables ?? [:]).map { SecretVariable(name: $0.key, value: Secret($0.value)) })
    }
}

extension Submission {
    fileprivate init(_ request: SubmissionRequest) throws(APIFailure) {
        let files = try request.files.map { file throws(APIFailure) in
            try File(file, below: request.directory(of: file.kind))
        }
        self.init(from: .client(request: request.submissionId), files: files)
        generated = request.generated ?? []
        packages = request.packages ?? []
        resources = request.resources ?? []
        context.parameters = request.parameters ?? [:]
        options.recreates = request.recreate
        options.mustBeNew = request.mustBeNew ?? false
        options.isStrict = request.isStrict ?? false
        options.output = request.output
        options.holdsPools = request.holdsPools
    }
}

extension Submission.File {
    init(_ file: SubmissionRequest.File, below directory: String) throws(APIFailure) {
        guard let kind = SpecKind(rawValue: file.kind) else {
            throw APIFailure(400, "InvalidRequestBody", "`\(file.kind)` is no kind of spec file")
        }
        self.init(kind: kind, name: file.name, directory: directory, text: file.text)
    }
}

extension SubmissionResponse {
    init(_ made: SubmittedJobs) {
        jobs = made.jobs.map { job in
            Job(
                id: job.id, poolId: job.poolId, tasksAdded: job.tasksAdded, isNew: job.isNew,
                number: job.number)
        }
        warnings = made.warnings
        schedules = made.schedules
    }
}
