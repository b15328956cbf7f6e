import CYAML
import ShipyardDiagnostics

/// What libyaml says about a stretch of text, with byte offsets into the source.
enum YAMLEvent {
    struct Properties {
        var anchor: String?
        var tag: String?
        var lower: Int
        var upper: Int
    }
    case scalar(String, isPlain: Bool, Properties)
    /// `isFlow` for `[…]` and `{…}`, whose ends are marked in the text.
    case sequenceStart(isFlow: Bool, Properties)
    case mappingStart(isFlow: Bool, Properties)
    case collectionEnd(upper: Int)
    case alias(String, lower: Int, upper: Int)
    /// `version`: what a `%YAML` line says, such as 1 and 1.
    case documentStart(version: (major: Int, minor: Int)?, lower: Int, upper: Int)
    case documentEnd
    case streamStart
    case streamEnd
}

/// Why libyaml stopped.
struct YAMLFailure: Error {
    var problem: String
    var offset: Int
    var context: String?
    var contextOffset: Int
}

/// Reads YAML events from libyaml.
///
/// libyaml stores the parser's own address inside the parser and keeps a pointer to the input. Both live on
/// the heap for exactly as long as this value; neither is ever passed as `&variable`.
struct YAMLEventReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let offsets: CharacterOffsets

    /// The source must be UTF-8; a byte order mark is skipped. Nil only when memory is exhausted.
    init?(_ source: SourceText) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            return nil
        }
        // Nothing below can fail, so from here on deinit owns the clean-up.
        let start = SourceText.byteOrderMarkLength(of: source.bytes)
        let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: source.bytes.count - start)
        _ = input.initialize(from: source.bytes[start...])
        yaml_parser_set_input_string(parser, input.baseAddress, input.count)
        // Said outright, since libyaml would otherwise guess at UTF-16 from the first bytes.
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        self.parser = parser
        self.input = input
        offsets = CharacterOffsets(of: source)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    func next() throws(YAMLFailure) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        let lower = offsets.byte(ofCharacter: event.start_mark.index)
        let upper = offsets.byte(ofCharacter: event.end_mark.index)
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let properties = YAMLEvent.Properties(
                anchor: string(scalar.anchor), tag: string(scalar.tag), lower: lower, upper: upper)
            return .scalar(
                String(decoding: bytes, as: UTF8.self), isPlain: scalar.plain_implicit == 1, properties)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            let properties = YAMLEvent.Properties(
                anchor: string(start.anchor), tag: string(start.tag), lower: lower, upper: upper)
            return .sequenceStart(isFlow: start.style == YAML_FLOW_SEQUENCE_STYLE, properties)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            let properties = YAMLEvent.Properties(
                anchor: string(start.anchor), tag: string(start.tag), lower: lower, upper: upper)
            return .mappingStart(isFlow: start.style == YAML_FLOW_MAPPING_STYLE, properties)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .collectionEnd(upper: upper)
        case YAML_ALIAS_EVENT:
            return .alias(string(event.data.alias.anchor) ?? "", lower: lower, upper: upper)
        case YAML_DOCUMENT_START_EVENT:
            let version = event.data.document_start.version_directive?.pointee
            return .documentStart(
                version: version.map { (Int($0.major), Int($0.minor)) }, lower: lower, upper: upper)
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_STREAM_START_EVENT: return .streamStart
        default: return .streamEnd
        }
    }

    private func string(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        bytes.map { String(decodingCString: $0, as: UTF8.self) }
    }

    private func failure() -> YAMLFailure {
        let parser = self.parser.pointee
        return YAMLFailure(
            problem: parser.problem.map { String(cString: $0) } ?? "the text cannot be read",
            offset: offsets.byte(ofCharacter: parser.problem_mark.index),
            context: parser.context.map { String(cString: $0) },
            contextOffset: offsets.byte(ofCharacter: parser.context_mark.index))
    }
}

/// Finds the byte at which the n-th character (Unicode scalar) of a source begins: libyaml's marks count
/// characters, our ranges bytes.
private struct CharacterOffsets {
    // One entry for 256 characters: a lookup walks at most so many, and the table stays small.
    private static let stride = 256
    private let source: SourceText
    private let base: Int
    private var checkpoints: [Int] = []

    init(of source: SourceText) {
        self.source = source
        base = SourceText.byteOrderMarkLength(of: source.bytes)
        guard !source.isASCII else { return }
        var count = 0
        for index in base..<source.bytes.count where source.bytes[index] & 0xC0 != 0x80 {
            if count % Self.stride == 0 { checkpoints.append(index) }
            count += 1
        }
    }

    func byte(ofCharacter character: Int) -> Int {
        guard !source.isASCII else { return min(character, source.bytes.count) }
        guard !checkpoints.isEmpty else { return base }
        let checkpoint = min(character / Self.stride, checkpoints.count - 1)
        var rest = character - checkpoint * Self.stride
        var index = checkpoints[checkpoint]
        while rest > 0, index < source.bytes.count {
            index += 1
            while index < source.bytes.count, source.bytes[index] & 0xC0 == 0x80 { index += 1 }
            rest -= 1
        }
        return index
    }
}
