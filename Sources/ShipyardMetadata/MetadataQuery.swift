import ShipyardModel

/// What a value of a document is compared with.
package enum MetadataValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case real(Double)
    case text(String)
}

/// `$.state = "failed"`
package struct MetadataCondition: Sendable {
    package enum Operand: Sendable {
        case id
        case path(MetadataPath)
    }

    package enum Comparison: String, Sendable, CaseIterable {
        // Longer ones first: they are looked for in this order.
        case notEqual = "!="
        case atMost = "<="
        case atLeast = ">="
        case equal = "="
        case less = "<"
        case greater = ">"
    }

    package let operand: Operand
    package let comparison: Comparison
    package let value: MetadataValue
}

/// `$.started:desc`
package struct MetadataOrder: Sendable {
    package enum Key: Sendable {
        case id, updated
        case path(MetadataPath)
    }

    package var key = Key.id
    package var isDescending = false

    package init() {}

    /// A path, `id` or `updated`, and perhaps `:asc` or `:desc` behind it.
    package init(_ text: String) throws(MetadataQueryError) {
        var scanner = try QueryScanner(text, named: "order")
        if scanner.takeWord("id") {
            key = .id
        } else if scanner.takeWord("updated") {
            key = .updated
        } else {
            key = .path(try scanner.path())
        }
        if scanner.take(":") {
            if scanner.takeWord("desc") {
                isDescending = true
            } else if !scanner.takeWord("asc") {
                throw scanner.failure("`:` is followed by `asc` or `desc`")
            }
        }
        guard scanner.isAtEnd else { throw scanner.failure("nothing may follow an order") }
    }
}

/// Which documents of a collection are asked for, and in which order.
package struct MetadataQuery: Sendable {
    package let collection: String
    package private(set) var conditions: [MetadataCondition] = []
    package private(set) var order = MetadataOrder()
    /// Of its words: a page goes on only in the query that it was of.
    package let digest: String

    /// - Parameter conditions: `PATH OP VALUE`, several with `and` between them. All of all texts hold.
    package init(
        _ collection: String, where conditions: [String] = [], order: String? = nil
    ) throws(MetadataQueryError) {
        self.collection = collection
        guard conditions.count <= MetadataLimits.conditions else { throw Self.tooMany }
        for text in conditions { self.conditions += try Self.conditions(of: text) }
        guard self.conditions.count <= MetadataLimits.conditions else { throw Self.tooMany }
        if let order { self.order = try MetadataOrder(order) }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in [collection] + conditions + ["order", order ?? ""] {
            for byte in Array(part.utf8) + [0] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        digest = String(hash, radix: 36)
    }

    private static var tooMany: MetadataQueryError {
        MetadataQueryError("a query has \(MetadataLimits.conditions) conditions at most")
    }

    private static func conditions(of text: String) throws(MetadataQueryError) -> [MetadataCondition] {
        var scanner = try QueryScanner(text, named: "where")
        var conditions: [MetadataCondition] = []
        repeat {
            conditions.append(try condition(&scanner))
        } while scanner.takeWord("and")
        guard scanner.isAtEnd else { throw scanner.failure("`and` or nothing may stand here") }
        return conditions
    }

    private static func condition(
        _ scanner: inout QueryScanner
    ) throws(MetadataQueryError) -> MetadataCondition {
        let operand: MetadataCondition.Operand =
            scanner.takeWord("id") ? .id : .path(try scanner.path())
        guard
            let comparison = MetadataCondition.Comparison.allCases.first(where: { scanner.take($0.rawValue) })
        else { throw scanner.failure("one of = != < <= > >= must stand here") }
        let start = scanner
        let value = try scanner.value()
        switch (comparison, value) {
        case (.equal, _), (.notEqual, _), (_, .text), (_, .integer), (_, .real): break
        case (_, .null), (_, .bool):
            throw start.failure("null, true and false are compared by = and != only")
        }
        if case .id = operand {
            guard case .text = value else { throw start.failure("an id is compared with a text in quotes") }
        }
        return MetadataCondition(operand: operand, comparison: comparison, value: value)
    }
}
