/// Whether `byte` may stand in an id of Azure Batch: an ASCII letter, a digit, a hyphen or an underscore.
package func isIDByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
    default: false
    }
}

/// Whether `text` is 1 to 64 ID bytes: the rule of Azure Batch for pools, jobs and tasks.
package func isID(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count) && text.utf8.allSatisfy(isIDByte)
}

/// A name of one kind of thing. Types of their own, because pool, job, node and task ids are all text and
/// easy to get backwards. In JSON they are plain strings.
package protocol Identifier: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    var text: String { get }
    /// Nil where `text` breaks the rule of this kind of name.
    init?(_ text: String)
}

extension Identifier {
    package var description: String { text }
    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "`\(text)` is no \(Self.self)")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// Names one pool, as written under `pool_specification: id`.
package struct PoolID: Identifier {
    package let text: String

    /// Nil unless `text` is 1 to 64 ASCII letters, digits, hyphens or underscores.
    package init?(_ text: String) {
        guard isID(text) else { return nil }
        self.text = text
    }
}

/// Names one job, as written under `job_specifications: id`.
package struct JobID: Identifier {
    package let text: String

    /// Nil unless `text` is 1 to 64 ASCII letters, digits, hyphens or underscores, or what `init(_:run:of:)` makes.
    package init?(_ text: String) {
        guard isID(text) || Self.isOfRun(text) else { return nil }
        self.text = text
    }

    /// The job of a schedule's run: `nightly:film-42`, and `nightly:film-42.2` when the run is tried once more. Of a
    /// `recurrence` the schedule has the job's id, and the job is called `job`, as in Azure Batch: `film:job-42`.
    package init(_ job: String, run: UInt32, attempt: Int, of schedule: ScheduleID) {
        text = "\(schedule):\(job)-\(run)" + (attempt > 1 ? ".\(attempt)" : "")
    }

    /// Whether a schedule has made it: nobody can write such an id into a spec.
    package var isOfRun: Bool { text.utf8.contains(UInt8(ascii: ":")) }

    private static func isOfRun(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, isID(String(parts[0])) else { return false }
        return (1...longestRunPart).contains(parts[1].utf8.count)
            && parts[1].utf8.allSatisfy { isIDByte($0) || $0 == UInt8(ascii: ".") }
    }
    /// An id, a number of ten digits and an attempt.
    private static let longestRunPart = 64 + 11 + 11
}

/// Names one compute node within its pool, such as `node-1`. Given by the engine, never used again.
package struct NodeID: Identifier {
    package let text: String

    /// Any text: a name that nobody gave to a node is just not found.
    package init(_ text: String) { self.text = text }
}

/// A name of 32 lower-case hexadecimal digits that is given once and never again.
package protocol RandomIdentifier: Identifier {}

extension RandomIdentifier {
    package static func random() -> Self {
        guard let name = Self(randomName()) else { invariantFailure("a random name breaks its own rule") }
        return name
    }
}

/// Tells one state file from every other: made at random with the file. Agents carry the identity of the state
/// that they belong to, so that a later state, which gives the same numbers again, never takes their news for
/// its own.
package struct StateID: RandomIdentifier {
    package let text: String

    /// Nil unless `text` is 32 lower-case hexadecimal digits.
    package init?(_ text: String) {
        guard isRandomName(text) else { return nil }
        self.text = text
    }
}

/// Names one run of a service over its state file: made at random at its start and kept in the file. A copy of the
/// file that is put back does not know the lives that came after it, and so not what was done in them.
package struct LifeID: RandomIdentifier {
    package let text: String

    /// Nil unless `text` is 32 lower-case hexadecimal digits.
    package init?(_ text: String) {
        guard isRandomName(text) else { return nil }
        self.text = text
    }
}

/// A state, the present life of its service, and the earlier lives that its file knows.
package struct StateLives: Sendable {
    package let state: StateID
    package let present: LifeID
    private let known: Set<LifeID>

    package init(state: StateID, present: LifeID, earlier: Set<LifeID> = []) {
        self.state = state
        self.present = present
        known = earlier.union([present])
    }

    /// Whether what was done for this life of this state is in the file. Of any other, numbers mean other work.
    package func know(_ life: LifeID, of state: StateID) -> Bool {
        state == self.state && known.contains(life)
    }
}

func isHexadecimal(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) }

func isRandomName(_ text: String) -> Bool { text.utf8.count == 32 && text.utf8.allSatisfy(isHexadecimal) }

func randomName() -> String {
    (0..<2).map { _ in
        let half = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - half.utf8.count) + half
    }.joined()
}
