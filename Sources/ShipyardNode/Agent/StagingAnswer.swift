import ShipyardModel

/// What `node-stage` prints when it could not put a task's files in place: one line of JSON with `code`,
/// `message`.
enum StagingAnswer {
    static func fault(_ answer: String, status: Int32) -> (StagingFault, String) {
        for line in answer.split(separator: "\n").reversed() {
            guard let json = try? JSONValue(parsing: String(line)), let code = json["code"]?.stringValue,
                let message = json["message"]?.stringValue
            else { continue }
            return (StagingFault(code: code) ?? .unknown, message)
        }
        // It broke down before it could say why: that is ours.
        let end =
            status & 0x7F != 0
            ? "was ended by signal \(status & 0x7F)" : "ended with exit code \(status >> 8 & 0xFF)"
        return (.unknown, "Putting the task's files in place \(end) and gave no reason; see stderr.txt.")
    }
}
