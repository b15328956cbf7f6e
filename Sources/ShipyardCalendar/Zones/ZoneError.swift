import ShipyardModel

/// Why there is no such time zone.
package enum ZoneError: Error, Hashable, Sendable {
    /// What no zone could be called: `../etc/passwd`, an empty text.
    case notAName(String)
    case unknown(String, nearest: [String])
    /// There are no zone files at all.
    case noFiles(directory: String)
    case malformed(path: String, reason: String)
    case unreadable(SystemError)

    /// The fact, in lower case, without a full stop.
    package var message: String {
        switch self {
        case .notAName(let text): "`\(text)` is no name of a time zone"
        case .unknown(let name, _): "there is no time zone `\(name)`"
        case .noFiles(let directory): "there are no time zones in `\(directory)`"
        case .malformed(let path, let reason): "`\(path)` is no usable time zone file: \(reason)"
        case .unreadable(let error): error.description
        }
    }

    package var help: String? {
        switch self {
        case .notAName: "names are like `Europe/Berlin`, `UTC` and `local`"
        case .unknown(_, let nearest):
            nearest.isEmpty
                ? nil : "did you mean " + nearest.map { "`\($0)`" }.joined(separator: " or ") + "?"
        case .noFiles: "install tzdata, set TZDIR, or use `UTC`"
        case .malformed, .unreadable: nil
        }
    }
}
