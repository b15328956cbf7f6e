import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore

/// What the work of one turn needs beside its template: read once for all of it, and gone with the turn.
struct OrderNeeds {
    var secrets: TurnSecrets
    fileprivate var credentials = ResolvedCredentials()
    fileprivate var keys: [ObjectIdentifier: Result<Secret?, SecretFailure>] = [:]
    fileprivate var taskFiles: [ObjectIdentifier: Result<[TaskFilesSource], TaskFilesMissing>] = [:]

    let late: LateValues

    init(_ secrets: TurnSecrets, _ late: LateValues) {
        self.secrets = secrets
        self.late = late
    }
}

/// A sentence that says which files of a task are not there.
struct TaskFilesMissing: Error { let sentence: String }

extension ServiceCore {
    func storageKeys(of template: WorkTemplate, _ needs: inout OrderNeeds) throws(SecretFailure) -> Secret? {
        guard template.needsKeys else { return nil }
        let id = ObjectIdentifier(template)
        if let known = needs.keys[id] { return try known.get() }
        let found: Result<Secret?, SecretFailure>
        do throws(SecretFailure) {
            var keys: [String: StorageKeys] = [:]
            for account in template.storageAccounts { keys[account.alias] = try self.keys(for: account, &needs.credentials) }
            var urls: [String: Secret] = [:]
            for connection in template.connections { urls[connection.alias] = try url(for: connection, &needs.credentials) }
            found = .success(
                Secret(lines: [StorageKeyLine.secret(of: keys), ConnectionURLLine.secret(of: urls)].compactMap(\.self)))
        } catch {
            found = .failure(error)
        }
        needs.keys[id] = found
        return try found.get()
    }

    private func keys(
        for account: StorageAccount, _ credentials: inout ResolvedCredentials
    ) throws(SecretFailure) -> StorageKeys {
        do throws(SecretFailure) {
            return try storageKeys.keys(for: account, &credentials)
        } catch {
            throw SecretFailure("The keys of the \(account.place) cannot be had: \(error.reason).")
        }
    }

    private func url(
        for connection: SQLConnection, _ credentials: inout ResolvedCredentials
    ) throws(SecretFailure) -> Secret? {
        do throws(SecretFailure) {
            return try storageKeys.url(for: connection, &credentials)
        } catch {
            throw SecretFailure("The URL of the database \(connection.shown) cannot be had: \(error.reason).")
        }
    }

    /// Which tasks the files of `azure_batch` are of. Where they lie is known to the substrate.
    func taskFiles(
        of template: WorkTemplate, _ needs: inout OrderNeeds
    ) throws(TaskFilesMissing) -> [TaskFilesSource] {
        guard let specs = template.inputData?.azureBatch, !specs.isEmpty else { return [] }
        let id = ObjectIdentifier(template)
        if let known = needs.taskFiles[id] { return try known.get() }
        var sources: [TaskFilesSource] = []
        var found: Result<[TaskFilesSource], TaskFilesMissing>?
        for spec in specs where found == nil {
            do throws(TaskFilesMissing) {
                sources.append(try source(of: spec))
            } catch {
                found = .failure(error)
            }
        }
        let result = found ?? .success(sources)
        needs.taskFiles[id] = result
        return try result.get()
    }

    private func source(of spec: InputDataSpec.TaskFiles) throws(TaskFilesMissing) -> TaskFilesSource {
        let who = "The files of task `\(spec.taskID)` of job `\(spec.jobID)` cannot be had"
        guard let id = JobID(spec.jobID), let number = engine.jobNumber(id), let job = engine.job(number)
        else {
            throw TaskFilesMissing(sentence: "\(who): there is no such job.")
        }
        do throws(StoreError) {
            guard let ordinal = try store.ordinal(of: spec.taskID, in: number) else {
                throw StoreError(kind: .other, operation: "", message: "the job has no such task")
            }
            let progress = try store.progress(of: TaskKey(job: number, ordinal: ordinal))
            guard let node = progress?.node else {
                throw StoreError(kind: .other, operation: "", message: "the task has not run yet")
            }
            return TaskFilesSource(pool: job.pool, node: node, job: id, jobNumber: number, task: spec.taskID)
        } catch {
            throw TaskFilesMissing(sentence: "\(who): \(error.message).")
        }
    }
}

extension WorkTemplate {
    fileprivate var needsKeys: Bool {
        storageAccounts.contains { $0.kind != .embedded } || connections.contains { $0.kind != .sqlite }
    }
}
