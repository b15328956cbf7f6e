import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardSpecs
import ShipyardStaging

// From orders to messages: where work lies on a node, and what its environment says of that.

extension LocalSubstrate {
    package func start(_ work: WorkAssignment, on node: NodeHandle) {
        guard let link = links[node], link.isGreeted, let connection = link.connection else { return }
        let template = work.template
        let number = contexts.number(of: template)
        if contexts.mustTell(number, to: node) {
            connection.send(.context(context(number, template, root: link.root)))
        }
        connection.send(
            .start(
                WorkOrder(
                    id: work.id, context: number, name: directoryName(of: work), command: work.command,
                    needs: work.needs, staging: staging(of: work), secrets: work.secrets,
                    secretFiles: work.secretFiles, storageKeys: work.storageKeys, files: work.files,
                    upload: upload(of: work))))
        unflushed.insert(node)
    }

    package func cancel(_ work: WorkID, _ outcome: Outcome, on node: NodeHandle) {
        send(.kill(work, outcome), to: node)
    }

    package func removeFiles(_ id: RemovalID, of owner: FilesOwner, on node: NodeHandle) {
        send(.removeDirectory(id, path: NodeLayout.directory(of: owner)), to: node)
    }

    package func forgetRemoval(_ id: RemovalID, on node: NodeHandle) { send(.forgetRemoval(id), to: node) }

    package func reboot(_ node: NodeHandle) { send(.shutDown, to: node) }

    package func jobEnded(_ job: UInt32) {
        for (node, number) in contexts.forget(job: job) { send(.forgetContext(number), to: node) }
    }

    /// Lost where the node cannot be reached now: its next connection says what it knows.
    func send(_ message: ServiceMessage, to node: NodeHandle) {
        guard let link = links[node], link.isGreeted, let connection = link.connection else { return }
        connection.send(message)
        unflushed.insert(node)
    }

    // MARK: Contexts

    func directoryName(of work: WorkAssignment) -> String {
        switch work.id.kind {
        // Empty is no name: the agent refuses it.
        case .task: work.task ?? ""
        case .startTask: NodeLayout.startTaskName
        case .jobPreparation: NodeLayout.jobPreparationName
        case .jobRelease: NodeLayout.jobReleaseName
        }
    }

    func context(_ number: UInt32, _ template: WorkTemplate, root: String) -> WorkContext {
        let isStartTask = template.purpose.job == nil
        return WorkContext(
            number: number, parentDirectory: template.job.map { NodeLayout.jobDirectory($0.text) } ?? "",
            environment: environment(template, root: root)
                + template.environment.filter { !TaskTokens.isReserved($0.name) } + apiVariables(template),
            maxWallTime: template.maxWallTime,
            staging: staging(template, packages: isStartTask ? template.applicationPackages : []),
            upload: template.hasLateData ? nil : upload(template), uploadsAfter: uploadConditions(template),
            recordsOutput: template.recordsOutput)
    }

    /// What the user's own variables may override.
    private func environment(_ template: WorkTemplate, root: String) -> [(name: String, value: String)] {
        var environment = [
            ("AZ_BATCH_ACCOUNT_NAME", "local"), ("AZ_BATCH_ACCOUNT_URL", "unix://\(layout.socket)"),
        ]
        for package in template.applicationPackages {
            let directory = "\(root)/applications/\(package.directoryName)"
            for name in package.variableNames { environment.append((name, directory)) }
        }
        guard let job = template.job else { return environment }
        environment.append(("AZ_BATCH_JOB_ID", job.text))
        if template.hasPreparation {
            let directory = "\(root)/\(NodeLayout.jobDirectory(job.text))/\(NodeLayout.jobPreparationName)"
            environment.append(("AZ_BATCH_JOB_PREP_DIR", directory))
            environment.append(("AZ_BATCH_JOB_PREP_WORKING_DIR", directory + "/wd"))
        }
        return environment
    }

    /// Where the API is that a token of `TaskTokens` opens; a start task, which is no job's, has none.
    private func apiVariables(_ template: WorkTemplate) -> [(name: String, value: String)] {
        template.job == nil ? [] : [(TaskTokens.socketVariable, layout.socket)]
    }

    /// The manifest that `node-stage` reads. Nil when there is nothing to put in place, which spares a process.
    private func staging(_ template: WorkTemplate, packages: [ApplicationPackageSpec]) -> String? {
        var manifest = StagingManifest(
            applicationPackages: packages.map {
                .init(id: $0.id, version: $0.version, archive: $0.path, directory: $0.directoryName)
            },
            resourceFiles: template.resourceFiles.map {
                .init(source: $0.blobSource, path: $0.filePath, mode: $0.fileMode, sha256: $0.sha256)
            })
        if !template.hasLateData { manifest.add(template.inputData) }
        guard !manifest.isEmpty || template.hasOwnFiles else { return nil }
        addStores(of: template, to: &manifest)
        addDeletions(of: template, to: &manifest)
        return jsonText(manifest)
    }

