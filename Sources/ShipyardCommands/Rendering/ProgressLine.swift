import ShipyardAPI

/// One line that says how far a job is, for a terminal of a given width.
struct ProgressLine {
    var name: String
    var counts: TaskCountsResponse
    /// Completed tasks per second of late; zero when nothing is known.
    var rate: Double

    func text(width: Int) -> String {
        let facts = self.facts
        // The bar takes what is left; where that is little, the numbers say enough.
        let room = width - 1 - name.count - facts.count - 4
        let line = room >= 8 ? "\(name) \(bar(of: min(room, 30))) \(facts)" : "\(name) \(facts)"
        return String(line.prefix(max(1, width - 1)))
    }

    /// For logs, where nothing is redrawn.
    var plainText: String { "\(name): \(facts)" }

    private var facts: String {
        var text = "\(counts.completed)/\(counts.total)  \(counts.running) running"
        if counts.failed > 0 { text += "  \(counts.failed) failed" }
        let left = counts.total - counts.completed
        guard rate > 0, left > 0 else { return text }
        return text + "  \(rateText(rate))/s  \(durationText(seconds: Double(left) / rate)) left"
    }

    private func bar(of width: Int) -> String {
        let filled = counts.total == 0 ? 0 : counts.completed * width / counts.total
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
            + "]"
    }
}
