import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

/// The templates that work was ordered by, so that each is made once.
struct WorkTemplates {
    private var known: [WorkTemplate.Purpose: WorkTemplate] = [:]
    /// Of each job, so that the end of one looks at no other's.
    private var purposes: [UInt32: [WorkTemplate.Purpose]] = [:]

    subscript(_ purpose: WorkTemplate.Purpose) -> WorkTemplate? { known[purpose] }

    mutating func keep(_ template: WorkTemplate) {
        known[template.purpose] = template
        if let job = template.purpose.job { purposes[job, default: []].append(template.purpose) }
    }

    mutating func forget(job: UInt32) {
        for purpose in purposes.removeValue(forKey: job) ?? [] { known[purpose] = nil }
    }

    /// A pool is gone, and what comes under its name may have other packages.
    mutating func forgetAll() { (known, purposes) = ([:], [:]) }
}

extension ServiceCore {
    /// There once `readTemplate` was called for it. Nil where the job has no such template.
    func taskTemplate(_ job: UInt32, _ position: Int) -> WorkTemplate? {
        workTemplates[.task(job: job, template: position)]
    }

    /// Throws where what is stored cannot be read. It was readable when it was written, or when the state was
    /// restored; the restore that follows keeps its job aside and says why.
    func readTemplate(_ position: Int, of job: UInt32) throws(StoreError) {
        let purpose = WorkTemplate.Purpose.task(job: job, template: position)
        guard workTemplates[purpose] == nil, let plan = plans[job],
            (0..<engine.templateCount(job)).contains(position)
        else { return }
        let template: TaskTemplate
        let stored = try store.template(position, of: job)
        switch Stored<TaskTemplate>(stored, named: "its template \(position)") {
        case .value(let value): template = value
        case .problem(let problem):
            throw StoreError(kind: .other, operation: "read job \(plan.id)", message: problem)
        }
        _ = keep(
            WorkTemplate(
                purpose, job: plan.id, hasPreparation: plan.needsPreparation,
                environment: template.environment.map { ($0.name, $0.value) },
                secrets: template.environmentSecrets ?? [], maxWallTime: template.maxWallTime,
                resourceFiles: template.resourceFiles,
                applicationPackages: packages(ofJob: job), inputData: template.inputData,
                outputData: template.outputData, storageAccounts: template.storageAccounts ?? [],
                outputTables: template.outputTables ?? [], connections: template.connections ?? [],
                loadScope: "\(plan.id)/\(job)-\(engine.job(job)?.creationTime.milliseconds ?? 0)",
                hasOwnFiles: template.hasFactoryFile ?? false, activity: template.activity,
                recordsOutput: template.recordsOutput ?? false,
                mayBeLate: template.hasLateReferences ?? false))
    }

    func nodeJobTemplate(_ job: UInt32, _ plan: JobPlan, isRelease: Bool) -> WorkTemplate {
        let purpose: WorkTemplate.Purpose = isRelease ? .jobRelease(job: job) : .jobPreparation(job: job)
        if let known = workTemplates[purpose] { return known }
        return keep(
            WorkTemplate(
                purpose, job: plan.id, hasPreparation: plan.needsPreparation,
                environment: plan.environment.map { ($0.name, $0.value) },
                secrets: plan.environmentSecret.map { [EnvironmentSecret($0)] } ?? [],
                maxWallTime: isRelease ? Limits.releaseTime : nil, applicationPackages: packages(ofJob: job),
                inputData: isRelease ? nil : plan.inputData,
                storageAccounts: isRelease ? [] : plan.storageAccounts ?? [],
                connections: isRelease ? [] : plan.connections ?? []))
    }

    func startTaskTemplate(_ spec: PoolSpec) -> WorkTemplate {
        if let known = workTemplates[.startTask(spec.id)] { return known }
        let own = spec.startTask?.environmentVariables ?? []
        let variables = spec.nodePrepEnvironment + own
        let secrets = spec.nodePrepEnvironmentSecret.map { [EnvironmentSecret($0, yieldsTo: own)] } ?? []
        return keep(
            WorkTemplate(
                .startTask(spec.id), environment: variables.map { ($0.name, $0.value) }, secrets: secrets,
                resourceFiles: spec.resourceFiles + (spec.startTask?.resourceFiles ?? []),
                applicationPackages: spec.applicationPackages, inputData: spec.inputData,
                storageAccounts: spec.storageAccounts ?? [], connections: spec.connections ?? []))
    }

    private func packages(ofJob job: UInt32) -> [ApplicationPackageSpec] {
        engine.job(job).flatMap { specs[$0.pool] }?.applicationPackages ?? []
    }

    private func keep(_ template: WorkTemplate) -> WorkTemplate {
        workTemplates.keep(template)
        return template
    }
}
