import ShipyardDiagnostics

/// Builds the tree of one YAML document from libyaml's events.
///
/// The loop keeps its own stack, so nesting costs no stack space here, and the depth limit makes the tree
/// safe to walk recursively for everybody else.
struct YAMLReader {
    /// A collection whose end has not come yet.
    private struct Frame {
        var isMapping: Bool
        var isFlow: Bool
        var properties: YAMLEvent.Properties
        /// Elements; of a mapping keys and values in turn.
        var nodes: [SyntaxNode] = []
        var mergeKeys: [Int] = []
        /// Nodes below, with every alias counted as what it stands for.
        var weight = 1
        var height = 1
        /// Not between a key and its value.
        var isBetweenEntries: Bool { !isMapping || nodes.count.isMultiple(of: 2) }
    }

    private struct Anchored {
        var node: SyntaxNode
        var weight: Int
        var height: Int
    }

    private let source: SourceText
    private var stack: [Frame] = []
    private var anchors: [String: Anchored] = [:]
    private var aliasedNodes = 0
    private let aliasLimit: Int
    private var root: SyntaxNode?
    private var failed = false

    /// Nil where nothing useful can follow; the reason is then in `diagnostics`. Duplicate keys and the like
    /// are reported and reading goes on, so that all of them are seen at once.
    static func read(_ source: SourceText, _ diagnostics: inout Diagnostics) -> SyntaxNode? {
        var reader = YAMLReader(source: source)
        return reader.readDocument(&diagnostics)
    }

    private init(source: SourceText) {
        self.source = source
        aliasLimit = SpecLimits.aliasedNodes + SpecLimits.aliasedNodesPerByte * source.bytes.count
    }

    private mutating func readDocument(_ diagnostics: inout Diagnostics) -> SyntaxNode? {
        guard let events = YAMLEventReader(source) else { return nil }
        var documents = 0
        do throws(YAMLFailure) {
            while !failed {
                switch try events.next() {
                case .streamStart, .documentEnd: continue
                case .streamEnd: return root
                case .documentStart(let lower, let upper):
                    documents += 1
                    guard documents == 1 else {
                        let range = SourceRange(source, lower, max(upper, lower))
                        diagnostics.report(.severalDocuments(at: range))
                        return nil
                    }
                case .scalar(let text, let isPlain, let properties):
                    addScalar(text, isPlain: isPlain, properties, &diagnostics)
                case .sequenceStart(let isFlow, let properties):
                    push(Frame(isMapping: false, isFlow: isFlow, properties: properties), &diagnostics)
                case .mappingStart(let isFlow, let properties):
                    push(Frame(isMapping: true, isFlow: isFlow, properties: properties), &diagnostics)
                case .collectionEnd(let upper): popCollection(upper: upper, &diagnostics)
                case .alias(let name, let lower, let upper):
                    addAlias(name, SourceRange(source, lower, upper), &diagnostics)
                }
            }
        } catch {
            let bracket = stack.last(where: \.isFlow)?.properties.lower
            let value = bracket == nil && stack.last?.isBetweenEntries == true ? stack.last?.nodes.last : nil
            diagnostics.report(
                SyntaxHint.conflict(in: source) ?? value.flatMap { SyntaxHint.textBehind($0, error) }
                    ?? .yamlSyntax(error, in: source, opening: bracket))
        }
        return nil
    }

    // MARK: Scalars and aliases

    private mutating func addScalar(
        _ text: String, isPlain: Bool, _ properties: YAMLEvent.Properties, _ diagnostics: inout Diagnostics
    ) {
        // A block scalar's mark ends at the next thing; what a person sees as its end is its last letter.
        let upper = source.trimmedEnd(properties.lower, properties.upper)
        let range = SourceRange(source, properties.lower, upper)
        var content = SyntaxNode.Content.string(text)
        if let tag = properties.tag {
            guard let tagged = YAMLTag.content(of: text, tag: tag) else {
                diagnostics.report(.unsupportedTag(tag, at: range))
                return add(standIn(range), properties.anchor, 1, 0)
            }
            content = tagged
        } else if isPlain {
            if text == "<<", let frame = stack.last, frame.isMapping, frame.nodes.count.isMultiple(of: 2) {
                stack[stack.count - 1].mergeKeys.append(frame.nodes.count)
            } else if text == "<<" || text == "=" {
                diagnostics.report(.unquotedIndicator(text, at: range))
            } else {
                content = ScalarResolution.resolve(plain: text)
            }
        }
        add(SyntaxNode(content, in: source, range.lower, range.upper), properties.anchor, 1, 0)
    }

