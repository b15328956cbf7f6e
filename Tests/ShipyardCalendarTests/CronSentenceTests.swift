import ShipyardCalendar
import Testing

@Suite struct CronSentenceTests {
    @Test(arguments: [
        ("30 2 * * mon", "at 02:30 on Mondays"),
        ("30 2 * * *", "at 02:30 every day"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/7 * * * *", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
        ("0 * * * *", "every hour"),
        ("20 * * * *", "at minute 20 of every hour"),
        ("1-4,9 * * * *", "at minutes 1 to 4 and 9 of every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("30 */2 * * *", "at minute 30 of the hours 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20 and 22"),
        ("0 6,18 * * *", "at 06:00 and 18:00 every day"),
        ("* 2 * * *", "every minute between 02:00 and 02:59"),
        ("0 9-17 * * mon-fri", "every hour between 09:00 and 17:00 from Monday to Friday"),
        ("*/15 9-17 * * *", "every 15 minutes between 09:00 and 17:45"),
        ("*/30 1,5,9,20 * * *", "every 30 minutes of the hours 1, 5, 9 and 20"),
        ("1,2,3,5,7,11,13 4 * * *", "at minutes 1 to 3, 5, 7, 11 and 13 of hour 4"),
        ("0 0 * * fri-sun", "at 00:00 from Friday to Sunday"),
        ("0 0 * * sat,sun", "at 00:00 on Saturdays and Sundays"),
        ("0 0 1 * *", "at 00:00 on day 1 of the month"),
        ("0 0 L * *", "at 00:00 on the last day of the month"),
        (
            "0 0 L-1,L-3,LW,15W * *",
            "at 00:00 on the weekday nearest to day 15, the day 1 day before the last, the day 3 days before the last"
                + " and the last weekday of the month"
        ),
        ("0 0 13 * fri", "at 00:00 on day 13 of the month and on Fridays"),
        ("0 0 */10 * fri", "at 00:00 on days 1, 11, 21 and 31 of the month, but only on Fridays"),
        ("0 0 * * mon#2,5L", "at 00:00 on the second Monday and the last Friday of the month"),
        ("0 0 * * wed,mon#2", "at 00:00 on Wednesdays and on the second Monday of the month"),
        ("0 0 * jun-aug *", "at 00:00 from June to August"),
        ("0 0 1-31 jan,jul mon", "at 00:00 in January and July"),
        ("@weekly", "at 00:00 on Sundays"),
    ])
    func expressionsAreToldInEnglish(_ text: String, _ sentence: String) throws {
        #expect(try CronExpression(text).sentence == sentence)
    }
}
