import ShipyardModel
import TestSupport
import Testing

@testable import ShipyardCalendar

@Suite struct ZoneTests {
    private func zone(_ rule: String) throws -> Zone {
        try ZoneFiles(directory: "/nowhere", local: rule).zone(named: "local")
    }

    @Test(arguments: [
        ("Europe/Berlin", "2024-03-31T02:30", 0), ("Europe/Berlin", "2024-10-27T02:30", 2),
        ("Europe/Berlin", "2024-10-27T03:00", 1), ("Europe/Berlin", "2024-03-31T03:00", 1),
        ("Europe/Berlin", "2024-03-31T02:00", 0), ("Europe/Berlin", "2024-10-27T02:00", 2),
        ("Australia/Lord_Howe", "2024-10-06T02:15", 0), ("Australia/Lord_Howe", "2024-04-07T01:45", 2),
        ("Australia/Lord_Howe", "2024-04-07T01:15", 1),
        ("Pacific/Apia", "2011-12-30T12:00", 0), ("Pacific/Apia", "2011-12-31T00:00", 1),
        ("Europe/Dublin", "1971-10-31T02:30", 2), ("Africa/Monrovia", "1972-01-07T00:44:29", 0),
        ("Africa/Monrovia", "1972-01-07T00:44:30", 1),
        // Decided by the rule, long after the table.
        ("Europe/Berlin", "2098-03-30T02:30", 0), ("Europe/Berlin", "2098-10-26T02:30", 2),
        ("Europe/Berlin", "9999-03-28T02:30", 0),
    ])
    func aReadingIsShownNeverOnceOrTwice(_ name: String, _ reading: String, _ count: Int) throws {
        let zone = try caseZones.zone(named: name)
        let instants = zone.instants(showing: civil(reading))
        #expect(instants.count == count)
        #expect(
            instants == instants.sorted() && instants.allSatisfy { zone.reading(at: $0) == civil(reading) })
        #expect(instants.isEmpty || zone.firstInstant(showing: civil(reading)) == instants[0])
    }

    @Test func aSkippedReadingComesAtTheFirstMomentAfterTheGap() throws {
        let berlin = try caseZones.zone(named: "Europe/Berlin")
        #expect(
            shown(berlin.firstInstant(showing: civil("2024-03-31T02:30")), berlin)
                == "2024-03-31T03:00:00+7200")
        let apia = try caseZones.zone(named: "Pacific/Apia")
        #expect(
            shown(apia.firstInstant(showing: civil("2011-12-30T09:00")), apia) == "2011-12-31T00:00:00+50400")
        #expect(apia.nextChange(after: utc("2011-12-29")) == utc("2011-12-30T10:00"))
        #expect(Zone.utc.nextChange(after: utc("2011-12-29")) == nil)
    }

    @Test func summerTimeInIrelandIsStandardTime() throws {
        let dublin = try caseZones.zone(named: "Europe/Dublin")
        #expect(
            dublin.kind(at: utc("2024-01-01"))
                == LocalTimeKind(offset: 0, isDaylightSaving: true, abbreviation: "GMT"))
        #expect(
            dublin.kind(at: utc("2124-07-01"))
                == LocalTimeKind(offset: 3600, isDaylightSaving: false, abbreviation: "IST"))
    }

    /// Each with moments at which it changes, in its own year.
    @Test(arguments: [
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2024-03-31T01:00", 7200),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2024-10-27T01:00", 3600),
        ("EST5EDT", "2024-03-10T07:00", -14_400),
        ("EST5EDT4,M3.2.0/2:00:00,M11.1.0", "2024-11-03T06:00", -18_000),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2024-10-05T15:30", 39_600),
        // The 60th day with and without the 29th of February, in a leap year.
        ("AAA0BBB,J60/0,J300/0", "2024-03-01T00:00", 3600), ("AAA0BBB,59/0,300/0", "2024-02-29T00:00", 3600),
        ("AAA0BBB,J60/0,J300/0", "2023-03-01T00:00", 3600), ("AAA0BBB,59/0,300/0", "2023-03-01T00:00", 3600),
        // Times of another day, and of another year.
        ("EET-2EEST,M3.4.4/50,M10.4.4/50", "2024-03-30T00:00", 10_800),
        ("AAA0BBB,J1/-24,J100", "2023-12-31T00:00", 3600),
        ("AAA0BBB,J100/0,J365/25", "2025-01-01T00:00", 0),
    ])
    func rulesChangeTheOffsetWhenTheySay(_ rule: String, _ moment: String, _ offset: Int64) throws {
        let zone = try zone(rule)
        let change = utc(moment)
        #expect(zone.offset(at: change) == offset)
        #expect(zone.offset(at: change - TimeSpan(milliseconds: 1)) != offset)
        #expect(zone.nextChange(after: change - .seconds(100)) == change)
    }

    @Test func summerTimeMayLastAllYear() throws {
        let zone = try zone("XXX3EDT4,0/0,J365/23")
        for month in 1...12 {
            let date = CivilTime(CivilDate(year: 2030, month: Int64(month), day: 1)!, hour: 3, minute: 0)!
            #expect(zone.kind(at: Instant(seconds: date.seconds)).abbreviation == "EDT")
        }
        #expect(zone.offset(at: utc("2031-01-01T04:00")) == -14_400)
        #expect(zone.nextChange(after: utc("2031-01-01")) == nil)
        // And no time at all.
        let never = try self.zone("AAA0BBB,J365/24,J1/1")
        #expect(never.offset(at: utc("2031-01-01")) == 0 && never.offset(at: utc("2031-07-01")) == 0)
    }

    @Test(arguments: [
        "", "AA0", "AAA", "AAA25", "AAA0BBB,", "AAA0BBB,M3.5.0", "AAA0BBB,M13.5.0,M10.5.0",
        "AAA0BBB,M3.6.0,M10.5.0",
        "AAA0BBB,M3.5.7,M10.5.0", "AAA0BBB,J0,J5", "AAA0BBB,366,5", "AAA0BBB,M3.5.0/168,M10.5.0", "<+1>0<",
        "AAA0 ",
        "AAA0BBB,M3.5.0,M10.5.0,", "<AAA0", "AAA0:60", "AAA99999999999999999999", "AAA0BBB,M3.5.0/,M10.5.0",
    ])
    func otherTextsAreNoRules(_ text: String) { #expect(ZoneRule(text.utf8) == nil) }

    @Test func theEndsOfTimeAreAnswered() throws {
        for name in ["Europe/Berlin", "UTC", "Pacific/Apia"] {
            let zone = try caseZones.zone(named: name)
            for instant in [Instant(milliseconds: .min), Instant(milliseconds: .max)] {
                _ = (zone.reading(at: instant), zone.nextChange(after: instant))
                _ = zone.instants(showing: zone.reading(at: instant))
            }
        }
    }
}

