import ShipyardModel

/// What a value may be, in the terms of Batch Shipyard's own schemas.
package indirect enum ValueType: Sendable {
    case string
    case integer(ClosedRange<Int>?)
    /// An integer of any size.
    case wideInteger
    /// Integers and numeric text count as well.
    case float(ClosedRange<Double>?)
    case bool
    /// Text or a number, never a boolean or a date.
    case text
    /// Text, a number, a boolean or a date.
    case scalar
    /// One of these words, in exactly this spelling.
    case word([String])
    /// Elements that fit one of the types.
    case list([ValueType])
    /// A list, or its one element without the brackets.
    case listOrOne(ValueType)
    case mapping(MappingSchema)
    /// Whatever JSON can say: somebody else's business.
    case json

    static func list(_ element: ValueType) -> ValueType { .list([element]) }
    static var integer: ValueType { .integer(nil) }
    static var float: ValueType { .float(nil) }
}

/// What a key does on this machine.
package enum LocalEffect: Sendable {
    case used
    /// Only a part of its meaning holds here; the text says which.
    case partly(String)
    /// As `partly`, where who relies on the rest would be wrong: a warning.
    case differently(String)
    /// Checked and planned, but this version does not carry it out.
    case notYet
    /// Checked and then dropped: it has a meaning only in the cloud or for containers.
    case none
}

/// How a value meets the value of the same key one level up or down.
package enum MergeRule: Sendable {
    /// The key stands on one level only.
    case single
    /// The task's value wins over the job's.
    case taskWins
    /// Job's and task's entries are joined; of two with the same name the task's wins.
    case joinedTaskWins
    /// Job's and task's lists are joined; a name in both is an error.
    case union
    /// Each key inside is merged by itself, the task's winning.
    case perKey
    /// The nearest level that has the key at all replaces the others whole.
    case nearestWhole

    package var words: String? {
        switch self {
        case .single: nil
        case .taskWins: "task over job"
        case .joinedTaskWins: "job and task joined, task wins"
        case .union: "job and task joined"
        case .perKey: "task over job, key by key"
        case .nearestWhole: "factory over job over config, as a whole"
        }
    }
}

/// One key that a mapping may hold: the validator, the decoder, the JSON Schema and the reference pages all
/// read this and nothing else.
package struct KeySchema: Sendable {
    package var name: String
    package var type: ValueType
    package var isRequired: Bool
    package var defaultText: String?
    package var merge: MergeRule
    package var check: ValueCheck?
    package var effect: LocalEffect
    /// Whether the key is ours and unknown to Batch Shipyard.
    package var isOwn: Bool
    /// Whether `@{…}` in its value is replaced; only jobs files have any.
    package var references: ReferenceUse
    /// Whether, in a task, `@{tasks.…}` may be among them.
    package var takesOutputs = false
    /// Whether the value is a secret: shown by nothing and decoded as nothing else.
    package var isSecret = false
    /// The key beside it that the secret named here stands for; empty where it stands for many.
    package var secretOf: String?
    package var meaning: String

    init(
        _ name: String, _ type: ValueType, required: Bool = false, default defaultText: String? = nil,
        merge: MergeRule = .single, check: ValueCheck? = nil, effect: LocalEffect = .used, own: Bool = false,
        references: ReferenceUse = .none, _ meaning: String
    ) {
        self.name = name
        self.type = type
        isRequired = required
        self.defaultText = defaultText
        self.merge = merge
        self.check = check
        self.effect = effect
        isOwn = own
        self.references = references
        self.meaning = meaning
    }

    /// The key, where what another task leaves may be referred to.
    func takingOutputs() -> KeySchema {
        var schema = self
        schema.takesOutputs = true
        return schema
    }

    static func secret(
        _ name: String, _ type: ValueType = .string, required: Bool = false, check: ValueCheck? = nil,
        own: Bool = false, effect: LocalEffect, _ meaning: String
    ) -> KeySchema {
        var schema = KeySchema(
            name, type, required: required, check: check, effect: effect, own: own, meaning)
        schema.isSecret = true
        return schema
    }

    /// A key that names a secret.
    ///
    /// - Parameter key: the key beside it that gets the secret's value, in place of what is written there.
    static func secretID(
        _ name: String, of key: String = "", required: Bool = false, own: Bool = false,
        effect: LocalEffect = .used, _ meaning: String
    ) -> KeySchema {
        var schema = KeySchema(
            name, .string, required: required, check: effect.isUseful ? .secretID : nil, effect: effect, own: own,
            meaning)
        schema.secretOf = key
        return schema
    }
}

