import ShipyardEngine
import ShipyardHTTPClient
import ShipyardModel
import ShipyardService
import ShipyardStore
import ShipyardSubmission

/// The API of one service: what each path does. docs/api.md says it for users.
package struct APIRoutes: Sendable {
    let loop: ServiceLoop
    let readers: StoreReaderPool
    let layout: HomeLayout
    let submissions: Submissions
    let triggers: StorageTriggers
    let identity: ServiceIdentity
    let plans = PlanSummaries()

    /// What never changes while the service runs.
    package struct ServiceIdentity: Sendable {
        var version: String
        var processID: Int32
        var startTime: Instant
    }

    package func router() -> Router {
        var router = Router()
        addService(to: &router)
        addPackages(to: &router)
        addPools(to: &router)
        addJobs(to: &router)
        addTasks(to: &router)
        addSchedules(to: &router)
        addFiles(to: &router)
        addOrphans(to: &router)
        addTriggers(to: &router)
        addMetadata(to: &router)
        addReruns(to: &router)
        addReach(to: &router)
        addNames(to: &router)
        return router
    }

    /// Registers a handler that may fail.
    func on(
        _ method: HTTPMethod, _ pattern: String, in router: inout Router,
        _ handler: @escaping @Sendable (HTTPRequest) throws(APIFailure) -> HTTPReply
    ) {
        router.on(method, pattern) { request in
            do throws(APIFailure) {
                return try handler(request)
            } catch {
                return error.reply
            }
        }
    }

    /// Runs a command in a turn of the service and waits for its commit.
    func perform<Answer: Sendable>(
        isPromise: Bool = true,
        _ body: @escaping @Sendable (ServiceCore, Moment) throws(Refusal) -> Answer
    ) throws(APIFailure) -> Answer {
        do throws(Refusal) {
            return try loop.perform(isPromise: isPromise, body)
        } catch {
            throw APIFailure(error)
        }
    }

    /// Asks the engine something.
    func inspect<Answer: Sendable>(
        patience: TimeSpan = ServiceLoop.inspectionPatience,
        _ body: @escaping @Sendable (borrowing Engine) -> Answer
    ) throws(APIFailure) -> Answer {
        do throws(Refusal) {
            return try loop.inspect(patience: patience, body)
        } catch {
            throw APIFailure(error)
        }
    }

    func planSummary(of job: JobRecord) throws(APIFailure) -> PlanSummaries.Summary {
        do throws(StoreError) {
            return try plans.summary(of: job, readers)
        } catch {
            throw APIFailure(error)
        }
    }

    func read<Answer>(_ body: (StoreReader) throws(StoreError) -> Answer) throws(APIFailure) -> Answer {
        do throws(StoreError) {
            return try readers.read(body)
        } catch {
            throw APIFailure(error)
        }
    }

    func body<Value: Decodable>(of request: HTTPRequest, as type: Value.Type) throws(APIFailure) -> Value {
        do throws(JSONError) {
            return try request.decodeBody(as: type)
        } catch {
            throw APIFailure(400, "InvalidRequestBody", "the body is not what this path takes: \(error)")
        }
    }

    /// A query's value as a number, `least` or more; nil where it is not given.
    func number(
        _ name: String, atLeast least: Int64, in request: HTTPRequest
    ) throws(APIFailure) -> Int64? {
        guard let text = request.queryValue(name) else { return nil }
        guard let number = Int64(text), number >= least else {
            throw APIFailure(
                400, "InvalidQueryParameter", "`\(name)` is a whole number, \(least) or more, not `\(text)`")
        }
        return number
    }

    private func addService(to router: inout Router) {
        on(.get, "/service", in: &router) { _ throws(APIFailure) in .json(try serviceResponse()) }
        on(.post, "/service/stop", in: &router) { _ throws(APIFailure) in
            loop.stop()
            return HTTPReply(status: 202)
        }
    }

    /// Answers also where there is no state to work on: whoever wants to stop the service asks this first.
    private func serviceResponse() throws(APIFailure) -> ServiceResponse {
        var response = ServiceResponse(
            version: identity.version, processId: identity.processID, home: layout.home,
            startTime: identity.startTime.iso8601)
        // The directories first: a node that is added meanwhile is known before it has one.
        let directories = OrphanedNode.all(below: layout)
        do throws(Refusal) {
            let state = try loop.inspect(patience: .seconds(1)) { engine in
                let jobs = engine.jobsInOrder.compactMap { engine.job($0) }
                let active = jobs.count { $0.state != .completed }
                let schedules = engine.schedulesInOrder.compactMap { engine.schedule($0) }
                return (engine.poolIDs.count, active, engine.footprint, engine.knownRoots(), schedules)
            }
            response.pools = state.0
            response.activeJobs = state.1
            response.activeSchedules = state.4.count { $0.state == .active }
            let failing = state.4.filter { $0.failedStarts >= ScheduleResponse.failedStartsToTell }
            response.schedulesThatCannotStart = failing.isEmpty ? nil : failing.map(\.id.text)
            response.engineBytes = state.2.bytes
            response.engineTasks = state.2.tasks
            response.orphanedNodes = directories.count { !$0.isOf(state.3) }
        } catch {
            guard error.isOfStore else { throw APIFailure(error) }
            response.problem = error.message
        }
        return response
    }
}

/// A list as every path of the API wraps it.
struct ListBody<Item: Codable & Sendable>: Codable, Sendable {
    var value: [Item]
    /// Where the next page starts; absent on the last one.
    var next: Int?
}
