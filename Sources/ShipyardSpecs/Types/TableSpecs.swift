import ShipyardModel

/// An entry of `output_data: sql`: a CSV file that goes into a table.
package struct TableLoadSpec: Hashable, Sendable, Codable {
    package var connection: String
    /// On the node; variables are expanded.
    package var source: String
    package var target: TableTarget

    package init(connection: String, source: String, _ target: TableTarget) {
        (self.connection, self.source, self.target) = (connection, source, target)
    }
}

/// An entry of `input_data: sql`: what a query finds, as a CSV file.
package struct TableQuerySpec: Hashable, Sendable, Codable {
    package var connection: String
    package var query: String
    /// For `$1`, `$2` and so on.
    package var parameters: [String] = []
    package var destination: String

    package init(connection: String, query: String, parameters: [String] = [], destination: String) {
        (self.connection, self.query) = (connection, query)
        (self.parameters, self.destination) = (parameters, destination)
    }
}
