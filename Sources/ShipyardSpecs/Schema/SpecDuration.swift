import ShipyardDiagnostics
import ShipyardModel

/// A length of time as specs write it: `[days.]hours:minutes:seconds`.
///
/// Batch Shipyard splits the text and gives each part to Python's `int`, so `30:00:00`, ` 1:0:0` and
/// `00:90:00` are fine and fractions are not.
package enum SpecDuration {
    package enum Failure: Error, Hashable { case notADuration, negative, tooLong }

    // Python's timedelta holds this many days and no more.
    private static let maximumDays: Int64 = 999_999_999

    package static func parse(_ text: String) -> Result<TimeSpan, Failure> {
        let halves = text.split(separator: ".", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return .failure(.notADuration) }
        let parts = (halves.last ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return .failure(.notADuration) }
        let fields = (halves.count == 2 ? [halves[0]] : ["0"]) + parts
        var seconds: Int64 = 0
        for (field, unit) in zip(fields, [86_400, 3600, 60, 1] as [Int64]) {
            guard let number = PythonNumber.integer(field) else {
                return .failure(isInteger(field) ? .tooLong : .notADuration)
            }
            let (product, overflow) = Int64(number).multipliedReportingOverflow(by: unit)
            let (sum, carried) = seconds.addingReportingOverflow(product)
            guard !overflow, !carried else { return .failure(.tooLong) }
            seconds = sum
        }
        guard seconds < (maximumDays + 1) * 86_400 else { return .failure(.tooLong) }
        return seconds < 0 ? .failure(.negative) : .success(.seconds(seconds))
    }

    /// The form, as a string of JSON: whether it is too long or negative no pattern can tell.
    static let jsonPattern: String = {
        let number = PythonNumber.integerPattern
        var text: [UInt8] = []
        JSONText.append("^(?:\(number)\\.)?\(number):\(number):\(number)$", to: &text)
        return String(decoding: text, as: UTF8.self)
    }()

    /// The length as a spec would have it, without its fraction of a second: `1.02:30:00`.
    package static func text(_ span: TimeSpan) -> String {
        let seconds = span.milliseconds / 1000
        var bytes: [UInt8] = []
        if seconds >= 86_400 {
            appendDecimal(seconds / 86_400, to: &bytes)
            bytes.append(UInt8(ascii: "."))
        }
        for (index, part) in [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ":")) }
            appendDecimal(part, width: 2, to: &bytes)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A run of digits that is only too long for `Int`.
    private static func isInteger(_ text: Substring) -> Bool {
        text.count > 18 && text.allSatisfy { $0.isASCII && $0.isNumber }
    }

    static func finding(_ text: String, _ node: SyntaxNode, key: String, mustBePositive: Bool) -> Diagnostic?
    {
        switch parse(text) {
        case .success(let span):
            if span > .seconds(SpecLimits.durationDays * 86_400) {
                .invalidDuration(node, key: key, tooLong)
            } else if mustBePositive, span == .zero {
                .invalidDuration(node, key: key, "must be longer than nothing")
            } else {
                nil
            }
        case .failure(.notADuration): .invalidDuration(node, key: key, "not `[days.]hours:minutes:seconds`")
        case .failure(.negative): .invalidDuration(node, key: key, "negative")
        case .failure(.tooLong): .invalidDuration(node, key: key, tooLong)
        }
    }

    private static let tooLong = "longer than \(SpecLimits.durationDays) days"
}
