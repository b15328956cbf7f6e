// Any JSON as a part of a type that is coded: a document of somebody else, kept as it is. With our own coder alone.

extension JSONValue: Codable {
    package init(from decoder: any Decoder) throws {
        guard let tree = decoder as? JSONTreeDecoder else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a tree of JSON"))
        }
        self = tree.value
    }

    package func encode(to encoder: any Encoder) throws {
        guard let tree = encoder as? JSONTreeEncoder else {
            throw EncodingError.invalidValue(
                self, .init(codingPath: encoder.codingPath, debugDescription: "not a tree of JSON"))
        }
        tree.slot.content = .value(self)
    }
}
