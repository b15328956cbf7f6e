import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel

/// A checked `schedule_specifications` list.
package struct SchedulesSpec: Sendable {
    package var schedules: [ScheduleSpec]
}

/// One schedule as written, with defaults filled in.
package struct ScheduleSpec: Sendable {
    /// At most 64 characters, as a job's id.
    package var id: Located<String>
    /// Of the whole mapping.
    package var range: SourceRange
    /// Relative to the schedules file; nil for the one that is given along.
    package var jobsFile: Located<String>?
    package var jobID: Located<String>?
    package var pool: PoolChoice?
    /// In the order of the file, with the places of their names and values.
    package var parameters: [ScheduleParameter] = []
    package var cron: [CronExpression] = []
    package var intervals: [Interval<Instant>] = []
    package var moments: [Instant] = []
    package var zone = Zone.utc
    package var startWindow: TimeSpan?
    package var notBefore: Instant?
    package var notAfter: Instant?
    package var overlap = OverlapPolicy.skip
    package var maxQueuedRuns = 100
    package var maxActiveRuns = 16
    package var catchUp = CatchUpPolicy.latest
    package var maxCatchUp = 100
    package var jitter = TimeSpan.zero
    package var maxRetries = 0
    package var retryDelay = TimeSpan.zero
    package var isEnabled = true
    package var retainedRuns: Int?
    package var retainedDays: Int?
    package var after: [AfterSpec] = []
    package var storageEvent: StorageEventSpec?

    package init(id: Located<String>, range: SourceRange) {
        self.id = id
        self.range = range
    }

    /// Whether it runs by the clock at all.
    package var hasTimes: Bool { !cron.isEmpty || !intervals.isEmpty || !moments.isEmpty }
}

package enum PoolChoice: Sendable, Hashable {
    /// Relative to the schedules file.
    case file(String)
    case id(String)
}

package struct ScheduleParameter: Sendable {
    package var name: Located<String>
    /// As on a command line, with its references.
    package var value: Located<String>
}

package enum OverlapPolicy: String, Sendable, Codable, CaseIterable { case skip, queue, replace, parallel }

package enum CatchUpPolicy: String, Sendable, Codable, CaseIterable { case none, latest, all }

package struct AfterSpec: Sendable {
    package enum Source: Sendable, Hashable { case schedule(String), job(String) }
    package enum Condition: String, Sendable, Codable, CaseIterable { case succeeded, failed, completed }
    package var source: Source
    /// Of its id.
    package var range: SourceRange
    package var condition = Condition.succeeded
}

package struct StorageEventSpec: Sendable {
    package var storageAccountSettings: Located<String>
    package var container: Located<String>
    package var pathBeginsWith = ""
    package var pathEndsWith = ""
    package var quietPeriod = TimeSpan.zero
    package var hasManifest = false
}

extension ScheduleSpec {
    /// The values of a run's parameters: references to the run's own schedule and trigger are replaced.
    package func parameterValues(in context: RunContext) -> [String: String] {
        var findings: [Diagnostic] = []
        return Dictionary(
            parameters.map { ($0.name.value, $0.text(.of(context), &findings)) }, uniquingKeysWith: { $1 })
    }
}

extension ScheduleParameter {
    /// Nothing is a word of a shell yet: it becomes one where the job puts it into a command.
    func text(_ values: ReferenceValues, _ findings: inout [Diagnostic]) -> String {
        guard ReferenceText.mayHold(value.value) else { return value.value }
        let source = ReferenceText(value.value, isStrict: true)
        let resolver = ReferenceResolver([], given: [:], values)
        let place = ReferencePlace(value.range, source)
        var result: [UInt8] = []
        for piece in source.pieces() {
            switch piece {
            case .text(let range): result += source.bytes[range]
            case .escape: result += "@{".utf8
            case .reference(let reference):
                do throws(ReferenceProblem) {
                    result += try resolver.value(of: reference).text.utf8
                } catch {
                    findings.append(.reference(reference, error, place))
                }
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
