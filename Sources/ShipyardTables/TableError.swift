import ShipyardModel

/// Why rows did not come into a table, or out of a database.
package struct TableError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// One row of a CSV file. The message names line and column.
        case badRow
        /// What was asked for does not fit the file or the table.
        case mismatch
        /// The CSV file itself: it cannot be read or written.
        case file
        /// Nobody answers, or the connection ended; the same may succeed later.
        case unreachable
        /// Another transaction was in the way; the same may succeed at once.
        case conflict
        case accessDenied
        case timedOut
        case diskFull
        case libraryMissing
        /// Whatever else the database refuses.
        case refused
    }

    package var kind: Kind
    /// A fact in lower case without a full stop, and no password.
    package var message: String
    package var help: String?

    package init(_ kind: Kind, _ message: String, help: String? = nil) {
        self.kind = kind
        self.message = message
        self.help = help
    }

    package var description: String { help.map { "\(message); \($0)" } ?? message }

    static let readingHelp = "a query that only reads is one `SELECT`, `VALUES` or `WITH`"
    static let notReading = TableError(.mismatch, "the query does not only read", help: readingHelp)

    var isPassing: Bool { kind == .unreachable || kind == .conflict }

    func masked(by mask: URLMask) -> TableError {
        TableError(kind, mask.applied(to: message), help: help.map(mask.applied))
    }
}

/// What of a database's URL nobody may read, wherever a message of the server or its library repeats it.
struct URLMask: Sendable {
    private let words: [String]

    init(_ url: Secret) {
        let text = url.withExposedBytes { String(decoding: $0, as: UTF8.self) }
        var words = [text]
        if let start = text.firstRange(of: "://")?.upperBound {
            let end = text[start...].firstIndex { $0 == "/" || $0 == "?" } ?? text.endIndex
            if let at = text[start..<end].lastIndex(of: "@"), let colon = text[start..<at].firstIndex(of: ":") {
                words.append(String(text[text.index(after: colon)..<at]))
            }
        }
        for name in ["password=", "sslpassword="] {
            for option in text.split(whereSeparator: { $0 == "?" || $0 == "&" }) where option.hasPrefix(name) {
                words.append(String(option.dropFirst(name.count)))
            }
        }
        words += words.dropFirst().map { String(decoding: percentDecodedLeniently($0), as: UTF8.self) }
        self.words = Set(words.filter { !$0.isEmpty }).sorted { $0.utf8.count > $1.utf8.count }
    }

    func applied(to text: String) -> String {
        words.reduce(text) { $0.replacing($1, with: Secret.mask) }
    }
}
