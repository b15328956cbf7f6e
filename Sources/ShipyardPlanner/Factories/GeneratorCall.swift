import ShipyardModel
import ShipyardSpecs

/// One call of a `custom` factory's generator. Its rows may have been made beforehand, somewhere else: this is
/// what they are found by.
package struct GeneratorCall: Codable, Hashable, Sendable {
    /// What is planned comes from the second call.
    package enum Pass: String, Codable, Sendable { case check, build }

    package var job: JobID
    /// Position in the job's `tasks`; the merge task comes behind the last.
    package var entry: Int
    package var pass: Pass

    package init(job: JobID, entry: Int, pass: Pass) {
        self.job = job
        self.entry = entry
        self.pass = pass
    }
}

extension JobsSpec {
    /// The calls that planning makes, in its order: of each job the checks, and then the builds. One whose check
    /// fails is not built.
    package var generatorCalls: [(call: GeneratorCall, generator: CustomFactorySpec)] {
        var calls: [(call: GeneratorCall, generator: CustomFactorySpec)] = []
        for job in jobs {
            let tasks = job.tasks + (job.mergeTask.map { [$0] } ?? [])
            for pass in [GeneratorCall.Pass.check, .build] {
                for (entry, task) in tasks.enumerated() {
                    guard case .custom(let generator) = task.factory else { continue }
                    calls.append((GeneratorCall(job: job.id.value, entry: entry, pass: pass), generator))
                }
            }
        }
        return calls
    }
}
