import ShipyardModel
import TestSupport
import Testing

@testable import ShipyardCalendar

/// Firings by definition: every minute is looked at, and what clocks have shown is remembered.
private struct MinuteByMinute {
    let expression: CronExpression
    let table: ZoneTable

    func firings(from start: Int64, until end: Int64) -> [Firing] {
        var found: [Firing] = []
        var latest = Int64.min
        // Whoever comes in a doubled hour must know that it is one.
        for moment in stride(from: start - 4 * 86_400, to: end, by: 60) {
            let reading = moment + table.period(at: moment).offset
            let due = firstDue(reading, after: latest)
            latest = max(latest, reading)
            if moment >= start, let due {
                found.append(Firing(instant: Instant(seconds: moment), dueSeconds: due))
            }
        }
        return found
    }

    private func firstDue(_ reading: Int64, after latest: Int64) -> Int64? {
        if expression.isHourly { return isDue(reading) ? reading : nil }
        guard reading > latest, latest != .min else { return nil }
        return stride(from: latest + 60, through: reading, by: 60).first(where: isDue)
    }

    private func isDue(_ reading: Int64) -> Bool {
        let time = CivilTime(seconds: reading)
        let first = CivilDate.firstDay(ofMonth: time.date.month, year: time.date.year)
        let days = expression.dayBits(year: time.date.year, month: time.date.month, firstDay: first)
        return expression.minutes >> UInt64(time.minute) & 1 == 1
            && expression.hours >> UInt64(time.hour) & 1 == 1
            && days >> UInt64(time.date.day) & 1 == 1
    }
}

@Suite struct CronFiringTests {
    /// The first firings after a moment that is given as UTC, as a clock in the zone shows them.
    private func firings(_ text: String, _ name: String, after: String, _ count: Int) throws -> [String] {
        let zone = try caseZones.zone(named: name)
        let start = utc(after)
        return try CronExpression(text).firings(
            in: start + .seconds(1)..<start + .seconds(90 * 86_400), zone: zone
        )
        .prefix(count).map { shown($0.instant, zone) }
    }