    private mutating func addAlias(_ name: String, _ range: SourceRange, _ diagnostics: inout Diagnostics) {
        guard let target = anchors[name] else {
            let isOpen = stack.contains { $0.properties.anchor == name }
            diagnostics.report(.undefinedAlias(name, isOpen: isOpen, known: Array(anchors.keys), at: range))
            return add(standIn(range), nil, 1, 0)
        }
        let (sum, overflow) = aliasedNodes.addingReportingOverflow(target.weight)
        guard !overflow, sum <= aliasLimit else {
            diagnostics.report(.aliasExpansionTooLarge(at: range))
            failed = true
            return
        }
        aliasedNodes = sum
        guard stack.count + target.height <= SpecLimits.nestingDepth else {
            diagnostics.report(.tooDeep(at: range))
            failed = true
            return
        }
        add(target.node, nil, target.weight, target.height)
    }

    /// Takes the place of a value that could not be made out, so that reading can go on. No validator sees
    /// it: a tree with such errors is not handed out. An empty mapping, which even `<<` takes.
    private func standIn(_ range: SourceRange) -> SyntaxNode {
        SyntaxNode(.mapping([]), in: source, range.lower, range.upper)
    }

    // MARK: Collections

    private mutating func push(_ frame: Frame, _ diagnostics: inout Diagnostics) {
        if let tag = frame.properties.tag, !YAMLTag.fits(tag, mapping: frame.isMapping) {
            diagnostics.report(
                .unsupportedTag(tag, at: SourceRange(source, frame.properties.lower, frame.properties.upper)))
        }
        stack.append(frame)
        guard stack.count > SpecLimits.nestingDepth else { return }
        diagnostics.report(.tooDeep(at: SourceRange(source, frame.properties.lower, frame.properties.upper)))
        failed = true
    }

    private mutating func popCollection(upper: Int, _ diagnostics: inout Diagnostics) {
        guard let frame = stack.popLast() else { return }
        let lower = frame.properties.lower
        // The end of a block collection is where the next thing begins, perhaps pages below.
        let end =
            frame.isFlow ? upper : frame.nodes.last.map { $0.source === source ? $0.upper : upper } ?? upper
        var content = SyntaxNode.Content.sequence(frame.nodes)
        if frame.isMapping {
            var merged = 0
            content = .mapping(
                MappingBuilder.entries(
                    of: frame.nodes, mergeKeys: frame.mergeKeys, mergedCount: &merged, &diagnostics))
            aliasedNodes += merged
            if aliasedNodes > aliasLimit {
                diagnostics.report(.aliasExpansionTooLarge(at: SourceRange(source, lower, max(lower, end))))
                failed = true
            }
        }
        let node = SyntaxNode(content, in: source, lower, max(lower, end))
        add(node, frame.properties.anchor, frame.weight, frame.height)
    }

    /// Puts a finished node where it belongs.
    private mutating func add(_ node: SyntaxNode, _ anchor: String?, _ weight: Int, _ height: Int) {
        if let anchor { anchors[anchor] = Anchored(node: node, weight: weight, height: height) }
        guard let last = stack.indices.last else {
            root = node
            return
        }
        stack[last].nodes.append(node)
        // Bounded by the file's size times `aliasedNodes`, far below overflow.
        stack[last].weight += weight
        stack[last].height = max(stack[last].height, height + 1)
    }
}

/// The tags of YAML's core schema.
enum YAMLTag {
    private static let prefix = "tag:yaml.org,2002:"

    /// The value of a tagged scalar; nil where the tag is not of the core schema or the text does not fit it.
    static func content(of text: String, tag: String) -> SyntaxNode.Content? {
        switch tag {
        case "!", prefix + "str": return .string(text)
        case prefix + "int": return ScalarResolution.integer(text)
        case prefix + "float":
            if let float = ScalarResolution.float(text) { return float }
            if case .integer(let value)? = ScalarResolution.integer(text) { return .float(Double(value)) }
            return nil
        case prefix + "bool":
            if case .bool(let value) = ScalarResolution.resolve(plain: text) { return .bool(value) }
            return nil
        case prefix + "null": return .null
        case prefix + "timestamp": return ScalarResolution.isDate(Array(text.utf8)) ? .date(text) : nil
        default: return nil
        }
    }

    static func fits(_ tag: String, mapping: Bool) -> Bool {
        tag == "!" || tag == prefix + (mapping ? "map" : "seq")
    }
}

extension SourceText {
    /// `upper` moved back over white space, but not before `lower`.
    func trimmedEnd(_ lower: Int, _ upper: Int) -> Int {
        var end = min(upper, bytes.count)
        while end > lower, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[end - 1]) { end -= 1 }
        return end
    }
}
