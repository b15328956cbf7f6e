/// Where tables are and how they are reached, without a password: what plans and the state file hold.
package struct SQLConnection: Hashable, Sendable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable { case sqlite, postgresql }

    package var kind: Kind
    /// What jobs call it.
    package var alias: String
    /// `sqlite:PATH`, or `postgresql://HOST:PORT/DATABASE` without user, password and options. Nil where the URL is kept
    /// somewhere else and not known.
    package var place: String?
    /// Absolute path of the credentials file whose alias has the URL; nil where none is needed or known.
    package var credentialsFile: String?

    package enum Problem: Error {
        case unknownScheme, noPath, slashesAfterScheme, leavesFolder, unreadable
        /// A password that would be taken for something else, and shown.
        case unescaped

        package var sentence: String {
            switch self {
            case .unknownScheme: "must begin with `sqlite:` or `postgresql://`"
            case .noPath: "names no database file after `sqlite:`"
            case .slashesAfterScheme: "has `//` after `sqlite:`, which programs read in two ways"
            case .leavesFolder: "leads out of the folder of databases; a file elsewhere has an absolute path"
            case .unreadable: "has characters that no URL has"
            case .unescaped: "has an `@` behind its host: in a user or password `@`, `/` and `?` are written `%40`, `%2F` and `%3F`"
            }
        }
    }

    /// A database file of the home, named as the alias. Nil where that is no such name.
    package init?(embedded alias: String) {
        guard alias.utf8.first.map({ $0 | 0x20 }).map((UInt8(ascii: "a")...UInt8(ascii: "z")).contains) == true,
            alias.utf8.allSatisfy({ byte in
                byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            })
        else { return nil }
        self.init(.sqlite, alias, "sqlite:\(alias).db")
    }

    /// One that can be named and not be opened.
    package init(unknown alias: String) { self.init(.postgresql, alias, nil) }

    package init(alias: String, url: String) throws(Problem) {
        guard !url.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { throw .unreadable }
        if url.hasPrefix("sqlite:") {
            let path = url.dropFirst("sqlite:".count)
            guard !path.isEmpty, !path.hasSuffix("/"), path != ":memory:" else { throw .noPath }
            guard !path.hasPrefix("//") else { throw .slashesAfterScheme }
            let isRelative = !path.hasPrefix("/")
            guard !isRelative || !path.split(separator: "/").contains("..") else { throw .leavesFolder }
            self.init(.sqlite, alias, url)
            return
        }
        for scheme in ["postgresql://", "postgres://"] where url.hasPrefix(scheme) {
            self.init(.postgresql, alias, try Self.publicPart(of: url.dropFirst(scheme.count)))
            return
        }
        throw .unknownScheme
    }

    private init(_ kind: Kind, _ alias: String, _ place: String?) {
        (self.kind, self.alias, self.place) = (kind, alias, place)
    }

    /// Of the options only those that say where the database is.
    private static func publicPart(of rest: Substring) throws(Problem) -> String {
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        guard !rest[end...].contains("@") else { throw .unescaped }
        let host = rest[..<end].split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        let parts = rest[end...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let options = parts.count < 2
            ? []
            : parts[1].split(separator: "&").filter { option in
                ["host=", "hostaddr=", "port=", "dbname="].contains { option.hasPrefix($0) }
            }
        return "postgresql://\(host)\(parts.first ?? "")"
            + (options.isEmpty ? "" : "?" + options.joined(separator: "&"))
    }

    /// Whether both are one database at one server; where the password is, is another matter.
    package func isSamePlace(as other: SQLConnection) -> Bool { kind == other.kind && place == other.place }

    /// What follows `sqlite:`.
    package var path: String? {
        guard kind == .sqlite else { return nil }
        return place.map { String($0.dropFirst("sqlite:".count)) }
    }

    /// For messages.
    package var shown: String { place.map { "`\(alias)` (\($0))" } ?? "`\(alias)`" }
}

/// What becomes of the rows that are there.
package enum TableMode: String, Sendable, Codable, CaseIterable {
    case append, replace, upsert
}

/// What the values of a column are.
package enum ColumnType: String, Sendable, Codable, CaseIterable {
    case integer, real, decimal, text, boolean, date, timestamp
}

/// A column of a CSV file, and what it is called in the table.
package struct ColumnChoice: Hashable, Sendable, Codable {
    package var source: String
    package var target: String

    package init(_ source: String, as target: String? = nil) {
        self.source = source
        self.target = target ?? source
    }
}

/// The type of one column of a table.
package struct TypedColumn: Hashable, Sendable, Codable {
    package var name: String
    package var type: ColumnType

    package init(_ name: String, _ type: ColumnType) { (self.name, self.type) = (name, type) }
}

/// How the rows of a CSV file come into a table.
package struct TableTarget: Hashable, Sendable, Codable {
    package var table: String
    package var mode = TableMode.append
    /// What tells rows apart, for `upsert`.
    package var keys: [String] = []
    /// All of the file where none is named.
    package var columns: [ColumnChoice] = []
    package var types: [TypedColumn] = []

    package init(_ table: String, _ mode: TableMode = .append) { (self.table, self.mode) = (table, mode) }
}
