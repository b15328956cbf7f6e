/// A text of JSON as stored, and the version of its form.
package struct DocumentRecord: Sendable, Hashable {
    package var version: Int
    package var text: String

    package init(version: Int, text: String) {
        self.version = version
        self.text = text
    }
}

/// A value that is stored whole and read by this program only: a pool's specification, a job's plan, a template.
package protocol Document: Codable, Sendable {
    /// What is written. Versions count from 1, and each that a released program has written can be read.
    ///
    /// What a program before it would read otherwise is a new version, be it only a new member: left out there, it
    /// would be work that runs without what was asked for.
    static var newestVersion: Int { get }

    /// Reads one of those versions. What was released never changes its meaning.
    static func read(_ tree: JSONValue, version: Int) throws(JSONError) -> Self
}

/// Why what is stored cannot be used: damage, other hands than ours, or a newer program. It is the trouble of the
/// one job or pool.
package struct DocumentProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}

extension Document {
    /// As it is stored from now on.
    package var record: DocumentRecord {
        do {
            return DocumentRecord(version: Self.newestVersion, text: try JSONCoding.encodeText(self))
        } catch {
            invariantFailure("cannot encode \(Self.self): \(error)")
        }
    }

    /// - Parameter name: what it is called in the reason why it cannot be read: `its plan`.
    package init(_ record: DocumentRecord?, named name: String) throws(DocumentProblem) {
        guard let record else { throw DocumentProblem("\(name) is not there") }
        guard (1...Self.newestVersion).contains(record.version) else {
            throw DocumentProblem(
                "\(name) has version \(record.version), but this program knows versions up to "
                    + "\(Self.newestVersion); use the newer shipyard-swift that wrote it")
        }
        do throws(JSONError) {
            self = try Self.read(try JSONValue(parsing: record.text), version: record.version)
        } catch {
            throw DocumentProblem("\(name): \(error)")
        }
    }
}
