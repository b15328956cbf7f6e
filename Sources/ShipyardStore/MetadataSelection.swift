import ShipyardMetadata
import ShipyardModel

/// A query of documents as SQL. The text is made of words of ours alone: whatever a user has written, paths included, is
/// a bound value.
struct MetadataSelection {
    private var values: [MetadataValue] = []
    private(set) var sql = ""

    /// Columns: id, whether it is JSON, rank and value of the order, and then the document's.
    ///
    /// A row that is no JSON is asked nothing, or the first such row would end every query of its collection.
    init(_ query: MetadataQuery, after cursor: MetadataCursor?) {
        let conditions = query.conditions.map { sql(of: $0) }
        let asked = conditions.filter(\.isOfDocument).map(\.sql)
        var filters = ["collection = \(bound(.text(query.collection)))"]
        filters += conditions.filter { !$0.isOfDocument }.map(\.sql)
        if !asked.isEmpty {
            filters.append("CASE WHEN \(Self.isJSON) THEN \(asked.joined(separator: " AND ")) ELSE 1 END")
        }
        let order = orderColumns(query.order)
        let direction = query.order.isDescending ? "DESC" : "ASC"
        if let cursor {
            let comparison = query.order.isDescending ? "<" : ">"
            filters.append(
                order.isByID
                    ? "id \(comparison) \(bound(.text(cursor.id)))"
                    : "(\(order.rank), \(order.value), id) \(comparison) "
                        + "(\(bound(.integer(cursor.rank))), \(bound(cursor.value)), \(bound(.text(cursor.id))))"
            )
        }
        // A constant in an order is the number of a column.
        let keys = [order.rank, order.value, "id"].filter { $0 != "0" }
        sql = """
            SELECT id, \(Self.isJSON), \(order.rank), \(order.value), \(SQL.metadataColumns)
            FROM documents WHERE \(filters.joined(separator: " AND "))
            ORDER BY \(keys.map { "\($0) \(direction)" }.joined(separator: ", ")) LIMIT ?\(values.count + 1)
            """
    }

    func bind(to statement: Statement, limit: Int) {
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            switch value {
            case .null: statement.bindNull(place)
            case .bool(let flag): statement.bind(place, Int64(flag ? 1 : 0))
            case .integer(let number): statement.bind(place, number)
            case .real(let number): statement.bind(place, real: number)
            case .text(let text): statement.bind(place, text)
            }
        }
        statement.bind(Int32(values.count + 1), Int64(limit))
    }

    private static let isJSON = "(typeof(document) = 'text' AND json_valid(document))"
    private static let isNumber = "IN ('integer', 'real')"

    /// The mark that stands for a value.
    private mutating func bound(_ value: MetadataValue) -> String {
        values.append(value)
        return "?\(values.count)"
    }

    // MARK: Conditions

    /// 1 or 0 and never NULL: what is compared has the type of the value, or the comparison does not hold.
    private mutating func sql(of condition: MetadataCondition) -> (sql: String, isOfDocument: Bool) {
        switch condition.operand {
        case .id: return ("id \(condition.comparison.rawValue) \(bound(condition.value))", false)
        case .path(let path):
            let mark = bound(.text(path.sqliteText))
            let isNegated = condition.comparison == .notEqual
            let holds = comparison(
                of: mark, isNegated ? .equal : condition.comparison, with: condition.value)
            return (isNegated ? "NOT (\(holds))" : "(\(holds))", true)
        }
    }

    private mutating func comparison(
        of path: String, _ comparison: MetadataCondition.Comparison, with value: MetadataValue
    ) -> String {
        let type = "coalesce(json_type(document, \(path)), 'null')"
        let content = "json_extract(document, \(path))"
        switch value {
        case .null: return "\(type) = 'null'"
        case .bool(let flag): return "\(type) = '\(flag)'"
        case .integer, .real:
            return "\(type) \(Self.isNumber) AND \(content) \(comparison.rawValue) \(bound(value))"
        case .text: return "\(type) = 'text' AND \(content) \(comparison.rawValue) \(bound(value))"
        }
    }

    // MARK: Order

    /// Values of different kinds are told apart by a rank: nothing, false, true, numbers, texts, lists, objects.
    private mutating func orderColumns(
        _ order: MetadataOrder
    ) -> (rank: String, value: String, isByID: Bool) {
        switch order.key {
        case .id: return ("0", "0", true)
        case .updated: return ("0", "updated", false)
        case .path(let path):
            let mark = bound(.text(path.sqliteText))
            let type = "json_type(document, \(mark))"
            let content = "json_extract(document, \(mark))"
            let rank = """
                CASE WHEN \(Self.isJSON) THEN CASE \(type) WHEN 'false' THEN 1 WHEN 'true' THEN 2
                WHEN 'integer' THEN 3 WHEN 'real' THEN 3 WHEN 'text' THEN 4 WHEN 'array' THEN 5
                WHEN 'object' THEN 6 ELSE 0 END ELSE 0 END
                """
            let value = """
                CASE WHEN NOT \(Self.isJSON) THEN 0 WHEN \(type) \(Self.isNumber) THEN \(content)
                WHEN \(type) = 'text' THEN substr(\(content), 1, \(MetadataLimits.orderCharacters)) ELSE 0 END
                """
            return (rank, value, false)
        }
    }
}
