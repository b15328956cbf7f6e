/// A place in the tree that is being built. A class, because `Encoder` hands out several containers that all
/// write to one place.
final class JSONSlot {
    enum Content {
        case empty
        case value(JSONValue)
        case array([JSONSlot])
        case object([(name: String, slot: JSONSlot)])
    }
    var content = Content.empty

    var resolved: JSONValue {
        switch content {
        case .empty: .object([])
        case .value(let value): value
        case .array(let items): .array(items.map(\.resolved))
        case .object(let members): .object(members.map { JSONValue.Member($0.name, $0.slot.resolved) })
        }
    }

    func addItem() -> JSONSlot {
        let slot = JSONSlot()
        if case .array(var items) = content {
            content = .empty  // Else the append below would copy the whole array.
            items.append(slot)
            content = .array(items)
        } else {
            content = .array([slot])
        }
        return slot
    }

    /// The place of `name`; the one it has already where a type opens two containers under one key.
    func addMember(_ name: String) -> JSONSlot {
        guard case .object(var members) = content else {
            let slot = JSONSlot()
            content = .object([(name, slot)])
            return slot
        }
        // Only `nestedContainer` under the same key asks twice, at once, so the last is the only candidate.
        if let last = members.last, last.name == name { return last.slot }
        content = .empty
        let slot = JSONSlot()
        members.append((name, slot))
        content = .object(members)
        return slot
    }
}

struct JSONTreeEncoder: Encoder {
    let slot: JSONSlot
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .empty = slot.content { slot.content = .object([]) }
        return KeyedEncodingContainer(JSONKeyedWriter<Key>(slot: slot, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .empty = slot.content { slot.content = .array([]) }
        return JSONListWriter(slot: slot, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONScalarWriter(slot: slot, codingPath: codingPath)
    }

    func encode(_ value: some Encodable) throws {
        switch value {
        case let text as String: slot.content = .value(.string(text))
        case let value as Bool: slot.content = .value(.bool(value))
        case let number as Double: slot.content = .value(try finite(number))
        case let number as Float: slot.content = .value(try finite(Double(number)))
        case let number as any FixedWidthInteger:
            guard let exact = Int64(exactly: number) else {
                throw EncodingError.invalidValue(
                    value, .init(codingPath: codingPath, debugDescription: "number too large for JSON"))
            }
            slot.content = .value(.integer(exact))
        default: try value.encode(to: self)
        }
    }

    private func finite(_ number: Double) throws -> JSONValue {
        guard number.isFinite else {
            throw EncodingError.invalidValue(
                number, .init(codingPath: codingPath, debugDescription: "JSON has no word for \(number)"))
        }
        return .number(number)
    }
}

private struct JSONScalarWriter: SingleValueEncodingContainer {
    let slot: JSONSlot
    let codingPath: [any CodingKey]

    func encodeNil() throws { slot.content = .value(.null) }
    func encode(_ value: some Encodable) throws {
        try JSONTreeEncoder(slot: slot, codingPath: codingPath).encode(value)
    }
}

private struct JSONKeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: JSONSlot
    let codingPath: [any CodingKey]

    private func encoder(_ key: any CodingKey) -> JSONTreeEncoder {
        JSONTreeEncoder(slot: slot.addMember(key.stringValue), codingPath: codingPath + [key])
    }

    func encodeNil(forKey key: Key) throws { encoder(key).slot.content = .value(.null) }
    func encode(_ value: some Encodable, forKey key: Key) throws { try encoder(key).encode(value) }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        encoder(key).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder(key).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { encoder(JSONKey.superKey) }
    func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }
}

private struct JSONListWriter: UnkeyedEncodingContainer {
    let slot: JSONSlot
    let codingPath: [any CodingKey]
    private(set) var count = 0

    init(slot: JSONSlot, codingPath: [any CodingKey]) {
        self.slot = slot
        self.codingPath = codingPath
    }

    private mutating func nextEncoder() -> JSONTreeEncoder {
        defer { count += 1 }
        return JSONTreeEncoder(slot: slot.addItem(), codingPath: codingPath + [JSONKey(intValue: count)])
    }

    mutating func encodeNil() throws { nextEncoder().slot.content = .value(.null) }
    mutating func encode(_ value: some Encodable) throws { try nextEncoder().encode(value) }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) -> KeyedEncodingContainer<Nested> {
        nextEncoder().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        nextEncoder().unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { nextEncoder() }
}
