import ShipyardModel
import ShipyardStore

extension Submitter {
    /// Answers a repeated submission as the first was answered, and runs `body` for any other. `body` gets the
    /// identity that the answer is to be kept under, in the turn that takes the submission.
    func once<Answer: Codable & Sendable>(
        _ kind: String, _ request: SubmissionRequest,
        _ body: (_ identity: String?) throws(APIFailure) -> Answer
    ) throws(APIFailure) -> Answer {
        guard let id = request.submissionId else { return try body(nil) }
        guard isID(id) else {
            throw APIFailure(
                400, "InvalidSubmissionId",
                "`submissionId` is 1 to 64 letters, digits, hyphens and underscores")
        }
        // A pool and jobs of one client may carry the same.
        let identity = "\(kind)/\(id)"
        let answer = try routes.underWay.alone(identity, isAbandoned: isAbandoned) { () throws(APIFailure) in
            if let known: Answer = try knownAnswer(to: identity) { return known }
            return try body(identity)
        }
        guard let answer else { throw .planningStopped }
        return answer
    }

    private func knownAnswer<Answer: Codable>(to identity: String) throws(APIFailure) -> Answer? {
        let text = try routes.read { reader throws(StoreError) in
            try reader.answer(toSubmission: identity)
        }
        guard let text else { return nil }
        do throws(JSONError) {
            return try JSONCoding.decode(Answer.self, from: Array(text.utf8))
        } catch {
            throw APIFailure(
                500, "InternalError", "the submission was taken, and its answer cannot be read: \(error)")
        }
    }
}
