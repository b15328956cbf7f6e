import ShipyardEngine
import ShipyardFileStore
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardStore

/// The turns of a service, as far as submissions need them.
package protocol SubmissionTurns: Sendable {
    /// Files on nodes.
    var files: any FilesOfNodes { get }
    var storageKeys: StorageKeyRing { get }
    /// Runs `body` within a turn and answers when the turn is committed.
    func perform<Answer: Sendable>(
        isPromise: Bool, _ body: @escaping @Sendable (ServiceCore, Moment) throws(Refusal) -> Answer
    ) throws(Refusal) -> Answer
    /// Asks the engine something.
    func inspect<Answer: Sendable>(
        patience: TimeSpan, _ body: @escaping @Sendable (borrowing Engine) -> Answer
    ) throws(Refusal) -> Answer
}

extension ServiceLoop: SubmissionTurns {}

/// Where submissions to one service come in, from whomever.
package struct Submissions: Sendable {
    let turns: any SubmissionTurns
    let readers: StoreReaderPool
    let layout: HomeLayout
    let underWay = SubmissionsUnderWay()
    let packageArrivals = PackageArrivals()

    package init(turns: any SubmissionTurns, readers: StoreReaderPool, layout: HomeLayout) {
        self.turns = turns
        self.readers = readers
        self.layout = layout
    }

    /// What clients bring is remembered for schedules, whose runs come without keys.
    var storageKeys: StorageKeyRing { turns.storageKeys }

    /// With the values of the secrets that it names. A secret that holds a whole credentials file must be there, since nobody
    /// knows the accounts without it; another one is missed by whoever needs it.
    func resolved(_ credentials: CredentialsSpec) throws(SubmissionError) -> CredentialsSpec {
        let resolved = storageKeys.resolved(credentials)
        if credentials.innerSecret != nil, let failure = resolved.failure(at: ["credentials"]) {
            throw .refused(.invalid, "SecretMissing", failure.reason)
        }
        return resolved
    }

    /// What a store says where there are no keys to open it.
    static func keys(
        _ ring: StorageKeyRing, _ account: StorageAccount
    ) throws(FileStoreError) -> StorageKeys {
        do throws(SecretFailure) {
            return try ring.keys(for: account)
        } catch {
            throw FileStoreError(
                .authenticationFailed,
                "the keys of storage account `\(account.alias)` cannot be had: \(error.reason)")
        }
    }

    /// Opens a store with the keys that are known here.
    package var openStore: StoreOpener {
        let (keys, stores) = (storageKeys, FileStores(embeddedRoot: layout.storage))
        return { account, gauge throws(FileStoreError) in
            try stores.open(account, Self.keys(keys, account), gauge)
        }
    }

    /// Makes the pool of the pool file; answers its id. Runs on the caller's own thread, as `addJobs` does: reading
    /// and planning a large spec takes seconds, and the service loop must not.
    ///
    /// - Parameter isAbandoned: whether nobody waits for the answer: then nothing is planned any longer, and
    ///   nothing is taken.
    package func addPool(
        _ submission: Submission, isAbandoned: @escaping @Sendable () -> Bool
    ) throws(SubmissionError) -> PoolID {
        try Submitter(self, submission, isAbandoned: isAbandoned).addPool()
    }

    /// Makes the jobs of the jobs file, or adds tasks to those that are there.
    package func addJobs(
        _ submission: Submission, isAbandoned: @escaping @Sendable () -> Bool
    ) throws(SubmissionError) -> SubmittedJobs {
        try Submitter(self, submission, isAbandoned: isAbandoned).addJobs()
    }

    // MARK: - For those who make them

    func perform<Answer: Sendable>(
        isPromise: Bool = true,
        _ body: @escaping @Sendable (ServiceCore, Moment) throws(Refusal) -> Answer
    ) throws(SubmissionError) -> Answer {
        do throws(Refusal) {
            return try turns.perform(isPromise: isPromise, body)
        } catch {
            throw .refused(error)
        }
    }

    func inspect<Answer: Sendable>(
        _ body: @escaping @Sendable (borrowing Engine) -> Answer
    ) throws(SubmissionError) -> Answer {
        do throws(Refusal) {
            return try turns.inspect(patience: ServiceLoop.inspectionPatience, body)
        } catch {
            throw .refused(error)
        }
    }

    func read<Answer>(
        _ body: (StoreReader) throws(StoreError) -> Answer
    ) throws(SubmissionError) -> Answer {
        do throws(StoreError) {
            return try readers.read(body)
        } catch {
            throw .refused(Refusal(error))
        }
    }
}
