/// Lengths of time for people: `4 ms`, `1.5 s`, `42 s`, `3 min 20 s`, `2 h 5 min`.
package func durationText(seconds: Double) -> String {
    let milliseconds = Int((max(0, seconds) * 1000).rounded())
    if milliseconds < 1000 { return "\(milliseconds) ms" }
    guard seconds >= 10 else {
        let tenths = Int((seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) s"
    }
    let whole = Int(min(seconds, 1e9).rounded())
    switch whole {
    case ..<120: return "\(whole) s"
    case ..<7200: return "\(whole / 60) min" + (whole % 60 == 0 ? "" : " \(whole % 60) s")
    default: return "\(whole / 3600) h" + (whole / 60 % 60 == 0 ? "" : " \(whole / 60 % 60) min")
    }
}

/// `1830`, `41`, `2.5`: as many digits as mean something.
package func rateText(_ perSecond: Double) -> String {
    guard perSecond < 10 else { return String(Int(perSecond.rounded())) }
    let tenths = Int((perSecond * 10).rounded())
    return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
}

/// `12 tasks`, `1 task`.
package func counted(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
}
