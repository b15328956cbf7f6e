import ShipyardCalendar
import ShipyardModel
import ShipyardSpecs
import ShipyardSystem

/// Writes due times as they come: there may be millions.
struct DueTimePrinter {
    /// Of a schedule what its lines are made of, once for all of them.
    private struct Row {
        var id: [UInt8]
        /// Padded to the width of its column.
        var column: [UInt8]
        var zone: Zone
        var crons: [[UInt8]]
        var intervals: [[UInt8]]

        func cause(of due: DueTime) -> [UInt8] {
            switch due.cause {
            case .cron(let index): crons[index]
            case .interval(let index): intervals[index]
            case .at: Array("at".utf8)
            }
        }
    }

    private let schedules: [ScheduleSpec]
    private let rows: [Row]
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
        let width = schedules.reduce(2) { max($0, $1.id.value.utf8.count) }
        self.width = width
        rows = schedules.map { schedule in
            let id = Array(schedule.id.value.utf8)
            return Row(
                id: id, column: id + [UInt8](repeating: 0x20, count: width + 2 - id.count),
                zone: schedule.timetable.zone,
                crons: schedule.timetable.crons.map { Array($0.text.utf8) },
                intervals: schedule.timetable.intervals.map {
                    Array("every \(SpecDuration.text($0.length))".utf8)
                })
        }
    }

    func begin() {
        guard format == "table" else { return }
        let name = "ID" + String(repeating: " ", count: width)
        output.write("DUE                        " + name + "BY\n")
    }

    /// False when nobody reads any more.
    mutating func print(_ due: DueTime, _ index: Int) -> Bool {
        switch format {
        case "ics":
            let start = due.instant + schedules[index].delay(at: due.instant)
            let id = String(decoding: rows[index].id, as: UTF8.self)
            calendar.addEvent(
                id: "\(id)-\(due.instant.milliseconds)@shipyard-swift", at: start, summary: id,
                description: String(decoding: rows[index].cause(of: due), as: UTF8.self), stamp: stamp)
            guard calendar.bytes.count >= Self.chunk else { return true }
            output.write(bytes: calendar.bytes)
            calendar.removeAll()
        case "json": appendJSON(due, index)
        default:
            let start = bytes.count
            appendLocal(due.instant, rows[index].zone)
            while bytes.count < start + 27 { bytes.append(UInt8(ascii: " ")) }
            bytes += rows[index].column
            bytes += rows[index].cause(of: due)
            bytes.append(UInt8(ascii: "\n"))
        }
        if bytes.count >= Self.chunk { flush() }
        return !output.isClosed
    }

    mutating func end() {
        flush()
        if format == "ics" {
            calendar.end()
            output.write(bytes: calendar.bytes)
        }
        output.flush()
    }

    // Many lines for each call; small enough that a reader of the first lines waits for nothing.
    private static let chunk = 16_384

    private mutating func flush() {
        output.write(bytes: bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    private mutating func appendJSON(_ due: DueTime, _ index: Int) {
        bytes += #"{"schedule": "#.utf8
        JSONText.append(schedules[index].id.value, to: &bytes)
        bytes += #", "due": ""#.utf8
        due.instant.appendISO8601(to: &bytes)
        bytes += #"", "local": ""#.utf8
        appendLocal(due.instant, rows[index].zone)
        bytes += #"", "start": ""#.utf8
        (due.instant + schedules[index].delay(at: due.instant)).appendISO8601(to: &bytes)
        bytes += #"", "by": "#.utf8
        JSONText.append(String(decoding: rows[index].cause(of: due), as: UTF8.self), to: &bytes)
        bytes += "}\n".utf8
    }

    /// `2024-03-31T03:30:00+02:00`
    private mutating func appendLocal(_ instant: Instant, _ zone: Zone) {
        zone.appendTime(instant, to: &bytes)
    }
}