/// The keys of one mapping. A class, because the same mapping (resource files, environments) stands in many
/// places and its index is made once.
package final class MappingSchema: Sendable {
    /// What the mapping is, as messages say it: `a job`, `the pool`.
    package let name: String
    package let keys: [KeySchema]
    /// Keys whose names the user chooses.
    package let pattern: PatternSchema?
    /// Keys that people look for here, and why there are none.
    let absences: [String: String]
    private let index: [String: Int]
    let requiredKeys: [Int]

    init(
        _ name: String, _ keys: [KeySchema], pattern: PatternSchema? = nil, absences: [String: String] = [:]
    ) {
        self.name = name
        self.keys = keys
        self.pattern = pattern
        self.absences = absences
        // The validator keeps the keys it has met in the bits of one word.
        invariant(keys.count <= Int.bitWidth, "\(name) has too many keys")
        index = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1.name, $0) })
        requiredKeys = keys.indices.filter { keys[$0].isRequired }
    }

    package func position(of key: String) -> Int? { index[key] }

    package subscript(key: String) -> KeySchema? { index[key].map { keys[$0] } }

    // Without a copy of the key's whole entry.
    func isSecret(_ key: String) -> Bool { index[key].map { keys[$0].isSecret } ?? false }

    func innerMapping(of key: String) -> MappingSchema? { index[key].flatMap { keys[$0].type.innerMapping } }
}

/// The keys of a mapping that the user names, and what stands under each.
package struct PatternSchema: Sendable {
    package var names: KeyPattern
    package var value: KeySchema

    init(_ names: KeyPattern, _ value: KeySchema) {
        self.names = names
        self.value = value
    }
}

/// Which names a user may choose. Batch Shipyard searches for these patterns anywhere in the key, so
/// `my-vol_1` passes where `[a-zA-Z0-9]+` is asked for, and `--` does not.
package enum KeyPattern: Sendable {
    case anyText, alphanumeric, alphanumericOrDot, storageAlias, parameterName

    package func matches(_ key: String) -> Bool {
        switch self {
        case .anyText: key.unicodeScalars.contains { $0 != "\n" }
        case .alphanumeric: key.utf8.contains(where: isAlphanumeric)
        case .alphanumericOrDot: key.utf8.contains { isAlphanumeric($0) || $0 == UInt8(ascii: ".") }
        case .parameterName: isParameterName(key)
        case .storageAlias: key != "aad" && key != "aad\n" && key.utf8.first.map(isAlphanumeric) == true
        }
    }

    package var regularExpression: String {
        switch self {
        case .anyText: ".+"
        case .alphanumeric: "[a-zA-Z0-9]+"
        case .alphanumericOrDot: "[a-zA-Z0-9.]+"
        case .storageAlias: "^(?!aad$)[a-zA-Z0-9]+"
        case .parameterName: "^[a-zA-Z][a-zA-Z0-9_]{0,63}$"
        }
    }

    package var words: String {
        switch self {
        case .anyText: "at least one character"
        case .alphanumeric: "at least one ASCII letter or digit"
        case .alphanumericOrDot: "at least one ASCII letter, digit or dot"
        case .storageAlias: "an ASCII letter or digit first, and not the word `aad`"
        case .parameterName: "an ASCII letter, then letters, digits and `_`, 64 at most"
        }
    }

    /// What can be a part of a variable's name.
    private func isParameterName(_ key: String) -> Bool {
        guard (1...SpecLimits.idLength).contains(key.utf8.count), let first = key.utf8.first else {
            return false
        }
        return isAlphanumeric(first) && !(0x30...0x39).contains(first)
            && key.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
    }

    private func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
