/// The days of a month on which an expression fires: what the fields day of month and day of week say.
struct CronDays: Hashable, Sendable {
    /// Bits 1 to 31.
    var ofMonth: UInt64 = 0
    /// Bit n for the day n days before the last: bit 0 for `L`, bit 3 for `L-3`.
    var beforeLast: UInt64 = 0
    /// Bit n for `nW`.
    var nearestWorkday: UInt64 = 0
    /// `LW`
    var isLastWorkday = false

    /// Bits 0 (Sunday) to 6.
    var ofWeek: UInt64 = 0
    /// Bit 8 * (n - 1) + weekday for `weekday#n`.
    var nthOfWeek: UInt64 = 0
    /// Bits 0 to 6, for `5L`.
    var lastOfWeek: UInt64 = 0

    /// Whether one of the two fields is enough. Vixie cron's rule: it is, unless one of them begins with `*`.
    var eitherIsEnough = false

    /// Bits 1 to 31 for a month of `length` days that begins on the weekday `first`.
    func bits(monthOfLength length: Int, beginningOn first: Int) -> UInt64 {
        let month: UInt64 = (2 << UInt64(length)) - 2
        let byMonth = monthBits(length, first) & month
        let byWeek = weekBits(length, first) & month
        return eitherIsEnough ? byMonth | byWeek : byMonth & byWeek
    }

    private func monthBits(_ length: Int, _ first: Int) -> UInt64 {
        var bits = ofMonth
        forEachBit(beforeLast) { if $0 < length { bits |= 1 << UInt64(length - $0) } }
        forEachBit(nearestWorkday) {
            if $0 <= length { bits |= 1 << UInt64(workday(nearest: $0, length, first)) }
        }
        if isLastWorkday { bits |= 1 << UInt64(workday(nearest: length, length, first)) }
        return bits
    }

    /// Within the month: the 1st, a Saturday, leads to Monday the 3rd.
    private func workday(nearest day: Int, _ length: Int, _ first: Int) -> Int {
        switch (first + day - 1) % 7 {
        case 6: day == 1 ? 3 : day - 1
        case 0: day == length ? day - 2 : day + 1
        default: day
        }
    }

    private func weekBits(_ length: Int, _ first: Int) -> UInt64 {
        // Turned so that its bit 0 is for the weekday of the first day, and repeated five times.
        let turned = (ofWeek >> UInt64(first) | ofWeek << UInt64(7 - first)) & 0x7F
        var bits = (turned * (1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28)) << 1
        forEachBit(nthOfWeek) { bits |= 1 << UInt64(1 + ($0 % 8 - first + 7) % 7 + $0 / 8 * 7) }
        forEachBit(lastOfWeek) {
            let day = 1 + ($0 - first + 7) % 7
            bits |= 1 << UInt64(day + (length - day) / 7 * 7)
        }
        return bits
    }
}

@inline(__always)
func forEachBit(_ bits: UInt64, _ body: (Int) -> Void) {
    var rest = bits
    while rest != 0 {
        body(rest.trailingZeroBitCount)
        rest &= rest - 1
    }
}
