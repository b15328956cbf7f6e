import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSpecs
import ShipyardSystem
import ShipyardTables

/// The body of `shipyard-swift node-upload`, which a node agent runs after a command whose files are to be stored: the other
/// verb of `NodeStage`, with the same manifests.
package enum NodeUpload {
    /// 0, or 1 after one line of JSON on standard output: `{"code":"FileUploadMiscError","message":"…"}`.
    package static func run() -> Int32 {
        OwnProcess.hide()
        let report = ProgressReport()
        do throws(UploadProblem) {
            let (manifest, keys): (StagingManifest, [String: StorageKeys])
            let urls: [String: Secret]
            do throws(StagingFailure) {
                let input = try NodeStage.readStandardInput()
                (manifest, keys) = try NodeStage.manifest(in: input)
                urls = ConnectionURLLine.urls(in: input)
            } catch {
                throw UploadProblem(UploadFailure(.miscError, error.message))
            }
            report.begin()
            try upload(manifest, keys, urls, in: ".", report, variable: DataMover.environment)
            report.end()
            return 0
        } catch {
            report.end()
            NodeStage.say([
                "code": .string(error.failure.fault.code), "message": .string(error.failure.message),
            ])
            return 1
        }
    }

    struct UploadProblem: Error {
        let failure: UploadFailure
        init(_ failure: UploadFailure) { self.failure = failure }
    }

    /// Every rule whose condition holds, whatever becomes of the others. Throws the first failure, with the number of others.
    static func upload(
        _ manifest: StagingManifest, _ keys: [String: StorageKeys], _ urls: [String: Secret] = [:], in workingDirectory: String,
        _ report: ProgressReport, variable: @escaping (String) -> [UInt8]?
    ) throws(UploadProblem) {
        let mover = DataMover(manifest, keys, in: workingDirectory, report, variable: variable)
        let task = mover.task
        var failures: [FileStoreError] = []
        for rule in manifest.outputs where rule.condition.holds(hasSucceeded: manifest.hasSucceeded) {
            do throws(FileStoreError) {
                try mover.upload(rule, task: task)
            } catch {
                failures.append(error)
            }
        }
        if let first = failures.first {
            let others =
                failures.count == 1
                ? "" : "; and \(failures.count - 1) more of its \(manifest.outputs.count) rules failed"
            throw UploadProblem(UploadFailure(UploadFault(first.code), "\(first.description)\(others)"))
        }
        guard manifest.hasSucceeded else { return }
        // Whoever sees rows finds the files that belong to them.
        try load(manifest.tables, TableMover(manifest, urls, mover, report), task: task)
        // Whatever was stored must be stored before that of which it was made goes.
        try deleteFetched(manifest, mover)
    }

    private static func deleteFetched(_ manifest: StagingManifest, _ mover: DataMover) throws(UploadProblem) {
        guard manifest.deletesInputs, mover.mayDeleteFetched(manifest) else { return }
        let record = DeletionRecord(manifest, task: mover.task)
        do throws(FileStoreError) {
            let parts: [DeletionRecord.Part]
            // Of an earlier try that was cut off here: its list is the whole one, whatever the task's says.
            if let begun = try record?.read() { parts = begun } else { parts = try mover.fetched() }
            guard parts.contains(where: { !$0.files.isEmpty }) else { return }
            try record?.write(parts)
            for part in parts { try mover.delete(part) }
            try record?.remove()
        } catch {
            throw UploadProblem(
                UploadFailure(
                    UploadFault(error.code), "What was fetched could not be deleted: \(error.description)"))
        }
    }

    /// In the order in which they are written; what follows one that has failed may need its rows, and is not loaded.
    private static func load(
        _ rules: [TableLoadSpec], _ mover: TableMover, task: BytePath
    ) throws(UploadProblem) {
        for (index, rule) in rules.enumerated() {
            do throws(TableError) {
                try mover.load(rule, at: index, task: task)
            } catch {
                let rest = rules.count - index - 1
                let others = rest == 0 ? "" : "; the loads after it (\(rest)) were not begun"
                throw UploadProblem(
                    UploadFailure(
                        UploadFault(error.kind), "Table `\(rule.target.table)`: \(error.description)\(others)"))
            }
        }
    }
}

extension StorageTransferSpec.Condition {
    package func holds(hasSucceeded: Bool) -> Bool {
        switch self {
        case .taskSuccess: hasSucceeded
        case .taskFailure: !hasSucceeded
        case .taskCompletion: true
        }
    }
}

extension UploadFault {
    init(_ code: FileStoreError.Code) {
        switch code {
        case .containerNotFound: self = .containerNotFound
        case .authenticationFailed, .authorizationFailure, .requestTimeTooSkewed: self = .accessDenied
        case .operationTimedOut: self = .timedOut
        case .insufficientSpace: self = .insufficientSpace
        default: self = .miscError
        }
    }
}

extension StagingFault {
    init(_ error: FileStoreError) {
        switch error.code {
        case .containerNotFound, .blobNotFound: self = .blobNotFound
        case .authenticationFailed, .authorizationFailure, .requestTimeTooSkewed: self = .blobAccessDenied
        case .operationTimedOut: self = .blobDownloadTimedOut
        case .localFile: self = .resourceFileWriteFailed
        default: self = .blobDownloadMiscError
        }
    }
}
