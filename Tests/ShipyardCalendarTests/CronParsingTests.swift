import TestSupport
import Testing

@testable import ShipyardCalendar

@Suite struct CronParsingTests {
    private func bits(_ values: [Int]) -> UInt64 { values.reduce(0) { $0 | 1 << UInt64($1) } }

    @Test(arguments: [
        ("0", [0]), ("59", [59]), ("05", [5]), ("1,3,2", [1, 2, 3]), ("10-13", [10, 11, 12, 13]),
        ("*/20", [0, 20, 40]),
        ("10-40/10", [10, 20, 30, 40]), ("50/4", [50, 54, 58]), ("58-1", [58, 59, 0, 1]),
        ("50-10/10", [50, 0, 10]),
        ("*/60", [0]), ("7-7", [7]), ("1-5/2,30", [1, 3, 5, 30]), ("3,3", [3]), ("0-59", Array(0...59)),
    ])
    func minutesAreNumbersRangesListsAndSteps(_ text: String, _ values: [Int]) throws {
        #expect(try CronExpression("\(text) * * * *").minutes == bits(values))
    }

    @Test(arguments: [
        ("mon", [1]), ("MON", [1]), ("Sun", [0]), ("7", [0]), ("0", [0]), ("fri-mon", [5, 6, 0, 1]),
        ("fri-sun", [5, 6, 0]),
        ("5-7", [5, 6, 0]), ("7-2", [0, 1, 2]), ("0-7", Array(0...6)), ("7-7", [0]), ("sun-sun", [0]),
        ("1-7/2", [1, 3, 5, 0]),
        ("*/2", [0, 2, 4, 6]), ("1/2", [1, 3, 5]), ("7/3", [0, 3, 6]), ("fri-mon/2", [5, 0]),
        ("mon,wed-thu", [1, 3, 4]),
        ("0-7/7", [0]), ("6-7", [6, 0]),
    ])
    func sundayIsZeroAndSeven(_ text: String, _ values: [Int]) throws {
        #expect(try CronExpression("0 0 * * \(text)").days.ofWeek == bits(values))
    }

    @Test func otherFieldsHaveTheirNamesAndEnds() throws {
        #expect(try CronExpression("0 22-2/2 * * *").hours == bits([22, 0, 2]))
        #expect(try CronExpression("0 0 * nov-FEB *").months == bits([11, 12, 1, 2]))
        #expect(try CronExpression("0 0 * 12/1 *").months == bits([12]))
        #expect(try CronExpression("0 0 30-2 * *").days.ofMonth == bits([30, 31, 1, 2]))
        #expect(try CronExpression(" \t0  0\n* * *\r\n").hours == bits([0]))
    }

