import ShipyardModel

/// What `node-stage` prints when it could not put a task's files in place: one line of JSON with `code`,
/// `message` and perhaps `category`.
enum StagingAnswer {
    static func failure(_ answer: String, status: Int32) -> FailureInfo {
        for line in answer.split(separator: "\n").reversed() {
            guard let json = try? JSONValue(parsing: String(line)), let code = json["code"]?.stringValue,
                let message = json["message"]?.stringValue
            else { continue }
            let category = json["category"]?.stringValue.flatMap(FailureCategory.init(rawValue:))
            return FailureInfo(category: category ?? .userError, code: code, message: message)
        }
        // It broke down before it could say why: that is ours.
        let end =
            status & 0x7F != 0
            ? "was ended by signal \(status & 0x7F)" : "ended with exit code \(status >> 8 & 0xFF)"
        return FailureInfo(
            category: .serverError, code: "Unknown",
            message: "Putting the task's files in place \(end) and gave no reason; see stderr.txt.")
    }
}
