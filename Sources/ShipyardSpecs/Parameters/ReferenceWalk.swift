import Glibc
import ShipyardDiagnostics
import ShipyardModel

/// What a key does with references in its value.
package enum ReferenceUse: Sendable {
    /// None may stand there.
    case none
    /// Replaced as text.
    case text
    /// As text; where a reference is all there is, the value has the reference's type.
    case number
    /// As words of a shell.
    case command
}

/// Replaces the references of a jobs file, before anything else looks at it: ids, commands and paths are checked,
/// decoded and planned as if they had been written with their values. Places stay those of the file.
package struct ReferenceWalk {
    private let values: ReferenceValues
    private var findings: [Diagnostic] = []
    /// Only tasks come after other tasks.
    private var isInTask = false
    /// Where values begin that have a finding.
    private var spoiled: Set<Int> = []
    private var isStrict = false
    private var resolver: ReferenceResolver

    package static func replaced(
        _ root: SyntaxNode, _ values: ReferenceValues, _ diagnostics: inout Diagnostics
    ) -> SyntaxNode {
        walk(root, values, &diagnostics).root
    }

    /// With the places of the values in which not everything could be replaced.
    static func walk(
        _ root: SyntaxNode, _ values: ReferenceValues, _ diagnostics: inout Diagnostics
    ) -> (root: SyntaxNode, spoiled: Set<Int>) {
        guard mayConcern(root.source, values), let jobs = root["job_specifications"]?.elements else {
            return (root, [])
        }
        var walk = ReferenceWalk(values)
        let checked = GivenParameters(jobs, values, &walk.findings)
        let replaced = jobs.enumerated().map { index, job in
            walk.job(job, checked.declared[index], given: checked.given[index])
        }
        walk.findings.forEach { diagnostics.report($0) }
        let entries = (root.entries ?? []).map { entry in
            guard entry.key.string == "job_specifications" else { return entry }
            let list = entry.value
            return SyntaxEntry(
                key: entry.key,
                value: SyntaxNode(.sequence(replaced), in: list.source, list.lower, list.upper))
        }
        let tree = SyntaxNode(.mapping(entries), in: root.source, root.lower, root.upper)
        return (tree, walk.spoiled)
    }

    private init(_ values: ReferenceValues) {
        self.values = values
        resolver = ReferenceResolver([], given: [:], values)
    }

    /// A file of a million tasks without any is not walked. An escape may hide a letter.
    private static func mayConcern(_ source: SourceText, _ values: ReferenceValues) -> Bool {
        if case .of(let context) = values, !context.parameters.isEmpty { return true }
        return source.bytes.withUnsafeBufferPointer { bytes in
            (["parameters", "@{", "\\u", "\\x"] as [StaticString]).contains { holds(bytes, $0) }
        }
    }

    private static func holds(_ bytes: UnsafeBufferPointer<UInt8>, _ word: StaticString) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        let count = word.utf8CodeUnitCount
        var position = 0
        while position + count <= bytes.count,
            let found = memchr(start + position, Int32(word.utf8Start[0]), bytes.count - position - count + 1)
        {
            position = UnsafeRawPointer(found) - UnsafeRawPointer(start)
            if memcmp(start + position, word.utf8Start, count) == 0 { return true }
            position += 1
        }
        return false
    }

    private mutating func job(
        _ node: SyntaxNode, _ declared: [ParameterSpec], given: [String: String]
    ) -> SyntaxNode {
        isStrict = node["parameters"] != nil
        resolver = ReferenceResolver(declared, given: given, values)
        return mapping(node, SchemaTable.job) ?? node
    }

    // MARK: - The tree; nil where nothing changes

    private mutating func mapping(_ node: SyntaxNode, _ schema: MappingSchema) -> SyntaxNode? {
        guard var entries = node.entries else { return nil }
        let isWithinTask = isInTask
        isInTask = isInTask || schema === SchemaTable.task || schema === SchemaTable.mergeTask
        defer { isInTask = isWithinTask }
        var changed = false
        let formats = schema === SchemaTable.task && Self.formatsCommand(node["task_factory"])
        for index in entries.indices {
            guard let name = entries[index].key.string else { continue }
            // Declarations are no place for references, and no text of theirs is one.
            if schema === SchemaTable.job, name == "parameters" { continue }
            guard let key = schema[name] ?? schema.pattern?.value else { continue }
            if let value = value(entries[index].value, key.type, key, name: name, formats: formats) {
                entries[index].value = value
                changed = true
            }
        }
        return changed ? Self.node(of: entries, at: node) : nil
    }

    private static func node(of entries: [SyntaxEntry], at node: SyntaxNode) -> SyntaxNode {
        SyntaxNode(
            .mapping(entries), in: node.source, node.lower, node.upper,
            isLate: entries.contains { $0.value.isLate })
    }

    private mutating func value(
        _ node: SyntaxNode, _ type: ValueType, _ key: KeySchema, name: String, formats: Bool
    ) -> SyntaxNode? {
        switch node.content {
        case .string(let text):
            // One more than is reported is enough to know that there are more.
            guard ReferenceText.mayHold(text), findings.count <= SpecLimits.findingsPerFile else {
                return nil
            }
            let before = findings.count
            defer { if findings.count > before { spoiled.insert(node.lower) } }
            return replaced(text, node, key, name: name, formats: formats)
        case .mapping(let entries):
            if case .json = type { return members(entries, of: node, key, formats: formats) }
            return type.innerMapping.flatMap { mapping(node, $0) }
        case .sequence(let elements):
            let types: [ValueType]
            switch type {
            case .list(let known): types = known
            case .json: types = [.json]
            default: return nil
            }
            var changed = elements
            var isChanged = false
            for (index, element) in elements.enumerated() {
                let inner = types.first { $0.mayHold(element) } ?? types[0]
                if let value = value(element, inner, key, name: name, formats: formats) {
                    changed[index] = value
                    isChanged = true
                }
            }
            guard isChanged else { return nil }
            return SyntaxNode(
                .sequence(changed), in: node.source, node.lower, node.upper,
                isLate: changed.contains(where: \.isLate))
        case .null, .bool, .integer, .bigInteger, .float, .date: return nil
        }
    }

    /// Of a value that may be anything, at any depth.
    private mutating func members(
        _ entries: [SyntaxEntry], of node: SyntaxNode, _ key: KeySchema, formats: Bool
    ) -> SyntaxNode? {
        var entries = entries
        var isChanged = false
        for index in entries.indices {
            let name = entries[index].key.string ?? ""
            if let value = value(entries[index].value, .json, key, name: name, formats: formats) {
                entries[index].value = value
                isChanged = true
            }
        }
        return isChanged ? Self.node(of: entries, at: node) : nil
    }

    /// `repeat` alone takes the command as it is, braces and all; other factories fill it in.
    private static func formatsCommand(_ factory: SyntaxNode?) -> Bool {
        guard let factory, factory.entries != nil else { return false }
        func has(_ kind: String) -> Bool { factory[kind].map { !$0.isNull } ?? false }
        return has("custom") || has("file") || !has("repeat")
    }

    // MARK: - One text

    private mutating func replaced(
        _ text: String, _ node: SyntaxNode, _ key: KeySchema, name: String, formats: Bool
    ) -> SyntaxNode? {
        let source = ReferenceText(text, isStrict: isStrict)
        let pieces = source.pieces()
        let place = ReferencePlace(node.range, source)
        guard pieces.contains(where: { if case .text = $0 { false } else { true } }) else { return nil }
        guard key.references != .none else {
            let first = pieces.lazy.compactMap { piece in
                if case .reference(let reference) = piece { reference } else { nil }
            }.first
            if let first { findings.append(.referenceNotHere(first, key: name, place)) }
            return nil
        }
        let ranges = pieces.compactMap { piece in
            if case .reference(let reference) = piece { reference.range } else { nil }
        }
        let quoting = key.references == .command ? ShellPlaces.of(ranges, in: source.bytes) : []
        var result: [UInt8] = []
        var position = 0
        var values: [ReferenceValue] = []
        var isLate = false
        for piece in pieces {
            switch piece {
            case .text(let range): result += source.bytes[range]
            case .escape: result += "@{".utf8
            case .reference(let reference):
                let shell = key.references == .command ? quoting[position] : nil
                position += 1
                if shell == .comment {
                    result += source.bytes[reference.range]
                    continue
                }
                do throws(ReferenceProblem) {
                    if let late = try Self.late(reference) {
                        isLate = true
                        let marked = mark(late, reference, key, name, shell, place)
                        result += (formats && shell != nil ? Self.escaped(marked) : marked).utf8
                        continue
                    }
                    let value = try resolver.value(of: reference)
                    values.append(value)
                    let next =
                        reference.range.upperBound < source.bytes.count
                        ? source.bytes[reference.range.upperBound] : 0
                    let written = written(value, reference, shell, before: next, place)
                    result += (formats && shell != nil ? Self.escaped(written) : written).utf8
                } catch {
                    report { .reference(reference, error, place) }
                }
            }
        }
        if key.references == .number, pieces.count == 1, let value = values.first {
            return SyntaxNode(value.content, in: node.source, node.lower, node.upper)
        }
        let replaced = String(decoding: result, as: UTF8.self)
        return SyntaxNode(.string(replaced), in: node.source, node.lower, node.upper, isLate: isLate)
    }

    private mutating func report(_ finding: () -> Diagnostic) {
        if findings.count <= SpecLimits.findingsPerFile { findings.append(finding()) }
    }

    /// Nil for what has its value now.
    private static func late(_ reference: Reference) throws(ReferenceProblem) -> LateReference? {
        guard reference.isWellFormed, reference.root == LateReference.root else { return nil }
        guard let late = LateReference(reference.name) else { throw .malformedOutput }
        if let suffix = reference.suffix { throw .suffixOfOutput(suffix) }
        return late
    }

    /// Stays in the text until it has its value, at a place where that can be written.
    private mutating func mark(
        _ late: LateReference, _ reference: Reference, _ key: KeySchema, _ name: String, _ shell: ShellPlace?,
        _ place: ReferencePlace
    ) -> String {
        if !isInTask || !key.takesOutputs {
            report { [isInTask] in .outputNotHere(reference, key: name, isOfTask: isInTask, place) }
        } else if case .refused(let reason)? = shell {
            report { .referenceInShell(reference, reason, place) }
        }
        return LateText.marked(late)
    }

    private mutating func written(
        _ value: ReferenceValue, _ reference: Reference, _ shell: ShellPlace?, before next: UInt8,
        _ place: ReferencePlace
    ) -> String {
        guard let shell, !value.isRaw else { return value.text }
        if let text = shell.written(value.text, isPlain: value.isPlain, before: next) { return text }
        if case .refused(let reason) = shell { report { .referenceInShell(reference, reason, place) } }
        return ""
    }

    /// A value is never a field that a factory fills in.
    private static func escaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") { bytes.append(byte) }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension ValueType {
    /// Whether the outermost shape fits, which chooses among several types of elements.
    fileprivate func mayHold(_ node: SyntaxNode) -> Bool {
        switch self {
        case .list: node.elements != nil
        case .mapping: node.entries != nil
        case .listOrOne, .json: true
        case .string, .integer, .wideInteger, .float, .bool, .text, .scalar, .word:
            node.elements == nil && node.entries == nil
        }
    }
}

