import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// What one version of a schedule has otherwise than the one before, a line for each thing.
enum ScheduleDifferences {
    /// Enough to see what it is about; the files themselves are there to be compared.
    private static let linesShown = 10
    /// Of two texts that have more lines than this between their common ends only the numbers are told.
    private static let linesCompared = 2000

    // MARK: - Keys

    static func keys(from old: ScheduleDefinition, to new: ScheduleDefinition) -> [String] {
        let (before, after) = (old.writtenKeys, new.writtenKeys)
        let names =
            before.map(\.name)
            + after.map(\.name).filter { name in
                !before.contains { $0.name == name }
            }
        return names.compactMap { name in
            let first = before.first { $0.name == name }?.value
            let second = after.first { $0.name == name }?.value
            guard first != second else { return nil }
            return "\(name): \(shown(first, name)) -> \(shown(second, name))"
        }
    }

    static func shown(_ value: String?, _ key: String) -> String {
        guard let value, !value.isEmpty else { return "(none)" }
        return Redaction.isSecret(key: key) || Redaction.holdsSecret(value) ? Secret.mask : value
    }

    // MARK: - Files

    static func files(from old: Submission, to new: Submission) -> [String] {
        var lines: [String] = []
        for kind in SpecKind.allCases {
            let before = old.files.last { $0.kind == kind }
            let after = new.files.last { $0.kind == kind }
            switch (before, after) {
            case (nil, nil): continue
            case (let file?, nil): lines.append("\(kind.rawValue) file: \(file.name) is not used any more")
            case (nil, let file?): lines.append("\(kind.rawValue) file: \(file.name) is used now")
            case (let first?, let second?):
                if first.name != second.name || first.directory != second.directory {
                    lines.append("\(kind.rawValue) file: \(first.name) -> \(second.name)")
                }
                lines += text(of: kind, from: first, to: second)
            }
        }
        lines += contents("application package", from: old.packages, to: new.packages)
        lines += contents("resource file", from: old.resources, to: new.resources)
        let (first, second) = (old.generated.rows, new.generated.rows)
        if first.map(\.rows) != second.map(\.rows) {
            let counts = [first, second].map { $0.reduce(0) { $0 + $1.count } }
            lines.append("generators: \(counts[0]) -> \(counts[1]) tasks, with other values")
        }
        return lines
    }

    private static func text(
        of kind: SpecKind, from old: Submission.File, to new: Submission.File
    ) -> [String] {
        let before = old.text.withExposedBytes { Array($0) }
        let after = new.text.withExposedBytes { Array($0) }
        guard before != after else { return [] }
        // Keys were never kept, so nothing can be said of them, and nothing of the file is shown.
        guard kind != .credentials else {
            let stored = Submission.File.withoutSecrets(new)
            return stored == before ? [] : ["credentials file: \(new.name) names other accounts"]
        }
        let changed = changes(from: split(before), to: split(after))
        let head = "\(kind.rawValue) file: \(new.name) differs"
        guard let changed else { return [head + " in very many lines"] }
        let rest = changed.count - linesShown
        return [head + ":"] + changed.prefix(linesShown).map { "  " + $0 }
            + (rest > 0 ? ["  … and \(rest) more lines"] : [])
    }

