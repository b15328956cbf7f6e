import ShipyardCalendar
import ShipyardModel
import ShipyardSpecs
import ShipyardSystem

/// Writes due times as they come: there may be millions.
struct DueTimePrinter {
    private let schedules: [ScheduleSpec]
    private let format: String
    private let output: OutputStream
    private let width: Int
    private let stamp = SystemClock.now()
    private var bytes: [UInt8] = []
    private var calendar = ICalendar()

    init(_ schedules: [ScheduleSpec], _ format: String, _ console: Console) {
        self.schedules = schedules
        self.format = format
        output = console.output
        width = schedules.reduce(2) { max($0, $1.id.value.utf8.count) }
    }

    func begin() {
        guard format == "table" else { return }
        let name = "ID" + String(repeating: " ", count: width)
        output.write("DUE                        " + name + "BY\n")
    }

    /// False when nobody reads any more.
    mutating func print(_ due: DueTime, _ index: Int) -> Bool {
        let schedule = schedules[index]
        switch format {
        case "ics":
            let start = due.instant + schedule.delay(at: due.instant)
            calendar.addEvent(
                id: "\(schedule.id.value)-\(due.instant.milliseconds)@shipyard-swift", at: start,
                summary: schedule.id.value, description: cause(due, schedule), stamp: stamp)
            output.write(bytes: calendar.bytes)
            calendar.removeAll()
        case "json":
            bytes.removeAll(keepingCapacity: true)
            appendJSON(due, schedule)
            output.write(bytes: bytes)
        default:
            bytes.removeAll(keepingCapacity: true)
            appendLocal(due.instant, schedule.zone)
            pad(27)
            bytes += schedule.id.value.utf8
            pad(27 + width + 2)
            bytes += cause(due, schedule).utf8
            bytes.append(UInt8(ascii: "\n"))
            output.write(bytes: bytes)
        }
        return !output.isClosed
    }

    mutating func end() {
        if format == "ics" {
            calendar.end()
            output.write(bytes: calendar.bytes)
        }
        output.flush()
    }

    private mutating func pad(_ column: Int) {
        while bytes.count < column { bytes.append(UInt8(ascii: " ")) }
    }

    private mutating func appendJSON(_ due: DueTime, _ schedule: ScheduleSpec) {
        bytes += #"{"schedule": "#.utf8
        JSONText.append(schedule.id.value, to: &bytes)
        bytes += #", "due": ""#.utf8
        due.instant.appendISO8601(to: &bytes)
        bytes += #"", "local": ""#.utf8
        appendLocal(due.instant, schedule.zone)
        bytes += #"", "start": ""#.utf8
        (due.instant + schedule.delay(at: due.instant)).appendISO8601(to: &bytes)
        bytes += #"", "by": "#.utf8
        JSONText.append(cause(due, schedule), to: &bytes)
        bytes += "}\n".utf8
    }

    /// `2024-03-31T03:30:00+02:00`
    private mutating func appendLocal(_ instant: Instant, _ zone: Zone) {
        let offset = zone.offset(at: instant)
        (instant + .seconds(offset)).appendISO8601(to: &bytes)
        guard zone.name != "UTC" else { return }
        bytes.removeLast()
        bytes.append(UInt8(ascii: offset < 0 ? "-" : "+"))
        let minutes = Int64(offset.magnitude / 60)
        appendDecimal(minutes / 60, width: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDecimal(minutes % 60, width: 2, to: &bytes)
    }

    private func cause(_ due: DueTime, _ schedule: ScheduleSpec) -> String {
        switch due.cause {
        case .cron(let index): schedule.cron[index].text
        case .interval(let index): "every " + SpecDuration.text(schedule.intervals[index].length)
        case .at: "at"
        }
    }
}
