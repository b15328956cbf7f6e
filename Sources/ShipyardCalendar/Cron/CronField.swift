/// One of the five fields of a cron expression, in their order.
package enum CronField: Int, CaseIterable, Hashable, Sendable {
    case minute, hour, dayOfMonth, month, dayOfWeek

    package var title: String {
        switch self {
        case .minute: "minute"
        case .hour: "hour"
        case .dayOfMonth: "day of month"
        case .month: "month"
        case .dayOfWeek: "day of week"
        }
    }

    /// The values of the field. 7 is another way to write 0, Sunday.
    var values: ClosedRange<Int> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .dayOfMonth: 1...31
        case .month: 1...12
        case .dayOfWeek: 0...6
        }
    }

    /// What may be written for a value.
    var numbers: ClosedRange<Int> { self == .dayOfWeek ? 0...7 : values }

    /// Words for the values, from the lowest on.
    var names: [String] {
        switch self {
        case .minute, .hour, .dayOfMonth: []
        case .month: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        case .dayOfWeek: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        }
    }

    /// A bit for each value.
    var allBits: UInt64 { values.reduce(0) { $0 | 1 << UInt64($1) } }
}
