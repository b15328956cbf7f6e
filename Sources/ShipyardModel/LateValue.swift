/// What a late reference stands for: a part of a task's output, as it is written there.
package struct LateValue: Hashable, Sendable {
    /// One JSON value. Numbers keep all their digits.
    package let json: String
    /// Of a string its characters; of anything else its JSON.
    package let text: String
    /// A number, `true` or `false`, which means the same quoted and unquoted.
    package let isPlain: Bool

    init(_ slice: JSONSlice) {
        json = String(decoding: slice.bytes, as: UTF8.self)
        text = slice.isString ? slice.text : json
        isPlain = slice.bytes.first.map { "-0123456789tf".utf8.contains($0) } ?? false
    }
}

/// Why a late reference has no value: a sentence.
package struct LateFailure: Error, Hashable, Sendable {
    package let sentence: String
    package init(_ sentence: String) { self.sentence = sentence }
}

extension LateReference {
    /// What the output `document` of its task has at its path.
    package func value(in document: String) throws(LateFailure) -> LateValue {
        var document = document
        let result: Result<LateValue, LateFailure> = document.withUTF8 { bytes in
            do throws(LateFailure) {
                return .success(try value(in: UnsafeRawBufferPointer(bytes)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func value(in document: UnsafeRawBufferPointer) throws(LateFailure) -> LateValue {
        var slice = JSONSlice(document.trimmed)
        for (position, step) in path.enumerated() {
            let next: JSONSlice?
            do throws(JSONError) {
                next = try slice.part(step)
            } catch {
                throw LateFailure("The output of task `\(task)` cannot be read: \(error).")
            }
            guard let next else { throw missing(at: position, in: slice) }
            slice = next
        }
        return LateValue(slice)
    }

    /// Says what is there instead.
    private func missing(at position: Int, in slice: JSONSlice) -> LateFailure {
        let before = Self.text(of: path[..<position])
        let owner = before.isEmpty ? "it" : "`\(before)`"
        return LateFailure(
            "The output of task `\(task)` has no `\(Self.text(of: path[...position]))`: \(owner) \(slice.content)."
        )
    }
}

extension JSONSlice {
    fileprivate func part(_ step: LateReference.Step) throws(JSONError) -> JSONSlice? {
        var found: JSONSlice?
        switch step {
        case .member(let wanted):
            guard bytes.first == UInt8(ascii: "{") else { return nil }
            // Of members with one name the last one counts, as everywhere.
            try eachMember { name, value in if name.text == wanted { found = value } }
        case .item(let index):
            guard bytes.first == UInt8(ascii: "[") else { return nil }
            var position = 0
            try eachItem { item in
                if position == index { found = item }
                position += 1
                return position <= index
            }
        }
        return found
    }

    /// As much as helps somebody who has misspelt a name.
    fileprivate var content: String {
        switch bytes.first {
        case UInt8(ascii: "{"):
            var names: [String] = []
            var count = 0
            try? eachMember { name, _ in
                count += 1
                if names.count < 8 { names.append("`\(name.text.prefix(40))`") }
            }
            if count == 0 { return "is an empty object" }
            let rest = count - names.count
            return "has \(names.joined(separator: ", "))" + (rest > 0 ? " and \(rest) more" : "")
        case UInt8(ascii: "["):
            var count = 0
            try? eachItem { _ in
                count += 1
                return true
            }
            return "is a list of \(count) items"
        default: return "is `\(String(decoding: bytes.prefix(40), as: UTF8.self))`"
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var trimmed: UnsafeRawBufferPointer {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) })
        else { return UnsafeRawBufferPointer(rebasing: self[0..<0]) }
        return UnsafeRawBufferPointer(rebasing: self[first...last])
    }
}
