import Foundation
import ShipyardModel
import Testing

@testable import ShipyardCalendar

@Suite struct ZoneFilesTests {
    private func failure(_ name: String, _ files: ZoneFiles = caseZones) -> ZoneError? {
        do {
            _ = try files.zone(named: name)
            return nil
        } catch { return error }
    }

    @Test func utcNeedsNoFile() throws {
        let files = ZoneFiles(directory: "/nowhere", localFile: "/nowhere/localtime")
        #expect(try files.zone(named: "UTC").offset(at: utc("2024-07-01")) == 0)
        #expect(try files.zone(named: "local") == .utc)
        #expect(failure("Europe/Berlin", files)?.message == "there are no time zones in `/nowhere`")
        #expect(ZoneFiles(directory: "").directory == "/usr/share/zoneinfo")
    }

    @Test(arguments: [
        "", "..", "../zoneinfo/Europe/Berlin", "/etc/passwd", "Europe//Berlin", "Europe/", "/Europe/Berlin",
        "Europe/./Berlin",
        "Europe/Berlin\0", "Europe/Bérlin", "zone.tab", " UTC", String(repeating: "a", count: 101),
    ])
    func whatIsNoNameLooksAtNoFile(_ name: String) { #expect(failure(name) == .notAName(name)) }

    @Test(arguments: [
        ("Berlin", "did you mean `Europe/Berlin`?"), ("europe/berlin", "did you mean `Europe/Berlin`?"),
        ("Europe/Berlin/Mitte", "did you mean `Europe/Berlin`?"),
        ("Europe/Berln", "did you mean `Europe/Berlin`?"), ("new_york", "did you mean `America/New_York`?"),
        ("US/Havana", "did you mean `America/Havana`?"), ("Xyzzy", nil), ("Europe", nil),
        ("utc", "did you mean `UTC`?"),
    ])
    func anUnknownNameLeadsToTheNearest(_ name: String, _ help: String?) {
        let error = failure(name)
        #expect(error?.message == "there is no time zone `\(name)`")
        #expect(error?.help == help)
    }

    @Test func ofManyNearNamesThreeAreTold() {
        let known = ["A/Same", "B/Same", "C/Same", "D/Same", "E/Other"]
        #expect(ZoneFiles.nearest(to: "same", in: known) == ["A/Same", "B/Same", "C/Same"])
    }

    @Test func localIsWhatTheEnvironmentSays() throws {
        let directory = caseZones.directory
        let moment = utc("2024-07-01")
        func local(_ value: String?, file: String = "/nowhere") throws -> (String, Int64) {
            let zone = try ZoneFiles(directory: directory, local: value, localFile: file).zone(named: "local")
            return (zone.name, zone.offset(at: moment))
        }
        #expect(try local("Europe/Berlin") == ("Europe/Berlin", 7200))
        #expect(try local(":Europe/Berlin") == ("Europe/Berlin", 7200))
        #expect(try local(directory + "/Asia/Kolkata") == ("Asia/Kolkata", 19_800))
        #expect(try local("CET-1CEST,M3.5.0,M10.5.0/3") == ("CET-1CEST,M3.5.0,M10.5.0/3", 7200))
        #expect(try local("") == ("UTC", 0))
        #expect(
            failure("local", ZoneFiles(directory: directory, local: "Berlin"))?.help
                == "did you mean `Europe/Berlin`?")

        let home = try TemporaryDirectory()
        let link = home.path + "/localtime"
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: directory + "/Europe/Dublin")
        #expect(try local(nil, file: link) == ("Europe/Dublin", 3600))
        try home.write(try bytes(ofZone: "Asia/Kolkata"), to: "zoneinfo/zoneinfo/Asia/Kolkata")
        #expect(try local(home.path + "/zoneinfo/zoneinfo/Asia/Kolkata").0 == "Asia/Kolkata")
        try home.write(try bytes(ofZone: "Asia/Kolkata"), to: "copy")
        #expect(try local(nil, file: home.path + "/copy") == ("local", 19_800))
    }

    @Test func whatIsNoZoneFileIsRefused() throws {
        let home = try TemporaryDirectory()
        try home.write(Array("no zone".utf8), to: "Text")
        try home.write([UInt8](repeating: 0, count: 1 << 18 + 1), to: "Large")
        try home.write(try bytes(ofZone: "Asia/Kolkata"), to: "posix/Asia/Kolkata")
        try home.write(try bytes(ofZone: "Asia/Kolkata"), to: "Asia/Kolkata")
        mkfifo(home.path + "/Pipe", 0o600)
        let files = ZoneFiles(directory: home.path)
        #expect(failure("Text", files) == .malformed(path: home.path + "/Text", reason: "it is cut off"))
        for name in ["Large", "Pipe"] {
            #expect(
                failure(name, files)
                    == .malformed(path: home.path + "/" + name, reason: "it is no file of a possible size"))
        }
        #expect(failure("Asia", files) == .unknown("Asia", nearest: []))
        #expect(files.names() == ["Asia/Kolkata"])
    }
}