/// Where references of one text stand in the file.
final class ReferencePlace {
    private let node: SourceRange
    private let text: ReferenceText
    // Looked for when something is wrong, and once: one text may hold very many.
    private lazy var openingsInText = ReferenceText.openings(in: text.bytes, 0..<text.bytes.count)
    private lazy var openingsInFile = ReferenceText.openings(in: node.source.bytes, contentStart..<node.upper)

    /// `node` is where the text stands in the file.
    init(_ node: SourceRange, _ text: ReferenceText) {
        self.node = node
        self.text = text
    }

    /// The reference, or a part of it by its bytes; the whole value where it is written with escapes or over
    /// several lines.
    func range(of reference: Reference, part: Range<Int>? = nil) -> SourceRange {
        let written = text.bytes[reference.range]
        // The place has one number in both.
        guard let number = openingsInText.firstIndex(of: reference.range.lowerBound), number < openingsInFile.count,
            node.source.bytes[openingsInFile[number]..<node.upper].starts(with: written)
        else { return node }
        let lower = openingsInFile[number]
        let part = part ?? 0..<written.count
        return SourceRange(node.source, lower + part.lowerBound, lower + part.upperBound)
    }

    /// Behind the tag and the anchor, and behind the first line of a block, which may end in a comment.
    private var contentStart: Int {
        let bytes = node.source.bytes
        var index = node.lower
        while index < node.upper, "&!".utf8.contains(bytes[index]) {
            while index < node.upper, ![0x20, 0x09, 0x0A].contains(bytes[index]) { index += 1 }
            while index < node.upper, [0x20, 0x09, 0x0A].contains(bytes[index]) { index += 1 }
        }
        guard index < node.upper, "|>".utf8.contains(bytes[index]) else { return index }
        return bytes[index..<node.upper].firstIndex(of: 0x0A) ?? index
    }
}
