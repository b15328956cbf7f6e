import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardStore

/// Which secrets the work of a job gets. Templates never change, so each is looked at once.
struct SecretsOfJob {
    var references: Set<SecretReference> = []
    var templateCount = 0
}

extension ServiceCore {
    /// A sentence about how work has ended may quote what it printed, or a name that it was given; an output is all its own.
    func masked(_ result: AttemptResult, of work: WorkID, on node: NodeHandle) -> AttemptResult {
        var parts = result.outcome.parts
        guard parts.text != nil || result.uploadFailure != nil || result.output != nil else { return result }
        let isKnown = knowsSecrets(of: work, on: node)
        let mask = handedSecrets.mask
        var result = result
        if let text = parts.text {
            parts.text = mask.masked(text)
            result.outcome = Outcome(parts) ?? result.outcome
        }
        if let message = result.uploadFailure?.message { result.uploadFailure?.message = mask.masked(message) }
        if case .document(let text) = result.output {
            result.output = .document(isKnown ? mask.masked(json: text) : "\"\(Secret.mask)\"")
        }
        return result
    }

    /// A task may have put a value into the name of a file.
    func masked(_ failure: RemovalFailure) -> RemovalFailure {
        let texts = maskedByAll([failure.path, failure.reason])
        return RemovalFailure(path: texts[0], reason: texts[1])
    }

    /// What is told of files and processes that are being removed. Whose they were is not asked: their job may be gone.
    func maskedByAll(_ texts: [String]) -> [String] {
        guard !texts.isEmpty else { return [] }
        let mask = (try? SecretMasks(secrets, handedSecrets).mask(ofAllAnd: [])) ?? handedSecrets.mask
        return texts.map { mask.masked($0) }
    }

    /// Whether the values that the work got are among those that are masked. An earlier service may have handed them out; they
    /// are looked up then as they are now.
    private func knowsSecrets(of work: WorkID, on node: NodeHandle) -> Bool {
        let references: Set<SecretReference>
        do throws(StoreError) {
            references = try self.references(of: work, on: node)
        } catch {
            failedRead = error
            return false
        }
        for reference in references where !noticedSecrets.contains(reference) {
            guard let versions = try? secrets.everyVersion(of: reference) else { return false }
            handedSecrets.note(versions.flatMap(SecretMasks.values), of: reference)
            noticedSecrets.insert(reference)
        }
        return true
    }

    private func references(of work: WorkID, on node: NodeHandle) throws(StoreError) -> Set<SecretReference> {
        let job: UInt32
        switch work.kind {
        case .startTask:
            let spec = specs[engine.nodeRecord(node).pool]
            return Set([spec?.nodePrepEnvironmentSecret].compactMap(\.self))
        case .jobPreparation, .jobRelease: job = UInt32(truncatingIfNeeded: work.key)
        case .task: job = TaskKey(rawValue: work.key).job
        }
        var known = secretsOfJobs[job] ?? SecretsOfJob()
        let count = engine.templateCount(job)
        if known.templateCount < count || secretsOfJobs[job] == nil {
            if let secret = plans[job]?.environmentSecret { known.references.insert(secret) }
            for template in try store.templates(of: job, from: known.templateCount) {
                known.templateCount = template.position + 1
                guard let read = try? TaskTemplate(template.document, named: "") else { continue }
                known.references.formUnion((read.environmentSecrets ?? []).map(\.id))
                known.references.formUnion((read.secretFiles ?? []).map(\.id))
            }
            secretsOfJobs[job] = known
        }
        return known.references
    }
}
