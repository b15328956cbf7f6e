import ShipyardModel
import ShipyardSpecs

/// Which templates there are. Each may be half a kilobyte and a file may need half a million, so they are kept once.
struct TemplateNumbers {
    /// The latest of each hash, and for each the one of the same hash before it.
    private var latest: [Int: Int32] = [:]
    private var earlier: [Int32] = []
    private var texts: [Int] = []

    /// Two whose texts only look alike are two.
    mutating func number(of template: TaskTemplate, in templates: inout [TaskTemplate]) -> Int {
        let text = Self.textHash(of: template)
        var hasher = Hasher()
        hasher.combine(template)
        hasher.combine(text)
        let hash = hasher.finalize()
        var candidate = latest[hash] ?? -1
        while candidate >= 0 {
            let number = Int(candidate)
            if texts[number] == text, templates[number] == template { return number }
            candidate = earlier[number]
        }
        earlier.append(latest[hash] ?? -1)
        texts.append(text)
        latest[hash] = Int32(templates.count)
        templates.append(template)
        return templates.count - 1
    }

    /// Of the code points of what a user may have written; all else is compared by the template alone.
    private static func textHash(of template: TaskTemplate) -> Int {
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
            add(transfer, to: &hasher)
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
        return hasher.finalize()
    }

    private static func add(_ transfer: StorageTransferSpec, to hasher: inout Hasher) {
        let texts = [
            transfer.storageAccountSettings, transfer.remotePath, transfer.localPath ?? "",
            transfer.blobxferExtraOptions ?? "",
        ]
        for text in texts + transfer.include + transfer.exclude { hasher.combine(codePointsOf: text) }
    }
}
