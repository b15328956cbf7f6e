/// The table of a kind as a page of Markdown: every key, what it takes and what it does here.
package enum ReferencePage {
    package static func text(for kind: SpecKind) -> String? {
        guard let schema = kind.schema else { return nil }
        var page = Page()
        page.showsReferences = kind == .jobs
        page.findUseful(schema)
        page.section(schema, path: kind.rawValue + " file")
        return """
            # The \(kind.rawValue) file

            \(introduction(kind))

            Made from the table that also validates the files; `scripts/update-generated` writes it anew. A key
            marked with * is ours and unknown to Batch Shipyard. Values may be left out or be `null` unless they
            are required; a mapping may not be `null`. "no local effect" means: checked, then reported once
            and dropped.


            """ + page.text
    }

    private static func introduction(_ kind: SpecKind) -> String {
        switch kind {
        case .credentials:
            "Who may do what in the cloud. Here only the storage aliases count; no secret is kept."
        case .config: "Settings that all pools and jobs share. The file may be left out."
        case .fs: "Storage clusters of the cloud."
        case .pool: "The nodes that tasks run on, and what prepares them."
        case .jobs: "The jobs and their tasks."
        case .schedules:
            "What is run again and again, and when. How its keys play together is told in [scheduling.md](scheduling.md)."
        }
    }

    private struct Page {
        var text = ""
        var showsReferences = false
        private var printed: [ObjectIdentifier: String] = [:]
        private var pending: [(schema: MappingSchema, path: String, dropped: LocalEffect?)] = []
        /// Of the key whose row is written, where it keeps those inside from having any.
        private var around: LocalEffect?
        /// Mappings that somewhere have an effect: what a section says of its keys holds there.
        private var useful: Set<ObjectIdentifier> = []

        mutating func findUseful(_ schema: MappingSchema) {
            guard useful.insert(ObjectIdentifier(schema)).inserted else { return }
            for key in schema.keys + (schema.pattern.map { [$0.value] } ?? []) where key.effect.isUseful {
                for inner in key.type.innerMappings { findUseful(inner) }
            }
        }

        /// - Parameter dropped: the effect of a key around it, whose keys have none of their own.
        mutating func section(_ schema: MappingSchema, path: String, in dropped: LocalEffect? = nil) {
            printed[ObjectIdentifier(schema)] = path
            text += "## \(path)\n\n"
            text += "| key | type | needed, default | meaning | here |\n| --- | --- | --- | --- | --- |\n"
            let base = path.hasSuffix(" file") ? "" : path + "."
            for key in schema.keys { row(key, path: base + key.name, in: dropped) }
            if let pattern = schema.pattern {
                row(pattern.value, path: "\(base)<\(pattern.value.name)>", names: pattern.names, in: dropped)
            }
            text += "\n"
            let next = pending
            pending = []
            for (schema, path, dropped) in next where printed[ObjectIdentifier(schema)] == nil {
                section(schema, path: path, in: dropped)
            }
        }

        private mutating func row(
            _ key: KeySchema, path: String, names: KeyPattern? = nil, in dropped: LocalEffect?
        ) {
            let effect = dropped ?? key.effect
            around = effect.isUseful ? nil : effect
            let name = names.map { "any name: \($0.words)" } ?? "`\(key.name)`" + (key.isOwn ? " *" : "")
            var needed = key.isRequired ? "required" : key.defaultText.map { "`\($0)`" } ?? ""
            if let check = key.check { needed += (needed.isEmpty ? "" : "; ") + check.words }
            var meaning = key.meaning
            if let merge = key.merge.words { meaning += " (\(merge))" }
            if showsReferences, key.references != .none {
                meaning +=
                    key.takesOutputs ? " Takes references, of a task also to outputs." : " Takes references."
            }
            let cells = [name, typeText(key.type, path: path), needed, meaning, effect.words]
            text += "| " + cells.map { $0.isEmpty ? "–" : $0 }.joined(separator: " | ") + " |\n"
        }

        private mutating func typeText(_ type: ValueType, path: String) -> String {
            switch type {
            case .word(let words): return words.map { "`\($0)`" }.joined(separator: ", ")
            case .integer(let range?):
                return "an integer, "
                    + (range.upperBound == Int.max
                        ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)")
            case .list(let types):
                return "a list of "
                    + types.map { elementText($0, path: path + "[]") }.joined(separator: " or ")
            case .mapping(let schema): return reference(schema, path: path)
            case .listOrOne(.mapping(let schema)):
                return reference(schema, path: path) + ", or a list of such"
            case .listOrOne(let type): return type.words + ", or a list of it"
            case .string, .integer, .wideInteger, .float, .bool, .text, .scalar, .json: return type.words
            }
        }

        private mutating func elementText(_ type: ValueType, path: String) -> String {
            switch type {
            case .mapping(let schema): reference(schema, path: path)
            case .string, .text: "text"
            case .scalar: "values"
            case .integer, .wideInteger: "integers"
            case .float: "numbers"
            case .bool: "booleans"
            case .word(let words): words.map { "`\($0)`" }.joined(separator: ", ")
            case .list, .listOrOne: "lists of text"
            case .json: "values of any kind"
            }
        }

        private mutating func reference(_ schema: MappingSchema, path: String) -> String {
            if let known = printed[ObjectIdentifier(schema)] { return "a mapping as in `\(known)`" }
            if let planned = pending.first(where: { $0.schema === schema }) {
                return "a mapping as in `\(planned.path)`"
            }
            pending.append((schema, path, useful.contains(ObjectIdentifier(schema)) ? nil : around))
            return "a mapping: `\(path)`"
        }
    }
}
