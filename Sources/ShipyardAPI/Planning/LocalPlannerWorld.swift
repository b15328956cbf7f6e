import Glibc
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs

/// The jobs that are there already, as far as planning asks about them: the service's, or none.
package protocol ExistingJobs {
    func jobExists(_ job: JobID) throws(PlannerWorldError) -> Bool
    func hasTask(_ id: String, in job: JobID) throws(PlannerWorldError) -> Bool
    /// In any order.
    func forEachTaskID(
        in job: JobID, prefix: String, _ body: (String) -> Void
    ) throws(PlannerWorldError)
}

/// The planner's world on this machine: containers are directories below the home, `custom` generators are
/// run by `python3`, and randomness comes from the system.
///
/// One value serves one submission, because a generator's module stays loaded between the two passes.
package final class LocalPlannerWorld: PlannerWorld {
    private let storage: StoredFiles
    private let existing: (any ExistingJobs)?
    private let python: PythonGenerator
    private let isAbandoned: @Sendable () -> Bool

    /// - Parameters:
    ///   - home: the directory that holds `storage/<account>/<container>/…`.
    ///   - specDirectory: where Python modules are looked for first: the directory of the jobs file.
    ///   - existing: nil where no job can be there, as for `plan` without a service.
    ///   - caller: whose working directory and environment generators get.
    ///   - isAbandoned: whether planning shall end, since nobody waits for the plan any more.
    package init(
        home: String, specDirectory: String, existing: (any ExistingJobs)? = nil,
        caller: GeneratorCaller = .own, isAbandoned: @escaping @Sendable () -> Bool = { false }
    ) {
        storage = StoredFiles(root: home + "/storage", isAbandoned: isAbandoned)
        python = PythonGenerator(searchPath: specDirectory, caller: caller, isAbandoned: isAbandoned)
        self.existing = existing
        self.isAbandoned = isAbandoned
    }

    package var isStopped: Bool { isAbandoned() }

    package func jobExists(_ job: JobID) throws(PlannerWorldError) -> Bool {
        guard let existing else { return false }
        return try existing.jobExists(job)
    }

    package func hasTask(_ id: String, in job: JobID) throws(PlannerWorldError) -> Bool {
        guard let existing else { return false }
        return try existing.hasTask(id, in: job)
    }

    package func forEachTaskID(
        in job: JobID, prefix: String, _ body: (String) -> Void
    ) throws(PlannerWorldError) {
        try existing?.forEachTaskID(in: job, prefix: prefix, body)
    }

    package func forEachFile(in listing: FileListing, _ body: (String) -> Bool) throws(PlannerWorldError) {
        try storage.forEachFile(in: listing, body)
    }

    package func forEachRow(
        of generator: CustomFactorySpec, _ body: ([PythonValue]) -> Bool
    ) throws(PlannerWorldError) {
        try python.forEachRow(of: generator, body)
    }

    package func entropy() -> [UInt32] {
        var source = SystemRandomNumberGenerator()
        return (0..<8).map { _ in UInt32.random(in: .min ... .max, using: &source) }
    }
}
