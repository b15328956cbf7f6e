import ShipyardModel
import ShipyardService
import ShipyardSubmission

extension APIRoutes {
    func addReruns(to router: inout Router) {
        on(.post, "/jobs/{job}/rerun", in: &router) { request throws(APIFailure) in
            let wanted = try body(of: request, as: RerunRequestBody.self)
            let asked = RerunRequest(
                job: request.parameters["job"] ?? "", number: wanted.number, try wanted.selection(),
                identity: wanted.submissionId)
            do throws(SubmissionError) {
                let answer = try submissions.rerun(asked, isAbandoned: request.isAbandoned)
                return .json(RerunResponse(answer), status: 202)
            } catch {
                throw APIFailure(error)
            }
        }
        on(.get, "/jobs/{job}/run", in: &router) { request throws(APIFailure) in
            .json(try runView(of: request.parameters["job"] ?? ""))
        }
    }
}

extension RerunRequestBody {
    fileprivate func selection() throws(APIFailure) -> RerunRequest.Selection {
        var found: [RerunRequest.Selection] = []
        if failed == true { found.append(.failed) }
        if all == true { found.append(.all) }
        if let tasks, !tasks.isEmpty { found.append(.tasks(tasks)) }
        if let from, !from.isEmpty { found.append(.from(from)) }
        guard found.count == 1 else {
            throw APIFailure(
                400, "InvalidRequestBody",
                "a rerun is of one of `failed` (true), `all` (true), `tasks` (ids), `from` (ids)")
        }
        return found[0]
    }
}

extension RerunResponse {
    init(_ answer: RerunAnswer) {
        self.init(
            jobId: answer.job, poolId: answer.pool, number: answer.number, jobState: answer.state,
            tasksRerun: answer.tasks, tasksWaiting: answer.waiting, otherTasks: answer.others,
            wasReopened: answer.wasReopened, poolWasMade: answer.poolWasMade)
    }
}