    private static func split(_ bytes: [UInt8]) -> [Substring] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The lines that went, with `-`, and those that came, with `+`, in their order; nil where there are too many.
    static func changes(from old: [Substring], to new: [Substring]) -> [String]? {
        var (before, after) = (old[...], new[...])
        while let first = before.first, first == after.first {
            before.removeFirst()
            after.removeFirst()
        }
        while let last = before.last, last == after.last {
            before.removeLast()
            after.removeLast()
        }
        guard max(before.count, after.count) <= linesCompared else { return nil }
        let difference = Array(after).difference(from: Array(before))
        var gone: [Int: Substring] = [:]
        var come: [Int: Substring] = [:]
        for change in difference {
            switch change {
            case .remove(let offset, let line, _): gone[offset] = line
            case .insert(let offset, let line, _): come[offset] = line
            }
        }
        var lines: [String] = []
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            if let line = gone[left] {
                lines.append("- " + shown(line))
                left += 1
            } else if let line = come[right] {
                lines.append("+ " + shown(line))
                right += 1
            } else {
                left += 1
                right += 1
            }
        }
        return lines
    }

    private static func shown(_ line: Substring) -> String {
        Redaction.holdsSecret(String(line)) ? Secret.mask : String(line)
    }

    private static func contents(
        _ what: String, from old: [SubmittedPackage], to new: [SubmittedPackage]
    ) -> [String] {
        let before = Dictionary(old.map { ($0.path, $0.sha256) }, uniquingKeysWith: { $1 })
        let after = Dictionary(new.map { ($0.path, $0.sha256) }, uniquingKeysWith: { $1 })
        return Set(before.keys).union(after.keys).sorted().compactMap { path in
            switch (before[path], after[path]) {
            case (let first?, let second?): first == second ? nil : "\(what): \(path) has another content"
            case (_?, nil): "\(what): \(path) is not used any more"
            case (nil, _): "\(what): \(path) is used now"
            }
        }
    }
}

extension [GeneratorRun] {
    fileprivate var rows: [GeneratorRun] { filter { $0.call.pass == .build } }
}

extension Submission.File {
    /// The text of a credentials file as it is kept.
    fileprivate static func withoutSecrets(_ file: Submission.File) -> [UInt8] {
        Array(file.storedText.utf8)
    }
}

extension ScheduleDefinition {
    /// The keys of the schedules file that say this, apart from those that have their defaults.
    var writtenKeys: [(name: String, value: String)] {
        let plain = SchedulePolicy()
        var keys: [(name: String, value: String)] = []
        func add(_ name: String, _ value: String?) { if let value { keys.append((name, value)) } }
        func add(_ name: String, _ values: [String]) {
            if !values.isEmpty { keys.append((name, values.joined(separator: ", "))) }
        }
        add("job_id", jobID)
        add("pool", poolID)
        for parameter in parameters { add("parameters: \(parameter.name)", parameter.value) }
        add("cron", cron)
        add("interval", intervals.map(SpecDuration.text))
        add("at", moments.map(\.iso8601))
        add("timezone", timezone)
        add("do_not_run_until", notBefore?.iso8601)
        add("do_not_run_after", notAfter?.iso8601)
        add("start_window", policy.startWindow.map(SpecDuration.text))
        add("overlap", policy.overlap.rawValue)
        if policy.maxQueuedRuns != plain.maxQueuedRuns { add("max_queued_runs", "\(policy.maxQueuedRuns)") }
        if policy.maxActiveRuns != plain.maxActiveRuns { add("max_active_runs", "\(policy.maxActiveRuns)") }
        add("catch_up", policy.catchUp.rawValue)
        if policy.maxCatchUp != plain.maxCatchUp { add("max_catch_up", "\(policy.maxCatchUp)") }
        if policy.jitter > .zero { add("jitter", SpecDuration.text(policy.jitter)) }
        if policy.maxRetries > 0 {
            add("retry", "\(policy.maxRetries) times, after \(SpecDuration.text(policy.retryDelay))")
        }
        add("retention: runs", policy.retainedRuns.map(String.init))
        add("retention: days", policy.retainedDays.map(String.init))
        add(
            "after",
            policy.after.map { rule in
                switch rule.source {
                case .schedule(let id): "schedule \(id) \(rule.condition.rawValue)"
                case .job(let id): "job \(id) \(rule.condition.rawValue)"
                }
            })
        if let event = storageEvent {
            add(
                "on: storage_event",
                "\(event.storageAccountSettings)/\(event.container)/\(event.pathBeginsWith)…\(event.pathEndsWith)"
                    + (event.quietPeriod > .zero ? ", quiet for \(SpecDuration.text(event.quietPeriod))" : "")
                    + (event.hasManifest ? ", a manifest" : "")
                    + (event.pollInterval.map { ", looked for every \(SpecDuration.text($0))" } ?? ""))
        }
        add("enabled", isEnabled ? "true" : "false")
        return keys
    }
}
