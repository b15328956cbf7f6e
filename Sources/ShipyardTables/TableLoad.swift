import ShipyardModel

/// One load of a file into a table.
package struct TableLoad: Sendable {
    package var target: TableTarget
    /// What makes this load the same as one before, however often it is tried: job, task and rule, or a random name.
    package var identity: String

    package init(_ target: TableTarget, identity: String) { (self.target, self.identity) = (target, identity) }
}

package struct TableLoadResult: Hashable, Sendable {
    /// In the file.
    package var rows: Int64 = 0
    package var madeTable = false
    /// The very same content has come under the same identity before, so nothing was done.
    package var wasLoadedBefore = false
    /// Under the same identity something else has come before, and is in the table as well.
    package var followsOtherContent = false

    package init(rows: Int64 = 0, madeTable: Bool = false) { (self.rows, self.madeTable) = (rows, madeTable) }

    /// Before an `append` to a table that is there.
    /// - Parameter digests: of what came under the same identity before.
    init(after digests: [String], _ file: TableFile) throws(TableError) {
        guard !digests.isEmpty, let digest = try file.digest() else { return }
        wasLoadedBefore = digests.contains(digest)
        followsOtherContent = !wasLoadedBefore
    }
}

/// A database that somebody works with. One thread at a time.
package protocol TableConnection: AnyObject {
    /// All of the file in one transaction, or nothing.
    func load(_ load: TableLoad, _ file: TableFile) throws(TableError) -> TableLoadResult
    /// Loads into the table are done again when they are asked for. Answers how many were known.
    func forgetLoads(of table: String) throws(TableError) -> Int
    /// One statement, with values for `$1`, `$2` and so on. It may write unless the connection was opened to read.
    func query(_ sql: String, _ values: [String], into sink: any RowSink) throws(TableError)
}

/// The table that remembers what was loaded, in the database that it was loaded into: it and the rows are one commit.
enum Ledger {
    static let table = "shipyard_loads"
    /// Types that both databases know.
    static let definition = """
        CREATE TABLE IF NOT EXISTS "shipyard_loads" ("load" TEXT NOT NULL, "target" TEXT NOT NULL, "digest" TEXT NOT NULL, \
        "row_count" BIGINT NOT NULL, "loaded_at" TEXT NOT NULL, PRIMARY KEY ("load", "target", "digest"))
        """
    static let find = """
        SELECT "digest" FROM "shipyard_loads" WHERE "load" = $1 AND "target" = $2
        """

    /// When rows of a table have gone, what has brought them is to be done again when it is asked for.
    static let forget = """
        DELETE FROM "shipyard_loads" WHERE "target" = $1
        """

    /// - Parameter time: an expression for the present, as text.
    static func insertion(time: String) -> String {
        """
        INSERT INTO "shipyard_loads" ("load", "target", "digest", "row_count", "loaded_at") \
        VALUES ($1, $2, $3, CAST($4 AS BIGINT), \(time)) \
        ON CONFLICT ("load", "target", "digest") DO UPDATE SET "row_count" = excluded."row_count", \
        "loaded_at" = excluded."loaded_at"
        """
    }
}

/// Whether it may be the name of something that is made: what has none, or one that no terminal can show, is a mistake.
/// - Parameter what: that has the name.
func checkName(_ name: String, of what: String) throws(TableError) {
    guard !name.isEmpty else { throw TableError(.mismatch, "the name of \(what) is empty") }
    guard let control = name.unicodeScalars.first(where: { $0.properties.generalCategory == .control }) else { return }
    let digits = String(control.value, radix: 16, uppercase: true)
    let code = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    throw TableError(.mismatch, "the name of \(what) has the control character U+\(code)")
}

/// Quoted, whatever it is: the only way for a name into a statement.
func identifier(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }

func identifiers(_ names: [String]) -> String { names.map(identifier).joined(separator: ", ") }
