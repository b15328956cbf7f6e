import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardSubmission

/// The planner's world of `plan`: no job is there, what is stored is listed where it is, `custom` generators
/// are run by `python3`, and randomness comes from the system.
///
/// One value serves one plan, because a generator's module stays loaded between the two passes.
package final class LocalPlannerWorld: PlannerWorld {
    private let storage: StoredFiles
    private let python: PythonGenerator

    /// - Parameters:
    ///   - home: the directory that holds `storage/<account>/<container>/…`.
    ///   - credentials: what opens stores elsewhere; nil where none were given.
    ///   - specDirectory: where Python modules are looked for first: the directory of the jobs file.
    package init(
        home: String, credentials: CredentialsSpec? = nil, specDirectory: String, caller: GeneratorCaller = .own
    ) {
        storage = StoredFiles(home: home) { account throws(SecretFailure) in
            guard let keys = credentials?.keys(ofSame: account) else { throw SecretFailure("the credentials have none") }
            return keys
        }
        python = PythonGenerator(searchPath: specDirectory, caller: caller)
    }

    package func jobExists(_ job: JobID) -> Bool { false }
    package func hasTask(_ id: String, in job: JobID) -> Bool { false }
    package func forEachTaskID(in job: JobID, prefix: String, _ body: (String) -> Void) {}

    package func forEachFile(in listing: FileListing, _ body: (String) -> Bool) throws(PlannerWorldError) {
        try storage.forEachFile(in: listing, body)
    }

    package func forEachRow(
        of generator: CustomFactorySpec, in call: GeneratorCall, _ body: ([PythonValue]) -> Bool
    ) throws(PlannerWorldError) {
        try python.forEachRow(of: generator, body)
    }

    package func entropy() -> [UInt32] { systemEntropy() }
}
