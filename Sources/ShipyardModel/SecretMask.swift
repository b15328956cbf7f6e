import Glibc

/// Finds the values of secrets in what is about to be shown, and hides them.
///
/// Of a value of several lines each line counts by itself, since that is how it is mostly printed. What is shorter than
/// `shortest` is not looked for: it would be found in places that have nothing to do with it. So are the forms that JSON has for
/// a value, since much that is printed is JSON; what is encoded in another way is not recognised.
package struct SecretMask: Sendable {
    package static let shortest = 6
    /// A line of a longer value may be a word such as `}`.
    package static let shortestLine = 8

    /// A longer value is a file, and every piece that is read of another one reaches as far as the longest form.
    static let longestEscaped = 16 << 10

    private var values: [Secret] = []
    /// Bytes of the longest value.
    package private(set) var longest = 0

    package init(_ secrets: some Sequence<Secret>) {
        var known: Set<[UInt8]> = []
        for secret in secrets {
            for part in Self.parts(of: secret) where known.insert(part).inserted {
                values.append(Secret(copying: part))
                longest = max(longest, part.count)
            }
        }
        // Of two values that begin alike the longer one hides the other.
        values.sort { $0.withExposedBytes(\.count) > $1.withExposedBytes(\.count) }
    }

    package var isEmpty: Bool { values.isEmpty }

    private static func parts(of secret: Secret) -> [[UInt8]] {
        let whole = secret.withoutLineBreak.withExposedBytes { Array($0) }
        let lines = whole.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).map { line in
            Array(line.drop { $0 == 0x20 || $0 == 0x09 })
        }
        let found = lines.count > 1 ? lines.filter { $0.count >= shortestLine } : []
        return (found + [whole]).filter { $0.count >= shortest }.flatMap { [$0] + escapedForms(of: $0) }
    }

    /// Between the quotes of JSON, as common programs write it: with and without `\/`, in ASCII, and with `<`, `>` and `&` as numbers.
    static func escapedForms(of bytes: [UInt8]) -> [[UInt8]] {
        guard bytes.count <= longestEscaped, let text = String(validating: bytes, as: UTF8.self) else { return [] }
        var forms: [[UInt8]] = []
        for (escapesSlash, isASCII, isForHTML) in [
            (false, false, false), (true, false, false), (false, true, false), (true, true, false), (false, false, true),
        ] {
            var form: [UInt8] = []
            for scalar in text.unicodeScalars {
                switch scalar {
                case "\"", "\\": form += [UInt8(ascii: "\\"), UInt8(ascii: scalar)]
                case "/" where escapesSlash: form += Array(#"\/"#.utf8)
                case "\n": form += Array(#"\n"#.utf8)
                case "\r": form += Array(#"\r"#.utf8)
                case "\t": form += Array(#"\t"#.utf8)
                case "<" where isForHTML, ">" where isForHTML, "&" where isForHTML: appendNumbers(of: scalar, to: &form)
                case "\0"..<" ": appendNumbers(of: scalar, to: &form)
                case _ where isASCII && !scalar.isASCII: appendNumbers(of: scalar, to: &form)
                default: form += Array(String(scalar).utf8)
                }
            }
            if form != bytes, !forms.contains(form) { forms.append(form) }
        }
        return forms
    }

    private static func appendNumbers(of scalar: Unicode.Scalar, to form: inout [UInt8]) {
        for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            form += Array(#"\u"#.utf8) + Array(repeating: UInt8(ascii: "0"), count: 4 - digits.utf8.count) + Array(digits.utf8)
        }
    }

    /// With `***` in the place of each value.
    package func masked(_ text: String) -> String {
        guard !isEmpty else { return text }
        var bytes = Array(text.utf8)
        let found = places(in: bytes)
        guard !found.isEmpty else { return text }
        for place in found.reversed() { bytes.replaceSubrange(place, with: Secret.mask.utf8) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// With as many stars as a value has bytes, so that positions in a file stay what they are.
    package func hide(in bytes: inout [UInt8]) {
        for place in places(in: bytes) {
            for index in place { bytes[index] = UInt8(ascii: "*") }
        }
    }

    /// How many bytes at the end may be the beginning of a value.
    package func unfinished(at bytes: [UInt8]) -> Int {
        var most = 0
        for value in values {
            value.withExposedBytes { value in
                let end = bytes.suffix(value.count - 1)
                // Long values that repeat themselves would take hours if each length were tried.
                let borders = Self.borders(of: value)
                var count = 0
                for byte in end {
                    while count > 0, value[count] != byte { count = borders[count - 1] }
                    if value[count] == byte { count += 1 }
                }
                most = max(most, count)
            }
        }
        return most
    }

    /// For each beginning of `value`, how long the longest shorter beginning is that it ends with (Knuth, Morris, Pratt).
    private static func borders(of value: UnsafeRawBufferPointer) -> [Int] {
        var borders = [Int](repeating: 0, count: value.count)
        var count = 0
        for index in value.indices.dropFirst() {
            while count > 0, value[index] != value[count] { count = borders[count - 1] }
            if value[index] == value[count] { count += 1 }
            borders[index] = count
        }
        return borders
    }

    /// In order, and none touches another: what overlaps is one.
    private func places(in bytes: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            for value in values {
                value.withExposedBytes { value in
                    guard let wanted = value.baseAddress else { return }
                    var position = 0
                    while bytes.count - position >= value.count,
                        let hit = memchr(start + position, Int32(value[0]), bytes.count - position - value.count + 1)
                    {
                        let lower = UnsafeRawPointer(hit) - start
                        if memcmp(hit, wanted, value.count) == 0 { found.append(lower..<lower + value.count) }
                        position = lower + 1
                    }
                }
            }
        }
        guard found.count > 1 else { return found }
        var merged: [Range<Int>] = []
        for place in found.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, place.lowerBound < last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, place.upperBound)
            } else {
                merged.append(place)
            }
        }
        return merged
    }
}