    @Test func daysHaveLettersOfTheirOwn() throws {
        let days = try CronExpression("0 0 L,L-3,15W,lw,1W,7 * friL,5l,7L,mon#2,0#5,7#5").days
        #expect(
            days.beforeLast == bits([0, 3]) && days.nearestWorkday == bits([15, 1]) && days.isLastWorkday)
        #expect(days.ofMonth == bits([7]) && days.ofWeek == 0)
        #expect(days.lastOfWeek == bits([5, 0]) && days.nthOfWeek == bits([9, 32]))
    }

    /// Two fields that say something: one is enough, unless one begins with `*` or `?`.
    @Test(arguments: [
        ("1 * mon", true), ("* * mon", false), ("1 * *", false), ("*/2 * mon", false), ("1 * */2", false),
        ("? * mon", false),
        ("1-31 * mon", true), ("1,* * mon", true), ("*,1 * mon", false), ("L * mon#1", true),
        ("1 * ?", false),
    ])
    func restrictedIsWhatDoesNotBeginWithAStar(_ fields: String, _ isEither: Bool) throws {
        #expect(try CronExpression("0 0 " + fields).days.eitherIsEnough == isEither)
    }

    @Test(arguments: [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"), (" @YEARLY ", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"),
    ])
    func macrosAreExpressions(_ macro: String, _ meaning: String) throws {
        let (short, long) = (try CronExpression(macro), try CronExpression(meaning))
        #expect((short.minutes, short.hours, short.months) == (long.minutes, long.hours, long.months))
        #expect(short.days == long.days && short.text == macro)
    }

    /// The text, what the caret is under, the message, the help.
    @Test(arguments: [
        (
            "", "", "the expression is empty",
            "write minute, hour, day of month, month and day of week: `30 2 * * mon`"
        ),
        (
            " \n", " \n", "the expression is empty",
            "write minute, hour, day of month, month and day of week: `30 2 * * mon`"
        ),
        (
            "0 2 * *", "0 2 * *", "the expression has 4 fields instead of 5",
            "write minute, hour, day of month, month and day of week: `30 2 * * mon`"
        ),
        (
            "5", "5", "the expression has 1 field instead of 5",
            "write minute, hour, day of month, month and day of week: `30 2 * * mon`"
        ),
        (
            "0 0 2 * * mon 2024 ", "mon 2024", "the expression has 7 fields instead of 5",
            "write minute, hour, day of month, month and day of week: `30 2 * * mon`"
        ),
        (
            "CRON_TZ=Europe/Berlin 0 2 * * *", "CRON_TZ=Europe/Berlin",
            "a time zone is not part of an expression",
            "remove it, and give the zone beside the expression"
        ),
        ("@dayly", "@dayly", "`@dayly` is no known abbreviation of an expression", "did you mean `@daily`?"),
        (
            "@reboot", "@reboot", "`@reboot` is no known abbreviation of an expression",
            "only times are expressions; a start is none"
        ),
        (
            "@every 5m", "@every 5m", "`@every 5m` is no known abbreviation of an expression",
            "an interval is not an expression"
        ),
        ("60 2 * * *", "60", "60 is outside of the minute, 0 to 59", nil),
        ("0 24 * * *", "24", "24 is outside of the hour, 0 to 23", nil),
        ("0 2 0 * *", "0", "0 is outside of the day of month, 1 to 31", nil),
        ("0 2 1-32 * *", "32", "32 is outside of the day of month, 1 to 31", nil),
        ("0 2 * 13 *", "13", "13 is outside of the month, 1 to 12", nil),
        ("0 2 * * 8", "8", "8 is outside of the day of week, 0 to 7", nil),
        (
            "99999999999999999999999 2 * * *", "99999999999999999999999",
            "99999999999999999999999 is outside of the minute, 0 to 59", nil
        ),
        (
            "*/0 2 * * *", "0", "`0` is no step of the minute, which has 60 values",
            "longer steps are intervals"
        ),
        (
            "*/90 * * * *", "90", "`90` is no step of the minute, which has 60 values",
            "longer steps are intervals"
        ),
        ("1,,2 2 * * *", "", "a value is missing in the minute", nil),
        ("1, 2 * * *", "", "a value is missing in the minute", nil),
        ("1- 2 * * *", "1-", "a value is missing in the minute", nil),
        ("*/ 2 * * *", "*/", "a value is missing in the minute", nil),
        ("0 2 * * monday", "monday", "`monday` is no value of the day of week", "did you mean `mon`?"),
        ("0 2 * * mon-fry", "fry", "`fry` is no value of the day of week", "did you mean `fri`?"),
        ("0 2 * june *", "june", "`june` is no value of the month", "did you mean `jun`?"),
        ("0 2 mon * *", "mon", "`mon` is no value of the day of month", nil),
        ("0 L * * *", "L", "`L` has no meaning at this place in the hour", nil),
        ("0 2 * L *", "L", "`L` has no meaning at this place in the month", nil),
        ("0 5W * * *", "W", "`W` has no meaning at this place in the hour", nil),
        ("0 2 1-5W * *", "W", "`W` has no meaning at this place in the day of month", nil),
        ("0 2 1#2 * *", "#", "`#` has no meaning at this place in the day of month", nil),
        ("0 2 * * L", "L", "`L` needs a weekday in the day of week", "`5L` is the last Friday of the month"),
        ("0 2 * * mon#6", "#6", "`#6` is no occurrence in a month, 1 to 5", nil),
        ("0 2 * * mon#0", "#0", "`#0` is no occurrence in a month, 1 to 5", nil),
        ("0 2 * * mon#", "mon#", "a value is missing in the day of week", nil),
        ("0 2 L-31 * *", "31", "31 is outside of the day of month, 1 to 31", nil),
        ("0 2 L-3W * *", "W", "`W` has no meaning at this place in the day of month", nil),
        ("? 2 * * *", "?", "`?` has no meaning at this place in the minute", "did you mean `*`?"),
        ("0 2 ?,1 * *", "?,1", "`?` stands alone in its field", "write `*`, or remove it"),
        ("0 2 ?/2 * *", "?/2", "`?` stands alone in its field", "write `*`, or remove it"),
        ("0 2 *5 * *", "5", "`5` is not expected in the day of month", nil),
        ("0 2 1-5-7 * *", "-", "`-` is not expected in the day of month", nil),
        ("0 2 -5 * *", "-", "`-` is not expected in the day of month", nil),
        ("0 2 1/2/3 * *", "/", "`/` is not expected in the day of month", nil),
        ("0 2 é * *", "é", "`é` is not expected in the day of month", nil),
        ("0 2 * * fri/2é", "é", "`é` is not expected in the day of week", nil),
        ("30 2 30 2 *", "30 2 *", "the expression never fires: no month has such a day", nil),
        ("0 0 31 4,6,9,11 *", "31 4,6,9,11 *", "the expression never fires: no month has such a day", nil),
        ("0 0 31W feb *", "31W feb *", "the expression never fires: no month has such a day", nil),
        ("0 0 */30 2 sun#5", "*/30 2 sun#5", "the expression never fires: no month has such a day", nil),
    ])
    func mistakesAreShownAtTheirPlace(_ text: String, _ marked: String, _ message: String, _ help: String?) {
        do throws(CronError) {
            _ = try CronExpression(text)
            Issue.record("`\(text)` is taken")
        } catch {
            #expect(String(decoding: Array(text.utf8)[error.range], as: UTF8.self) == marked)
            #expect(error.message == message)
            #expect(error.help == help)
        }
    }

    @Test func whatHappensOnceInALifetimeFires() throws {
        for text in [
            "0 0 29 2 *", "0 0 * 2 thu#5", "0 0 */28 feb sun#5", "0 0 L-28 2 *", "0 0 31 * *", "0 0 30 2 mon",
        ] {
            _ = try CronExpression(text)
        }
    }

    @Test func textsOfAnySizeAndKindAreAnswered() {
        let pieces = [
            "*", "/", "-", ",", "#", "L", "W", "?", "1", "31", "mon", "feb", " ", "@", "é", "\0", "99",
            "\u{1F600}",
        ]
        var random = SeededRandom(seed: 11)
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...24, using: &random)).map { _ in
                pieces.randomElement(using: &random)!
            }.joined()
            do throws(CronError) { _ = try CronExpression(text) } catch {
                #expect(error.range.lowerBound >= 0 && error.range.upperBound <= text.utf8.count)
                #expect(!error.message.isEmpty)
            }
        }
        for piece in pieces {
            let text = String(repeating: piece, count: 1_000_000)
            #expect(throws: CronError.self) { try CronExpression(text) }
        }
        #expect(throws: Never.self) { try CronExpression(String(repeating: "0,", count: 500) + "0 0 * * *") }
        let limit = try? CronExpression("0 0 * * *" + String(repeating: " ", count: 1015))
        #expect(limit != nil)
        #expect(throws: CronError.self) {
            try CronExpression("0 0 * * *" + String(repeating: " ", count: 1016))
        }
    }
}
