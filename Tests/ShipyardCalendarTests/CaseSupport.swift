import Foundation
import ShipyardCalendar
import ShipyardModel

let caseDirectory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases")
/// The zone files that the judges of the golden cases used, of slim form.
let caseZones = ZoneFiles(directory: caseDirectory.appending(path: "zoneinfo").path)
let systemZones = ZoneFiles()
let hasSystemZones = (try? systemZones.zone(named: "Europe/Berlin")) != nil

/// A time of no zone: `2024-03-31T02:30`, with seconds or without.
func civil(_ text: String) -> CivilTime {
    let numbers = text.split { "-T:".contains($0) }.compactMap { Int64($0) }
    let date = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2])!
    return CivilTime(
        date, hour: numbers.count > 3 ? numbers[3] : 0, minute: numbers.count > 4 ? numbers[4] : 0,
        second: numbers.count > 5 ? numbers[5] : 0)!
}

func utc(_ text: String) -> Instant { Instant(seconds: civil(text).seconds) }

/// `2024-03-31T03:00:00+7200`: what a clock in the zone shows, and its offset, so that a doubled time is told apart.
func shown(_ instant: Instant, _ zone: Zone) -> String {
    let offset = zone.offset(at: instant)
    return "\(zone.reading(at: instant))\(offset < 0 ? "" : "+")\(offset)"
}

/// A directory of a test's own, which goes with this value.
final class TemporaryDirectory {
    let path = NSTemporaryDirectory() + "shipyard-calendar-" + UUID().uuidString

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = URL(filePath: path).appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }
}

func bytes(ofZone name: String, in directory: String? = nil) throws -> [UInt8] {
    let directory = directory ?? caseDirectory.appending(path: "zoneinfo").path
    return Array(try Data(contentsOf: URL(filePath: directory + "/" + name)))
}