    /// The examples of docs/spec/cron.md.
    @Test func theWrittenExamplesAreTrue() throws {
        let berlin = "Europe/Berlin"
        #expect(
            try firings("30 2 * * *", berlin, after: "2024-03-30T12:00", 2)
                == ["2024-03-31T03:00:00+7200", "2024-04-01T02:30:00+7200"])
        #expect(
            try firings("30 2 * * *", berlin, after: "2024-10-26T12:00", 2)
                == ["2024-10-27T02:30:00+7200", "2024-10-28T02:30:00+3600"])
        #expect(
            try firings("*/20 2,3 * * *", berlin, after: "2024-03-30T12:00", 3)
                == ["2024-03-31T03:00:00+7200", "2024-03-31T03:20:00+7200", "2024-03-31T03:40:00+7200"])
        #expect(
            try firings("*/30 * * * *", berlin, after: "2024-03-31T00:00", 3)
                == ["2024-03-31T01:30:00+3600", "2024-03-31T03:00:00+7200", "2024-03-31T03:30:00+7200"])
        #expect(
            try firings("*/30 * * * *", berlin, after: "2024-10-27T00:00", 3)
                == ["2024-10-27T02:30:00+7200", "2024-10-27T02:00:00+3600", "2024-10-27T02:30:00+3600"])
        #expect(
            try firings("0 */2 * * *", berlin, after: "2024-03-30T23:30", 2)
                == ["2024-03-31T03:00:00+7200", "2024-03-31T04:00:00+7200"])
        #expect(
            try firings("0 */2 * * *", berlin, after: "2024-10-26T22:30", 2)
                == ["2024-10-27T02:00:00+7200", "2024-10-27T04:00:00+3600"])
        #expect(
            try firings("*/20 2,3 * * *", berlin, after: "2024-10-26T22:30", 4)
                == [
                    "2024-10-27T02:00:00+7200", "2024-10-27T02:20:00+7200", "2024-10-27T02:40:00+7200",
                    "2024-10-27T03:00:00+3600",
                ])
        #expect(
            try firings("* 2 * * *", berlin, after: "2024-03-30T12:00", 2)
                == ["2024-03-31T03:00:00+7200", "2024-04-01T02:00:00+7200"])
        for hours in ["*", "*/1", "0-23", "12-11"] {
            #expect(
                try firings("20 \(hours) * * *", berlin, after: "2024-03-31T00:00", 2)
                    == ["2024-03-31T01:20:00+3600", "2024-03-31T03:20:00+7200"])
            #expect(
                try firings("20 \(hours) * * *", berlin, after: "2024-10-27T00:00", 3)
                    == ["2024-10-27T02:20:00+7200", "2024-10-27T02:20:00+3600", "2024-10-27T03:20:00+3600"])
        }
        #expect(
            try firings("20 * * * *", "Australia/Lord_Howe", after: "2024-10-05T14:30", 2)
                == ["2024-10-06T01:20:00+37800", "2024-10-06T03:20:00+39600"])
        #expect(
            try firings("0 */6 * * *", "America/Havana", after: "2024-03-10T00:00", 2)
                == ["2024-03-10T01:00:00-14400", "2024-03-10T06:00:00-14400"])
        #expect(
            try firings("0 9 * * *", "Pacific/Apia", after: "2011-12-29T20:00", 2)
                == ["2011-12-31T00:00:00+50400", "2011-12-31T09:00:00+50400"])
        #expect(
            try firings("0 * * * *", "Pacific/Apia", after: "2011-12-30T08:30", 3)
                == ["2011-12-29T23:00:00-36000", "2011-12-31T00:00:00+50400", "2011-12-31T01:00:00+50400"])
    }

    @Test func aSkippedTimeIsToldWithTheMomentThatStandsForIt() throws {
        let zone = try caseZones.zone(named: "Europe/Berlin")
        let expression = try CronExpression("*/20 2 * * *")
        let next = expression.next(after: utc("2024-03-31T00:30"), in: zone)
        #expect(next?.instant == utc("2024-03-31T01:00") && next?.due == civil("2024-03-31T02:00"))
        #expect(expression.previous(before: utc("2024-03-31T12:00"), in: zone) == next)
    }

    @Test func fractionsOfSecondsAreNeitherLostNorDoubled() throws {
        let expression = try CronExpression("0 0 * * *")
        let midnight = utc("2024-05-01")
        let millisecond = TimeSpan(milliseconds: 1)
        #expect(expression.next(after: midnight - millisecond, in: .utc)?.instant == midnight)
        #expect(expression.next(after: midnight, in: .utc)?.instant == utc("2024-05-02"))
        #expect(expression.next(after: midnight + millisecond, in: .utc)?.instant == utc("2024-05-02"))
        #expect(expression.previous(before: midnight + millisecond, in: .utc)?.instant == midnight)
        #expect(expression.previous(before: midnight, in: .utc)?.instant == utc("2024-04-30"))
        #expect(Array(expression.firings(in: midnight..<midnight, zone: .utc)).isEmpty)
        #expect(
            expression.firings(in: midnight..<midnight + millisecond, zone: .utc).map(\.instant) == [midnight]
        )
        #expect(Array(expression.firings(in: midnight + millisecond..<utc("2024-05-02"), zone: .utc)).isEmpty)
    }

    @Test func theYearsAreThoseOfTheClock() throws {
        let expression = try CronExpression("59 23 31 12 *")
        #expect(expression.next(after: utc("2100-12-31T12:00"), in: .utc)?.instant == utc("2100-12-31T23:59"))
        #expect(expression.next(after: utc("2100-12-31T23:59"), in: .utc) == nil)
        #expect(expression.previous(before: utc("9999-01-01"), in: .utc)?.instant == utc("2100-12-31T23:59"))
        #expect(expression.previous(before: utc("1970-12-31T23:59"), in: .utc) == nil)
        let tokyo = Zone(
            name: "",
            table: ZoneTable(kinds: [.init(offset: 32_400, isDaylightSaving: false, abbreviation: "")]))
        let newYear = try CronExpression("0 0 1 1 *")
        for text in ["0 0 1 1 *", "0 * 1 1 *"] {
            let first = try CronExpression(text).next(after: Instant(milliseconds: .min), in: tokyo)
            #expect(first?.instant == utc("1970-01-01") - .seconds(32_400))
            #expect(try CronExpression(text).previous(before: Instant(milliseconds: .min), in: tokyo) == nil)
            #expect(try CronExpression(text).next(after: Instant(milliseconds: .max), in: tokyo) == nil)
            #expect(try CronExpression(text).previous(before: Instant(milliseconds: .max), in: tokyo) != nil)
        }
        let berlin = try caseZones.zone(named: "Europe/Berlin")
        let hourly = try CronExpression("0 * * * *")
        #expect(
            hourly.previous(before: Instant(milliseconds: .max), in: berlin)?.due == civil("2100-12-31T23:00")
        )
        #expect(newYear.previous(before: first(of: newYear, tokyo), in: tokyo) == nil)
    }

    private func first(of expression: CronExpression, _ zone: Zone) -> Instant {
        expression.next(after: utc("1960-01-01"), in: zone)?.instant ?? utc("1960-01-01")
    }

    @Test(arguments: [
        // Saturday the 1st leads to the 3rd, Sunday the 15th to the 16th, Saturday the 15th to the 14th.
        ("0 0 1W 6 *", "2024", "2024-06-03"), ("0 0 15W 9 *", "2024", "2024-09-16"),
        ("0 0 15W 6 *", "2024", "2024-06-14"),

        // July begins with a Saturday, and June does not end with its 31st.
        ("0 0 31W 6,7 *", "2023", "2023-07-31"), ("0 0 30W 6 *", "2024", "2024-06-28"),
        ("0 0 LW 6 *", "2024", "2024-06-28"),
        ("0 0 LW 8 *", "2024", "2024-08-30"),
        ("0 0 LW 7 *", "2024", "2024-07-31"), ("0 0 L 2 *", "2024", "2024-02-29"),
        ("0 0 L-3 2 *", "2024", "2024-02-26"),
        ("0 0 L-3 2 *", "2023", "2023-02-25"), ("0 0 L-28 2 *", "2023", "2024-02-01"),
        ("0 0 L-30 * *", "2024", "2024-01-01"),
        ("0 0 L-29 4-12 *", "2024", "2024-04-01"), ("0 0 L-30 4-12 *", "2024", "2024-05-01"),
        ("0 0 * 2 thu#5", "2023", "2024-02-29"), ("0 0 * 5 friL", "2024", "2024-05-31"),
        ("0 0 * 5 satL", "2024", "2024-05-25"),
        ("0 0 * 5 wed#1", "2024", "2024-05-01"), ("0 0 * 5 tue#1", "2024", "2024-05-07"),
        ("0 0 29 2 *", "2096", "2096-02-29"),
        ("0 0 29 2 *", "2024-03", "2028-02-29"), ("0 0 29 2 */7", "2024-03", "2032-02-29"),
    ])
    func daysOfTheMonthAreFound(_ text: String, _ after: String, _ day: String) throws {
        let start = after.count == 4 ? after + "-01-01" : after + "-01"
        let found = try CronExpression(text).next(after: utc(start) - .seconds(1), in: .utc)
        #expect(found?.due == civil(day))
    }

    /// Zones with gaps and doubled times of any length, also inside each other, against looking at every minute.
    @Test func firingsAreThoseOfEveryMinuteInAnyZone() throws {
        let expressions = try [
            "30 2 * * *", "*/15 * * * *", "20 * * * *", "*/30 */2 * * *", "0 0 * * *", "10,50 1-3 * * *",
            "* 4 * * *",
            "0 * 10 * *", "5 23,0 10-11 * *", "59 23 * * *", "7 * 9,11 * wed", "0 0-22 * * *",
        ].map { try CronExpression($0) }
        let base = utc("2024-01-07").flooredSeconds
        for seed in 0..<150 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let table = Self.zone(around: base, &random)
            let expression = expressions[Int(seed) % expressions.count]
            let start = base + .random(in: 0...1440, using: &random) * 60
            let end = start + 5 * 86_400
            let zone = Zone(name: "", table: table)
            let expected = MinuteByMinute(expression: expression, table: table).firings(
                from: start, until: end)
            let range = Instant(seconds: start)..<Instant(seconds: end)
            #expect(Array(expression.firings(in: range, zone: zone)) == expected, "seed \(seed)")
            for (index, firing) in expected.enumerated() {
                let next = index + 1 < expected.count ? expected[index + 1] : nil
                let found = expression.next(after: firing.instant, in: zone)
                if let next { #expect(found == next, "seed \(seed)") }
                if index > 0 {
                    #expect(
                        expression.previous(before: firing.instant, in: zone) == expected[index - 1],
                        "seed \(seed)")
                }
                // From anywhere between the two.
                let later = firing.instant + .seconds(.random(in: 1...6000, using: &random))
                let following = expected.first { $0.instant > later }
                if let following {
                    #expect(expression.next(after: later, in: zone) == following, "seed \(seed)")
                }
            }
        }
    }

    private static func zone(around base: Int64, _ random: inout SeededRandom) -> ZoneTable {
        var kinds: [LocalTimeKind] = []
        for _ in 0..<5 {
            let offset =
                Int64.random(in: -6...6, using: &random) * [600, 1800, 3600, 7200].randomElement(
                    using: &random)!
            kinds.append(LocalTimeKind(offset: offset, isDaylightSaving: false, abbreviation: ""))
        }
        var changes: [Int64] = []
        var moment = base - 86_400
        while moment < base + 8 * 86_400 {
            changes.append(moment)
            moment +=
                Int64.random(in: 1...200, using: &random) * [600, 600, 1800].randomElement(using: &random)!
        }
        let after = changes.map { _ in Int.random(in: 0..<5, using: &random) }
        return ZoneTable(kinds: kinds, changes: changes, kindsAfter: after)
    }

    @Test func walkingBackIsWalkingForward() throws {
        for (name, start, end) in [
            ("Europe/Berlin", "2024-01-01", "2024-12-31"), ("Pacific/Apia", "2011-12-01", "2012-02-01"),
            ("America/Havana", "2024-01-01", "2024-12-31"),
            ("Australia/Lord_Howe", "2098-01-01", "2098-12-31"),
        ] {
            let zone = try caseZones.zone(named: name)
            for text in ["30 2 * * *", "0 0 * * *", "*/40 * * * *", "15 */3 * * mon-fri", "0 12 LW,1 * 5L"] {
                let expression = try CronExpression(text)
                let forward = Array(expression.firings(in: utc(start)..<utc(end), zone: zone))
                var backward: [Firing] = []
                var last = utc(end)
                while let found = expression.previous(before: last, in: zone), found.instant >= utc(start) {
                    backward.append(found)
                    last = found.instant
                }
                #expect(backward.reversed() == forward, "\(text) in \(name)")
            }
        }
    }
}
