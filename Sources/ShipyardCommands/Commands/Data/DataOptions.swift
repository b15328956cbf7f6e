import ShipyardFileStore
import ShipyardPlanner

/// Options that several commands of `data` share.
enum DataOptions {
    static let recursive = Option.flag("recursive", short: "r", "all that is below a name is meant as well")
    static let include = Option.value(
        "include", "PATTERN", repeats: true, "only files whose name matches; `*` crosses slashes")
    static let exclude = Option.value("exclude", "PATTERN", repeats: true, "no files whose name matches")
    static let dryRun = Option.flag("dry-run", "say what would happen, and do nothing")
    static let connections = Option.value(
        "connections", "N", values: .number, "so many at a time; default as many as suit the store")
    static let bandwidth = Option.value(
        "bandwidth", "BYTES", "so many bytes a second at most: `500k`, `20MiB`, `1G`")

    /// `500k`, `20MiB`, `1.5G`: bytes. `kB`, `MB` and `GB` count by thousands.
    static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), number.isFinite, !digits.isEmpty else { return nil }
        let unit: Double
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": unit = 1
        case "kb": unit = 1e3
        case "mb": unit = 1e6
        case "gb": unit = 1e9
        case "k", "ki", "kib": unit = 1024
        case "m", "mi", "mib": unit = 1_048_576
        case "g", "gi", "gib": unit = 1_073_741_824
        default: return nil
        }
        let bytes = (number * unit).rounded()
        return bytes >= 1 && bytes < 1e15 ? Int64(bytes) : nil
    }
}

extension Invocation {
    func nameFilter() -> NameFilter {
        NameFilter(include: arguments.all("include"), exclude: arguments.all("exclude"))
    }

    func connections() throws(CommandFailure) -> Int? {
        guard let number = try arguments.number("connections") else { return nil }
        guard (1...256).contains(number) else {
            throw .usage("`--connections` takes a number from 1 to 256, not `\(number)`")
        }
        return number
    }

    func bandwidth() throws(CommandFailure) -> Int64? {
        guard let text = arguments["bandwidth"] else { return nil }
        guard let bytes = DataOptions.bytes(text) else {
            throw .usage(
                "`--bandwidth` takes a number of bytes a second such as `500k` or `20MiB`, not `\(text)`")
        }
        guard bytes >= TransferGauge.slowest else {
            throw .usage(
                "`--bandwidth` takes \(sizeText(TransferGauge.slowest)) a second at least, not `\(text)`")
        }
        return bytes
    }
}
