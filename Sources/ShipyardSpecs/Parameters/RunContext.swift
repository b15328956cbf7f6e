import ShipyardCalendar
import ShipyardModel

/// What is known of one run of a jobs file when it is submitted: values of parameters, and what made it run.
///
/// It travels and is stored with the submission. All that a reference may ask for is in it, so that a run that is
/// planned again years later, perhaps with other time zones, means the same.
package struct RunContext: Codable, Sendable, Hashable {
    /// As they were written; checked against what the jobs declare.
    package var parameters: [String: String] = [:]
    package var schedule: Schedule?
    package var run: Run?
    package var trigger: Trigger?

    package init(parameters: [String: String] = [:]) { self.parameters = parameters }

    package struct Schedule: Codable, Sendable, Hashable {
        package var id: String
        /// The logical time: when the run was due, not when it began.
        package var time: ZonedTime

        package init(id: String, time: ZonedTime) {
            self.id = id
            self.time = time
        }
    }

    package struct Run: Codable, Sendable, Hashable {
        package var id: String
        /// From 1; the next one for each time that the whole run is repeated.
        package var attempt: Int

        package init(id: String, attempt: Int = 1) {
            self.id = id
            self.attempt = attempt
        }
    }

    /// A file that started the run.
    package struct Trigger: Codable, Sendable, Hashable {
        package var container: String
        /// Within the container: `in/2024/a.done`.
        package var filePath: String
        package var eventID: String
        package var time: ZonedTime

        package init(container: String, filePath: String, eventID: String, time: ZonedTime) {
            self.container = container
            self.filePath = filePath
            self.eventID = eventID
            self.time = time
        }
    }
}

/// A moment with what clocks showed then, and where.
package struct ZonedTime: Codable, Sendable, Hashable {
    package var instant: Instant
    /// `Europe/Berlin`
    package var zone: String
    /// Seconds east of UTC.
    package var offset: Int64
    /// `CEST`
    package var abbreviation: String

    package init(_ instant: Instant, in zone: Zone) {
        self.instant = instant
        self.zone = zone.name
        let kind = zone.kind(at: instant)
        (offset, abbreviation) = (kind.offset, kind.abbreviation)
    }

    var reading: CivilTime { CivilTime(seconds: saturatingSum(instant.flooredSeconds, offset)) }

    /// `2024-03-31T02:30:00+01:00`, with `Z` where that is UTC.
    package var iso8601: String { "\(reading)" + (zone == "UTC" ? "Z" : offsetText(separator: ":")) }

    func offsetText(separator: String) -> String {
        var bytes: [UInt8] = []
        appendOffset(offset, separator: separator, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What stands for references when specs are loaded.
package enum ReferenceValues: Sendable {
    /// Of a submission; what has no value is an error.
    case of(RunContext)
    /// Some value that fits, for files that are only checked.
    case samples

    /// Nobody has given anything.
    package static let byHand = ReferenceValues.of(RunContext())
}