@Suite struct ZoneFileReadingTests {
    private func reason(_ bytes: [UInt8]) -> String? {
        do {
            _ = try TZifReader.table(of: bytes)
            return nil
        } catch { return error.reason }
    }

    /// Two changes, an hour forward and back.
    private var good: ZoneBytes {
        ZoneBytes(changes: [1000, 2000], kindsAfter: [1, 0], kinds: [(0, 0, 0), (3600, 1, 4)])
    }

    @Test func versionsAreReadAlike() throws {
        for version in [0, UInt8(ascii: "2"), UInt8(ascii: "3"), UInt8(ascii: "4")] {
            var file = good
            file.version = version
            let zone = Zone(name: "", table: try TZifReader.table(of: file.bytes))
            let offsets = [999, 1000, 1999, 2000].map { zone.offset(at: Instant(seconds: $0)) }
            #expect(offsets == [0, 3600, 3600, 0])
            #expect(zone.kind(at: Instant(seconds: 1500)).abbreviation == "BBB")
        }
    }

    @Test func whatIsWrongIsRefusedWithAReason() {
        func wrong(_ change: (inout ZoneBytes) -> Void) -> String? {
            var file = good
            change(&file)
            return reason(file.bytes)
        }
        #expect(reason(good.bytes) == nil)
        #expect(reason([]) == "it is cut off")
        #expect(
            reason(Array("# tzdata".utf8) + [UInt8](repeating: 0, count: 100))
                == "it does not begin with `TZif`")
        #expect(wrong { $0.version = UInt8(ascii: "1") } == "its version is unknown")
        #expect(wrong { $0.kinds = [] } == "its counts do not fit each other")
        #expect(wrong { $0.names = [] } == "its counts do not fit each other")
        #expect(wrong { $0.standardCount = 1 } == "its counts do not fit each other")
        #expect(wrong { $0.utcCount = 1 } == "its counts do not fit each other")
        #expect(wrong { $0.leaps = [(78_796_800, 1)] } == "it counts leap seconds, which clocks here do not")
        #expect(wrong { $0.kindsAfter = [2, 0] } == "a change leads to a kind of time that is not there")
        #expect(wrong { $0.changes = [2000, 1000] } == "its changes are not in order")
        #expect(wrong { $0.changes = [1000, 1000] } == "its changes are not in order")
        #expect(wrong { $0.changes = [.min, 1000] } == "its changes are not in order")
        let kind = "a kind of time has no possible offset or no name"
        #expect(wrong { $0.kinds[1].offset = 93_600 } == kind)
        #expect(wrong { $0.kinds[1].offset = .min } == kind)
        #expect(wrong { $0.kinds[1].isDaylight = 2 } == kind)
        #expect(wrong { $0.kinds[1].name = 8 } == kind)
        #expect(wrong { $0.names = Array("AAA\0BBB".utf8) } == kind)
        #expect(wrong { $0.lastLine = "" } == "it ends without its last line")
        #expect(wrong { $0.lastLine = "\nAAA0" } == "it ends without its last line")
        #expect(wrong { $0.lastLine = "\nnonsense\n" } == "its last line is no rule")
        #expect(wrong { $0.lastLine = "\n\n" } == nil)
    }

    @Test func aFileThatIsCutOffAnywhereIsRefused() throws {
        for file in [good.bytes, try bytes(ofZone: "Europe/Dublin")] {
            for length in 0..<file.count { #expect(reason(Array(file.prefix(length))) != nil) }
        }
    }

    /// Any answer is good that comes. A trap would end the test program.
    @Test func damagedFilesAreReadOrRefused() throws {
        var random = SeededRandom(seed: 7)
        let files = [good.bytes, try bytes(ofZone: "Africa/Casablanca"), try bytes(ofZone: "Europe/Dublin")]
        for file in files {
            for _ in 0..<3000 {
                var damaged = file
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<damaged.count, using: &random)
                    damaged[place] = [0, 1, 0x7F, 0x80, 0xFF, .random(in: 0...255, using: &random)]
                        .randomElement(using: &random)!
                }
                guard let table = try? TZifReader.table(of: damaged) else { continue }
                let zone = Zone(name: "", table: table)
                for instant in [Instant(milliseconds: .min), utc("1970-01-01"), utc("2090-07-01")] {
                    _ = zone.instants(showing: zone.reading(at: instant))
                }
            }
        }
    }

    /// The judges' slim files say the same as the system's, which may be fat, for years that no release changes.
    @Test(.enabled(if: hasSystemZones, "there are no zone files here"))
    func slimFilesMeanWhatFatOnesDo() throws {
        for name in [
            "Europe/Berlin", "America/New_York", "Australia/Sydney", "Europe/Dublin", "Asia/Kolkata",
        ] {
            let slim = try caseZones.zone(named: name)
            let system = try systemZones.zone(named: name)
            var moment = utc("1971-01-01")
            while let next = slim.nextChange(after: moment), next < utc("2020-01-01") {
                #expect(system.nextChange(after: moment) == next)
                #expect(system.kind(at: next) == slim.kind(at: next))
                moment = next
            }
            #expect(system.offset(at: utc("2019-12-01")) == slim.offset(at: utc("2019-12-01")))
        }
    }
}
