import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel

/// What one reference stands for.
struct ReferenceValue {
    var text: String
    /// Its own type, where the whole of a value is the reference: the number of a factory's `stop`.
    var content: SyntaxNode.Content
    /// Digits, signs and letters only, by its type: such a value means the same quoted and unquoted.
    var isPlain: Bool
    /// Put into commands as it is.
    var isRaw = false

    init(text: String) {
        self.text = text
        content = .string(text)
        isPlain = false
    }

    init(_ text: String, of kind: ParameterSpec.Kind) {
        self.text = text
        isPlain = kind != .string
        content =
            switch kind {
            case .int: Int(text).map { .integer($0) } ?? .string(text)
            case .float: Double(text).map { .float($0) } ?? .string(text)
            case .bool: .bool(text == "true")
            case .string, .date: .string(text)
            }
    }
}

/// Why a reference stands for nothing.
enum ReferenceProblem: Error, Hashable {
    case malformed
    case unknownRoot(String, near: String?)
    case unknownMember(String, of: ReferenceRoot, near: String?)
    case noMember(ReferenceRoot)
    /// Of a kind of run that this is not.
    case noValue(ReferenceRoot)
    case unknownSuffix(String)
    case badFormat(TimeFormat.Failure)
    /// Of a task's output, and not as one is written.
    case malformedOutput
    /// Of a task's output, with something behind a colon.
    case suffixOfOutput(String)
}

/// Looks up references of one job.
struct ReferenceResolver {
    private let declared: [String: ParameterSpec]
    private let given: [String: String]
    private let context: RunContext

    /// `given` holds the value of every declared parameter that has one.
    init(_ declared: [ParameterSpec], given: [String: String], _ values: ReferenceValues) {
        self.declared = Dictionary(declared.map { ($0.name, $0) }) { first, _ in first }
        self.given = given
        switch values {
        case .of(let context): self.context = context
        case .samples: context = Self.sample
        }
    }

    func value(of reference: Reference) throws(ReferenceProblem) -> ReferenceValue {
        guard reference.isWellFormed else { throw .malformed }
        guard let root = ReferenceRoot(rawValue: reference.root) else {
            throw .unknownRoot(reference.root, near: closestRoot(to: reference.root))
        }
        guard root != .tasks else { throw .malformedOutput }
        guard let member = reference.member, !member.isEmpty else { throw .noMember(root) }
        let (suffix, isRaw) = Self.split(reference.suffix)
        var value =
            root == .parameters ? try parameter(member, suffix) : try known(member, of: root, suffix)
        value.isRaw = isRaw
        return value
    }

    private func parameter(_ name: String, _ suffix: String?) throws(ReferenceProblem) -> ReferenceValue {
        guard let spec = declared[name] else {
            let near = closestMatch(to: name, in: declared.keys.sorted())
            throw .unknownMember(name, of: .parameters, near: near)
        }
        // One that nobody need give, and nobody has given, is nothing. One that is missing was complained of.
        let text = given[name] ?? (spec.isRequired ? spec.sample : "")
        guard let suffix else {
            return text.isEmpty ? ReferenceValue(text: "") : ReferenceValue(text, of: spec.kind)
        }
        guard spec.kind == .date else { throw .unknownSuffix(suffix) }
        guard let day = ParameterDate.day(text), let midnight = CivilTime(day, hour: 0, minute: 0) else {
            return ReferenceValue(text: "")
        }
        return try formatted(ZonedTime(Instant(seconds: midnight.seconds), in: .utc), suffix)
    }

    private func known(
        _ member: String, of root: ReferenceRoot, _ suffix: String?
    ) throws(ReferenceProblem) -> ReferenceValue {
        guard root.members.contains(member) else {
            throw .unknownMember(member, of: root, near: closestMatch(to: member, in: root.members))
        }
        if member == "time" {
            let time = root == .schedule ? context.schedule?.time : context.trigger?.time
            guard let time else { throw .noValue(root) }
            return try formatted(time, suffix)
        }
        if let suffix { throw .unknownSuffix(suffix) }
        let text: String? =
            switch root {
            case .parameters, .tasks: nil
            case .schedule: context.schedule?.id
            case .run: member == "id" ? context.run?.id : context.run.map { String($0.attempt) }
            case .trigger: context.trigger.map { Self.text(of: $0, member) }
            }
        guard let text else { throw .noValue(root) }
        return member == "attempt" ? ReferenceValue(text, of: .int) : ReferenceValue(text: text)
    }

    /// Named as the `file` factory names the parts of a file's place.
    private static func text(of trigger: RunContext.Trigger, _ member: String) -> String {
        let name = String(trigger.filePath.split(separator: "/").last ?? "")
        switch member {
        case "container": return trigger.container
        case "event_id": return trigger.eventID
        case "file_path": return trigger.filePath
        case "file_path_with_container": return trigger.container + "/" + trigger.filePath
        case "file_name_no_extension":
            // As Python's `splitext`: dots in front are no extension's.
            guard let dot = name.lastIndex(of: "."), name[..<dot].contains(where: { $0 != "." }) else {
                return name
            }
            return String(name[..<dot])
        default: return name
        }
    }

    private func formatted(_ time: ZonedTime, _ format: String?) throws(ReferenceProblem) -> ReferenceValue {
        guard let format else { return ReferenceValue(text: time.iso8601) }
        guard format.utf8.contains(UInt8(ascii: "%")) else { throw .unknownSuffix(format) }
        do throws(TimeFormat.Failure) {
            return ReferenceValue(text: try TimeFormat(format).text(of: time))
        } catch {
            throw .badFormat(error)
        }
    }

    /// `%H:%M:raw` is a format and the word `raw`.
    private static func split(_ suffix: String?) -> (format: String?, isRaw: Bool) {
        guard let suffix else { return (nil, false) }
        if suffix == "raw" { return (nil, true) }
        if suffix.hasSuffix(":raw") { return (String(suffix.dropLast(4)), true) }
        return (suffix, false)
    }

    static let sample: RunContext = {
        let time = ZonedTime(Instant(milliseconds: 1_893_553_445_000), in: .utc)
        var context = RunContext()
        context.schedule = RunContext.Schedule(id: "schedule", time: time)
        context.run = RunContext.Run(id: "run")
        context.trigger = RunContext.Trigger(
            container: "container", filePath: "directory/file.txt", eventID: "event", time: time)
        return context
    }()
}
