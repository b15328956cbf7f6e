import ShipyardModel

/// Puts values in the place of late references, once they are known.
package struct LateResolution {
    private let value: (LateReference) throws(LateFailure) -> LateValue

    package init(_ value: @escaping (LateReference) throws(LateFailure) -> LateValue) { self.value = value }

    /// A text that no shell reads.
    package func text(_ text: String) throws(LateFailure) -> String {
        guard LateText.isLate(text) else { return text }
        var result = ""
        for piece in try Self.pieces(of: text) {
            switch piece {
            case .text(let part): result += part
            case .reference(let reference): result += try written(reference).text
            }
        }
        return result
    }

    /// A command, in which each value is a part of one word. Its places are looked for in the very text that a shell will read,
    /// with whatever a factory has put into it.
    package func command(_ command: String) throws(LateFailure) -> String {
        guard LateText.isLate(command) else { return command }
        var bytes: [UInt8] = []
        var references: [(range: Range<Int>, reference: LateReference)] = []
        for piece in try Self.pieces(of: command) {
            switch piece {
            case .text(let part): bytes += part.utf8
            case .reference(let reference):
                let start = bytes.count
                bytes += "@{\(reference)}".utf8
                references.append((start..<bytes.count, reference))
            }
        }
        let places = ShellPlaces.of(references.map(\.range), in: bytes)
        var result: [UInt8] = []
        var position = 0
        for ((range, reference), place) in zip(references, places) {
            result += bytes[position..<range.upperBound - range.count]
            position = range.upperBound
            if place == .comment {
                result += bytes[range]
                continue
            }
            let value = try written(reference)
            let next = position < bytes.count ? bytes[position] : 0
            guard let text = place.written(value.text, isPlain: value.isPlain, before: next) else {
                throw LateFailure(
                    "What `\(reference)` stands for cannot be kept one word in the task's command; use a variable."
                )
            }
            result += text.utf8
        }
        result += bytes[position...]
        return String(decoding: result, as: UTF8.self)
    }

    /// Appends the value; a string that is a reference and nothing else becomes what that stands for, whatever its type.
    package func append(_ json: JSONValue, to bytes: inout [UInt8]) throws(LateFailure) {
        switch json {
        case .null, .bool, .integer, .number: json.appendCompact(to: &bytes)
        case .string(let text):
            let pieces = LateText.isLate(text) ? try Self.pieces(of: text) : []
            if pieces.count == 1, case .reference(let reference) = pieces[0] {
                bytes += try value(reference).json.utf8
            } else {
                JSONText.append(try self.text(text), to: &bytes)
            }
        case .array(let items):
            bytes.append(UInt8(ascii: "["))
            for (position, item) in items.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                try append(item, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (position, member) in members.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                try append(member.value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// As text for a process, which can be given none with a U+0000.
    private func written(_ reference: LateReference) throws(LateFailure) -> LateValue {
        let value = try value(reference)
        guard !value.text.utf8.contains(0) else {
            throw LateFailure(
                "What `\(reference)` stands for has the character U+0000, which no process can be given.")
        }
        return value
    }

    private static func pieces(of text: String) throws(LateFailure) -> [LateText.Piece] {
        guard let pieces = LateText.pieces(text) else {
            throw LateFailure("The task has a text with the character U+0000, which no process can be given.")
        }
        return pieces
    }
}

extension LateResolution {
    /// What is to be fetched, with its references replaced.
    package func input(_ input: InputDataSpec) throws(LateFailure) -> InputDataSpec {
        var input = input
        for index in input.azureStorage.indices {
            input.azureStorage[index] = try transfer(input.azureStorage[index])
        }
        return input
    }

    package func transfer(_ transfer: StorageTransferSpec) throws(LateFailure) -> StorageTransferSpec {
        var transfer = transfer
        transfer.remotePath = try text(transfer.remotePath)
        if let path = transfer.localPath { transfer.localPath = try text(path) }
        for index in transfer.include.indices { transfer.include[index] = try text(transfer.include[index]) }
        for index in transfer.exclude.indices { transfer.exclude[index] = try text(transfer.exclude[index]) }
        return transfer
    }
}

extension StorageTransferSpec {
    private var texts: [String] { [remotePath] + (localPath.map { [$0] } ?? []) + include + exclude }
    package var isLate: Bool { texts.contains(where: LateText.isLate) }
    package var lateReferences: [LateReference] { texts.flatMap(LateText.references) }
}

extension ActivitySpec {
    package var lateReferences: [LateReference] {
        ([extendedProperties] + linkedServices.map(\.properties) + datasets.map(\.properties))
            .flatMap(\.lateReferences)
    }
}

extension JSONValue {
    fileprivate var lateReferences: [LateReference] {
        switch self {
        case .null, .bool, .integer, .number: []
        case .string(let text): LateText.references(in: text)
        case .array(let items): items.flatMap(\.lateReferences)
        case .object(let members): members.flatMap(\.value.lateReferences)
        }
    }
}
