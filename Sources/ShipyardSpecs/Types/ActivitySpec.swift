import ShipyardDiagnostics
import ShipyardModel

/// What a task finds in `activity.json`, `linkedServices.json` and `datasets.json`. Texts in it may be late
/// (`LateText`).
package struct ActivitySpec: Hashable, Sendable, Codable {
    package var extendedProperties = JSONValue.object([])
    package var linkedServices: [ReferenceObject] = []
    package var datasets: [ReferenceObject] = []

    package struct ReferenceObject: Hashable, Sendable, Codable {
        package var name: String
        package var properties: JSONValue

        package init(name: String, properties: JSONValue) {
            self.name = name
            self.properties = properties
        }
    }

    package init() {}
}

extension ActivitySpec {
    /// Nil where the task is no activity: it has neither key.
    init?(decoding fields: Fields) {
        guard fields.has("extended_properties") || fields.has("reference_objects") else { return nil }
        self.init()
        if let properties = fields.value("extended_properties") {
            extendedProperties = JSONValue(of: properties)
        }
        guard let objects = fields.fields("reference_objects") else { return }
        linkedServices = objects.list("linked_services").map(ReferenceObject.init(decoding:))
        datasets = objects.list("datasets").map(ReferenceObject.init(decoding:))
    }
}

extension ActivitySpec.ReferenceObject {
    fileprivate init(decoding fields: Fields) {
        self.init(
            name: fields.string("name") ?? "",
            properties: fields.value("properties").map { JSONValue(of: $0) } ?? .object([]))
    }
}

extension JSONValue {
    /// What YAML knows and JSON does not becomes text: dates, infinities. So do integers that no double has exactly.
    fileprivate init(of node: SyntaxNode) {
        switch node.content {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let number): self = .integer(Int64(number))
        case .float(let number) where number.isFinite: self = .number(number)
        case .string(let text), .date(let text), .bigInteger(let text): self = .string(text)
        case .float: self = .string(PythonText.of(node.content) ?? "")
        case .sequence(let elements): self = .array(elements.map { JSONValue(of: $0) })
        case .mapping(let entries):
            self = .object(
                entries.map { entry in
                    Member(PythonText.of(entry.key.content) ?? "", JSONValue(of: entry.value))
                })
        }
    }
}

extension SyntaxNode {
    /// The references to outputs of tasks in it, each with the value in which it stands. Of a node that has none nothing is
    /// looked at.
    var lateReferences: [Located<LateReference>] {
        guard isLate else { return [] }
        switch content {
        case .string(let text): return LateText.references(in: text).map { Located($0, at: place(of: $0)) }
        case .sequence(let elements): return elements.flatMap(\.lateReferences)
        case .mapping(let entries): return entries.flatMap(\.value.lateReferences)
        case .null, .bool, .integer, .bigInteger, .float, .date: return []
        }
    }

    /// The whole value where it is written with escapes.
    private func place(of reference: LateReference) -> SourceRange {
        let text = Array(reference.description.utf8)
        var index = lower
        while index + text.count <= upper {
            if source.bytes[index..<index + text.count].elementsEqual(text) {
                return SourceRange(source, index, index + text.count)
            }
            index += 1
        }
        return range
    }
}
