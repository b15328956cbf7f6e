import ShipyardModel
import ShipyardSpecs

/// A template as it is told from others: two whose texts only look alike are two.
struct TemplateKey: Hashable {
    private let template: TaskTemplate
    /// Of the code points of what a user may have written; all else is compared by `template` alone.
    private let texts: Int

    init(_ template: TaskTemplate) {
        self.template = template
        var hasher = Hasher()
        for variable in template.environment {
            hasher.combine(codePointsOf: variable.name)
            hasher.combine(codePointsOf: variable.value)
        }
        for name in (template.environmentSecrets ?? []).flatMap(\.yieldsTo) { hasher.combine(codePointsOf: name) }
        for file in template.resourceFiles {
            hasher.combine(codePointsOf: file.filePath)
            hasher.combine(codePointsOf: "\(file.blobSource)")
        }
        for transfer in template.outputData + (template.inputData?.azureStorage ?? []) {
            Self.add(transfer, to: &hasher)
        }
        for files in template.inputData?.azureBatch ?? [] {
            for text in [files.destination ?? ""] + files.include + files.exclude { hasher.combine(codePointsOf: text) }
        }
        for layout in template.inputData?.layouts ?? [] { hasher.combine(codePointsOf: layout.remotePath) }
        for query in template.inputData?.queries ?? [] {
            for text in [query.query, query.destination] + query.parameters { hasher.combine(codePointsOf: text) }
        }
        for table in template.outputTables ?? [] { hasher.combine(codePointsOf: "\(table)") }
        for name in template.dataVolumes + template.sharedDataVolumes { hasher.combine(codePointsOf: name) }
        if let activity = template.activity { hasher.combine(codePointsOf: "\(activity)") }
        if let instances = template.multiInstance { hasher.combine(codePointsOf: "\(instances)") }
        texts = hasher.finalize()
    }

    private static func add(_ transfer: StorageTransferSpec, to hasher: inout Hasher) {
        let texts = [
            transfer.storageAccountSettings, transfer.remotePath, transfer.localPath ?? "",
            transfer.blobxferExtraOptions ?? "",
        ]
        for text in texts + transfer.include + transfer.exclude { hasher.combine(codePointsOf: text) }
    }
}
