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
    package var timetable = Timetable()
    /// `after` and triggers apart, which have places here.
    package var policy = SchedulePolicy()
    package var isEnabled = true
    package var after: [AfterSpec] = []
    package var storageEvent: StorageEventSpec?

    package init(id: Located<String>, range: SourceRange) {
        self.id = id
        self.range = range
    }

    /// How much later than due a run begins.
    package func delay(at due: Instant) -> TimeSpan { policy.delay(of: id.value, at: due) }
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

package struct AfterSpec: Sendable {
    package var rule: AfterRule
    /// Of its id.
    package var range: SourceRange
}

package struct StorageEventSpec: Sendable {
    package var storageAccountSettings: Located<String>
    package var container: Located<String>
    package var pathBeginsWith = ""
    package var pathEndsWith = ""
    package var quietPeriod = TimeSpan.zero
    package var hasManifest = false
    /// Of stores that tell of nothing by themselves.
    package var pollInterval: TimeSpan?
}

extension ScheduleParameter {
    func text(_ values: ReferenceValues, _ findings: inout [Diagnostic]) -> String {
        var place: ReferencePlace?
        return Self.text(value.value, values) { reference, problem, text in
            guard findings.count <= SpecLimits.findingsPerFile else { return }
            let known = place ?? ReferencePlace(value.range, text)
            place = known
            findings.append(.reference(reference, problem, known))
        }
    }

    /// Nothing is a word of a shell yet: it becomes one where the job puts it into a command.
    static func text(
        _ written: String, _ values: ReferenceValues,
        _ report: (Reference, ReferenceProblem, ReferenceText) -> Void = { _, _, _ in }
    ) -> String {
        guard ReferenceText.mayHold(written) else { return written }
        let source = ReferenceText(written, isStrict: true)
        let resolver = ReferenceResolver([], given: [:], values)
        var result: [UInt8] = []
        for piece in source.pieces() {
            switch piece {
            case .text(let range): result += source.bytes[range]
            case .escape: result += "@{".utf8
            case .reference(let reference):
                do throws(ReferenceProblem) {
                    result += try resolver.value(of: reference).text.utf8
                } catch {
                    report(reference, error, source)
                }
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