    /// The manifest that `node-upload` reads.
    private func upload(_ template: WorkTemplate, _ late: WorkAssignment.LateData? = nil) -> String? {
        guard !uploadConditions(template).isEmpty else { return nil }
        var manifest = StagingManifest()
        manifest.outputs = late?.output ?? template.outputData
        manifest.tables = template.outputTables
        manifest.loadScope = loadScope(of: template)
        let input = late == nil ? template.inputData : late?.input
        if template.deletesInputs { manifest.inputs = input?.azureStorage ?? [] }
        addDeletions(of: template, to: &manifest)
        addStores(of: template, to: &manifest)
        return jsonText(manifest)
    }

    private func upload(of work: WorkAssignment) -> String? {
        work.lateData.flatMap { upload(work.template, $0) }
    }

    private func uploadConditions(_ template: WorkTemplate) -> UploadConditions {
        UploadConditions(template.outputData)
            .union(template.deletesInputs || !template.outputTables.isEmpty ? .success : [])
    }

    private func loadScope(of template: WorkTemplate) -> String { "\(lives.state)/\(template.loadScope)" }

    /// What the task needs to know whether it has done its work before.
    private func addDeletions(of template: WorkTemplate, to manifest: inout StagingManifest) {
        guard template.deletesInputs, case .task = template.purpose else { return }
        manifest.loadScope = loadScope(of: template)
        manifest.deletions = layout.deletions
    }

    private func addStores(of template: WorkTemplate, to manifest: inout StagingManifest) {
        manifest.accounts = template.storageAccounts
        if manifest.accounts.contains(where: { $0.kind == .embedded }) {
            manifest.embeddedRoot = layout.storage
        }
        manifest.connections = template.connections
        if !manifest.connections.isEmpty { manifest.databaseRoot = layout.databases }
    }

    /// What this one has of its own: a file of its factory, data that others' outputs name, and where the files of other
    /// tasks are.
    private func staging(of work: WorkAssignment) -> String? {
        guard !work.taskFiles.isEmpty || work.lateData?.input != nil else { return work.staging }
        var manifest = StagingManifest()
        if let late = work.lateData {
            manifest.add(late.input)
            addStores(of: work.template, to: &manifest)
            addDeletions(of: work.template, to: &manifest)
        }
        manifest.taskFilePlaces = work.taskFiles.map { source in
            TaskFilesPlace(
                root: layout.nodeRoot(source.node, of: source.pool),
                directory: "\(NodeLayout.jobDirectory(source.job.text))/\(source.task)", job: source.jobNumber
            )
        }
        // Rules first, in the order that the template has, then a file of the factory.
        return [jsonText(manifest), work.staging].compactMap(\.self).joined(separator: "\n")
    }
}

extension StagingManifest {
    fileprivate mutating func add(_ input: InputDataSpec?) {
        taskFiles = input?.azureBatch ?? []
        inputs = input?.azureStorage ?? []
        layouts = input?.layouts ?? []
        queries = input?.queries ?? []
        storageIsFirst = input?.storageIsFirst ?? false
    }
}

extension WorkTemplate {
    fileprivate var deletesInputs: Bool {
        inputData?.azureStorage.contains { $0.deletesFilesAfterCompletion == true } == true
    }
}

extension UploadConditions {
    fileprivate init(_ rules: [StorageTransferSpec]) {
        self = []
        if rules.contains(where: { $0.condition.holds(hasSucceeded: true) }) { insert(.success) }
        if rules.contains(where: { $0.condition.holds(hasSucceeded: false) }) { insert(.failure) }
    }
}

extension NodeLayout {
    /// Relative to the node's root.
    static func directory(of owner: FilesOwner) -> String {
        switch owner {
        case .job(let job): jobRoot(job.text)
        case .task(let task, let job): "\(jobDirectory(job.text))/\(task)"
        }
    }
}

extension ApplicationPackageSpec {
    /// Below `applications/`; one directory for each version.
    fileprivate var directoryName: String { "\(id)/\(version)" }

    /// The variables that name the package's directory: with its version, and without.
    fileprivate var variableNames: [String] {
        [ApplicationPackageVariable.name(id: id, version: version), ApplicationPackageVariable.name(id: id)]
    }
}
