import ShipyardModel
import Testing

/// Times, ids, keys and dependencies: what every other part takes for granted.
struct VocabularyTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"), (4_107_542_399_000, "2100-02-28T23:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"), (1_577_934_245_678, "2020-01-02T03:04:05.678Z"),
        ] as [(Int64, String)])
    func momentsAreWrittenAsAzureBatchWritesThem(_ milliseconds: Int64, text: String) {
        #expect(Instant(milliseconds: milliseconds).iso8601 == text)
    }

    /// Four hundred years are a whole cycle of the calendar: every day follows the one before.
    @Test func everyDayOfTheCalendarFollowsTheLast() {
        let lengths: [Int64] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var (year, month, day): (Int64, Int64, Int64) = (1970, 1, 1)
        for count in 0..<Int64(146_097) {
            let date = CivilDate(daysSinceEpoch: count)
            guard (date.year, date.month, date.day) == (year, month, day) else {
                Issue.record("day \(count) is \(date), not \(year)-\(month)-\(day)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            day += 1
            if day > lengths[Int(month) - 1] + (month == 2 && isLeap ? 1 : 0) {
                (month, day) = (month + 1, 1)
            }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test(arguments: [
        ("a", true), ("A-z_09", true), (String(repeating: "x", count: 64), true), ("", false),
        (String(repeating: "x", count: 65), false), ("a b", false), ("a/b", false), ("..", false),
        ("ä", false),
        ("a\n", false), ("a\0", false),
    ])
    func idsAreThoseOfAzureBatch(_ text: String, isID: Bool) {
        #expect((JobID(text) != nil) == isID)
        #expect((PoolID(text) != nil) == isID)
    }

    @Test(arguments: [UInt32(0), 1, .max], [UInt32(0), 1, .max >> 1, .max])
    func taskKeysHoldBothOfTheirParts(job: UInt32, ordinal: UInt32) {
        let key = TaskKey(job: job, ordinal: ordinal)
        #expect((key.job, key.ordinal) == (job, ordinal))
        #expect(TaskKey(rawValue: key.rawValue) == key)
    }

    @Test(
        arguments: [
            ([], ""), ([.task(5)], "5"), ([.task(0), .tasks(0...99), .numbers(1...10)], "0,0-99,n1~10"),
            ([.numbers(-3...(-1))], "n-3~-1"),
        ] as [([Dependency], String)])
    func dependenciesAreStoredAndComeBack(_ list: [Dependency], text: String) {
        #expect(Dependency.text(of: list) == text)
        #expect(Dependency.list(from: text) == list)
    }

    @Test(arguments: ["x", "1-", "5-1", "n5~1", "n5", "1,,x", "-1", "4294967296"])
    func textThatIsNoListOfDependenciesIsSeen(_ text: String) {
        #expect(Dependency.list(from: text) == nil)
    }
}
