import Glibc
import ShipyardAPI
import ShipyardDiagnostics
import ShipyardSpecs

/// What a command must know of the files that it submits. Whoever plans them says what is wrong with them.
extension SubmissionRequest {
    /// Nil where they would be refused.
    ///
    /// - Parameter context: of a run; nil stands for what is given by hand.
    func specs(
        ofKinds isWanted: (SpecKind) -> Bool = { _ in true }, in context: RunContext? = nil
    ) -> SpecSet? {
        var (specs, diagnostics) = SpecLoader.load(
            sources(ofKinds: isWanted), .of(context ?? RunContext(parameters: parameters ?? [:])))
        if isStrict ?? false { diagnostics.makeWarningsErrors() }
        return diagnostics.hasErrors ? nil : specs
    }

    private func sources(ofKinds isWanted: (SpecKind) -> Bool) -> [SpecSource] {
        files.compactMap { file in
            guard let kind = SpecKind(rawValue: file.kind), isWanted(kind) else { return nil }
            return SpecSource(kind, SourceText(name: file.name, bytes: Array(file.text.utf8)))
        }
    }

    /// Before anything is made for them. Of large files the service alone says what is wrong: to look twice would take seconds.
    func refuseErrors(_ console: Console) throws(CommandFailure) {
        guard files.reduce(0, { $0 + $1.text.utf8.count }) <= PlanCheck.mostBytes else { return }
        var diagnostics = PlanCheck.findings(
            sources { _ in true }, .of(RunContext(parameters: parameters ?? [:])))
        if isStrict ?? false { diagnostics.makeWarningsErrors() }
        guard diagnostics.hasErrors else { return }
        // What else there is to say belongs to what is carried out.
        var errors = Diagnostics()
        for finding in diagnostics.all where finding.severity == .error { errors.report(finding) }
        throw CommandFailure(.specRefused, "the spec has errors; nothing was submitted").preceded(
            by: TextRenderer(color: console.colours(console.messages)).render(errors))
    }

    /// The pool that the service is to make of these files.
    func ownPool() -> PoolSpec? {
        guard let pool = specs(ofKinds: { $0 != .jobs })?.pool else { return nil }
        guard files.contains(where: { $0.kind == "jobs" }) else { return pool }
        guard mayName("auto_pool"), let jobs = specs()?.jobs else { return nil }
        return jobs.jobs.contains { $0.autoPool != nil } ? pool : nil
    }

    /// The files of this machine that the schedules of its jobs with a `recurrence` keep, by their absolute paths.
    func filesToKeep() -> Set<String> {
        guard mayName("recurrence"), let specs = specs(), var jobs = specs.jobs,
            jobs.jobs.contains(where: { $0.recurrence != nil })
        else { return [] }
        let ofPool = jobs.jobs.contains { $0.autoPool != nil } ? specs.pool : nil
        jobs.jobs.removeAll { $0.recurrence == nil }
        return jobs.localFiles(below: directory(of: "jobs"))
            .union(ofPool?.localFiles(below: directory(of: "pool")) ?? [])
    }

    /// Whether a jobs file may have this key. Without the word and without an escape it has not, and a file of a
    /// million tasks need not be read here too.
    func mayName(_ key: String) -> Bool {
        files.contains { $0.kind == "jobs" && Self.mayName(key, in: $0.text) }
    }

    static func mayName(_ key: String, in text: String) -> Bool {
        let word = Array(key.utf8)
        var text = text
        return text.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return false }
            if memchr(start, Int32(UInt8(ascii: "\\")), bytes.count) != nil { return true }
            var position = 0
            while let found = memchr(start + position, Int32(word[0]), bytes.count - position) {
                position = UnsafeRawPointer(found) - UnsafeRawPointer(start)
                guard bytes.count - position >= word.count else { return false }
                if memcmp(start + position, word, word.count) == 0 { return true }
                position += 1
            }
            return false
        }
    }
}
