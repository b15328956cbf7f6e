import ShipyardCalendar
import ShipyardDiagnostics

// The words about schedules.
extension Diagnostic {
    /// SY3031.
    static func cron(_ error: CronError, _ node: SyntaxNode) -> Diagnostic {
        let range = node.range(ofBytes: error.range)
        var finding = Diagnostic(
            code: .invalidCron, message: error.message, primary: Label(at: range, "in this expression"))
        finding.help = error.help
        if let suggestion = error.suggestion, range.lower != node.lower || range.upper != node.upper {
            finding.edit = TextEdit(replacing: range, with: suggestion)
        }
        return finding
    }

    /// SY3032.
    static func timeZone(_ error: ZoneError, _ node: SyntaxNode) -> Diagnostic {
        var finding = Diagnostic(
            code: .unknownTimeZone, message: error.message, primary: Label(at: node.range, "not a time zone"))
        finding.help = error.help
        return finding
    }

    /// SY3033.
    static func neverDue(_ schedule: SyntaxNode, _ keys: [String]) -> Diagnostic {
        let node = schedule["id"] ?? schedule
        var finding = Diagnostic(
            code: .scheduleNeverDue, severity: .warning, message: "a schedule says nowhere when it runs",
            primary: Label(at: node.range, "runs only by hand"))
        finding.help = "write one or more of " + keys.map { "`\($0)`" }.joined(separator: ", ")
        return finding
    }

    /// SY3034.
    static func afterNothing(_ after: SyntaxNode) -> Diagnostic {
        var finding = Diagnostic(
            code: .afterNothing, message: "an entry of `after` says nothing of what must end first",
            primary: Label(at: after.range, "neither `schedule` nor `job`"))
        finding.help = "write `schedule: ID` or `job: ID`"
        return finding
    }

    /// SY2040.
    static func duplicateSchedule(_ node: SyntaxNode, first: SyntaxNode) -> Diagnostic {
        var finding = Diagnostic(
            code: .duplicateScheduleID, message: "schedule \(Quoted(node)) is specified twice",
            primary: Label(at: node.range, "ids of schedules differ in more than case"))
        finding.others = [Label(at: first.range, "first specified here")]
        return finding
    }

    /// SY2041.
    static func unknownSchedule(_ node: SyntaxNode, known: [String]) -> Diagnostic {
        var finding = Diagnostic(
            code: .unknownSchedule, severity: .warning, message: "this file has no schedule \(Quoted(node))",
            primary: Label(at: node.range, "waits for one of another file"))
        finding.suggest(node.string.flatMap { closestMatch(to: $0, in: known) }, at: node.range)
        return finding
    }

    /// SY2042.
    static func scheduleRing(_ ring: [(id: String, node: SyntaxNode)]) -> Diagnostic {
        let names = ring.map(\.id) + ring.prefix(1).map(\.id)
        // A ring of a thousand is not read by anybody.
        let shown = names.count > 10 ? names.prefix(9) + ["…", names[names.count - 1]] : names[...]
        var finding = Diagnostic(
            code: .scheduleRing,
            message: "schedules run after each other: " + shown.joined(separator: " after "), primary: nil)
        for (position, link) in ring.prefix(10).enumerated() {
            let label = Label(at: link.node.range, "`\(link.id)` runs after `\(names[position + 1])`")
            if finding.primary == nil { finding.primary = label } else { finding.others.append(label) }
        }
        return finding
    }

    /// SY2043.
    package static func unknownJobOfSchedule(_ id: Located<String>, known: [String]) -> Diagnostic {
        var finding = Diagnostic(
            code: .unknownJobOfSchedule, message: "the jobs file has no job \(Quoted(id.value))",
            primary: Label(at: id.range, "no job has this id"))
        finding.suggest(closestMatch(to: id.value, in: known), at: id.range)
        return finding
    }

    /// SY2007.
    package static func unknownStorageAlias(_ alias: String, at range: SourceRange, known: [String])
        -> Diagnostic
    {
        var diagnostic = Diagnostic(
            code: .unknownStorageAlias,
            message: "could not find storage account alias `\(alias)` in `credentials: storage`",
            primary: Label(at: range, "no such alias"))
        if let near = closestMatch(to: alias, in: known) { diagnostic.help = "did you mean `\(near)`?" }
        return diagnostic
    }

    /// SY4001.
    package static func namedFileNotRead(_ name: Located<String>, reason: String) -> Diagnostic {
        Diagnostic(
            code: .namedFileNotRead, message: "cannot read \(Quoted(name.value)): \(reason)",
            primary: Label(at: name.range, "relative to this file"))
    }
}

extension SyntaxNode {
    /// Where some bytes of its text stand; the whole value where it is written with escapes or over several lines.
    func range(ofBytes part: Range<Int>) -> SourceRange {
        guard let text = string?.utf8 else { return range }
        for start in [lower, lower + 1] where source.bytes[start..<max(start, upper)].starts(with: text) {
            // A caret under nothing says nothing.
            let end = max(part.upperBound, min(part.lowerBound + 1, text.count))
            return SourceRange(source, start + min(part.lowerBound, text.count), start + min(end, text.count))
        }
        return range
    }
}
