import ShipyardModel
import ShipyardStore

extension Submitter {
    /// Answers a repeated submission as the first was answered, and runs `body` for any other. `body` gets the
    /// identity that the answer is to be kept under, in the turn that takes the submission.
    func once<Answer: Codable & Sendable>(
        _ kind: String, _ body: (_ identity: String?) throws(SubmissionError) -> Answer
    ) throws(SubmissionError) -> Answer {
        guard let identity = try submission.identity(of: kind) else { return try body(nil) }
        let answer = try target.underWay.alone(identity, isAbandoned: isAbandoned) {
            () throws(SubmissionError) in
            if let known: Answer = try knownAnswer(to: identity) { return known }
            return try body(identity)
        }
        guard let answer else { throw .abandoned }
        return answer
    }

    private func knownAnswer<Answer: Codable>(to identity: String) throws(SubmissionError) -> Answer? {
        let text = try target.read { reader throws(StoreError) in
            try reader.answer(toSubmission: identity)
        }
        guard let text else { return nil }
        do throws(JSONError) {
            return try JSONCoding.decode(Answer.self, from: Array(text.utf8))
        } catch {
            throw .broken("the submission was taken, and its answer cannot be read: \(error)")
        }
    }

    /// Encoding our own plain types cannot fail.
    static func text(of answer: some Encodable) -> String {
        (try? JSONCoding.encode(answer)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
