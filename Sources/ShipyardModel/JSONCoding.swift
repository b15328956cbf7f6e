/// `Codable` values to JSON and back, over `JSONValue`.
///
/// Written here because Foundation's coders cost every start of the program more than all else it does, and
/// our types need only what the compiler synthesises. Nil members are left out, unknown members ignored.
package enum JSONCoding {
    package static func encode(_ value: some Encodable) throws(JSONError) -> [UInt8] {
        try tree(of: value).compactBytes
    }

    package static func encodeText(_ value: some Encodable) throws(JSONError) -> String {
        String(decoding: try encode(value), as: UTF8.self)
    }

    package static func tree(of value: some Encodable) throws(JSONError) -> JSONValue {
        let slot = JSONSlot()
        do {
            try JSONTreeEncoder(slot: slot, codingPath: []).encode(value)
        } catch {
            throw JSONError(error)
        }
        return slot.resolved
    }

    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws(JSONError) -> Value {
        try decode(type, from: JSONValue(parsing: bytes))
    }

    package static func decode<Value: Decodable>(
        _ type: Value.Type, from text: String
    ) throws(JSONError) -> Value {
        try decode(type, from: Array(text.utf8))
    }

    package static func decode<Value: Decodable>(
        _ type: Value.Type, from tree: JSONValue
    ) throws(JSONError) -> Value {
        do {
            return try Value(from: JSONTreeDecoder(value: tree, codingPath: []))
        } catch {
            throw JSONError(error)
        }
    }
}

/// A name or a position on the way to a value.
struct JSONKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }
    init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }
    static let superKey = JSONKey(stringValue: "super")
}

extension JSONError {
    /// In our words: the synthesised code throws the standard library's errors.
    init(_ error: any Error) {
        switch error {
        case let error as JSONError: self = error
        case DecodingError.keyNotFound(let key, let context):
            self.init(place: jsonPlace(context.codingPath), message: "`\(key.stringValue)` is missing")
        case DecodingError.valueNotFound(_, let context), DecodingError.typeMismatch(_, let context),
            DecodingError.dataCorrupted(let context):
            self.init(place: jsonPlace(context.codingPath), message: context.debugDescription)
        case EncodingError.invalidValue(_, let context):
            self.init(place: jsonPlace(context.codingPath), message: context.debugDescription)
        default: self.init(place: "", message: "\(error)")
        }
    }
}

/// `tasks[3].name`
private func jsonPlace(_ path: [any CodingKey]) -> String {
    path.reduce(into: "") { place, key in
        if let position = key.intValue {
            place += "[\(position)]"
        } else {
            place += (place.isEmpty ? "" : ".") + key.stringValue
        }
    }
}
