/// What a request wants of the document that is there: `If-Match` and `If-None-Match` (RFC 9110, 13.1).
package struct ETagCondition: Sendable, Hashable {
    private enum Tags: Sendable, Hashable {
        /// `*`: whatever is there.
        case any
        case versions(Set<Int64>)
    }

    private var match: Tags?
    private var noneMatch: Tags?

    package init() {}

    /// Lines of one name belong together. Throws where they are no list of tags.
    package init(ifMatch: [String], ifNoneMatch: [String]) throws(MetadataQueryError) {
        // Weak tags say that documents are alike; a write must know that they are the same.
        match = try Self.tags(ifMatch, "If-Match", takesWeak: false)
        noneMatch = try Self.tags(ifNoneMatch, "If-None-Match", takesWeak: true)
    }

    /// - Parameter version: of the document that is there; nil where there is none.
    package func holds(for version: Int64?) -> Bool {
        switch match {
        case nil: break
        case .any: if version == nil { return false }
        case .versions(let known): if !known.contains(where: { $0 == version }) { return false }
        }
        return !matchesNone(version)
    }

    /// Whether what is there is what the client has already.
    package func matchesNone(_ version: Int64?) -> Bool {
        switch noneMatch {
        case nil: false
        case .any: version != nil
        case .versions(let known): known.contains { $0 == version }
        }
    }

    package static func tag(of version: Int64) -> String { "\"\(version)\"" }

    private static func tags(
        _ lines: [String], _ name: String, takesWeak: Bool
    ) throws(MetadataQueryError) -> Tags? {
        guard !lines.isEmpty else { return nil }
        var versions: Set<Int64> = []
        for line in lines {
            for word in line.split(separator: ",", omittingEmptySubsequences: false) {
                var tag = word.drop { $0 == " " || $0 == "\t" }
                while let last = tag.last, last == " " || last == "\t" { tag.removeLast() }
                if tag == "*", lines.count == 1, lines[0].utf8.count(where: { $0 != 0x20 && $0 != 0x09 }) == 1
                {
                    return .any
                }
                let isWeak = tag.hasPrefix("W/\"")
                if isWeak { tag = tag.dropFirst(2) }
                // Ours without quotes is what people write by hand.
                if tag.count >= 2, tag.hasPrefix("\""), tag.hasSuffix("\"") {
                    tag = tag.dropFirst().dropLast()
                } else if isWeak || Int64(tag) == nil {
                    throw MetadataQueryError("`\(name)` has `\(word)`, which is no ETag: one is `\"17\"`")
                }
                // A tag of another server is no document of ours.
                if let version = Int64(tag), takesWeak || !isWeak { versions.insert(version) }
            }
        }
        return .versions(versions)
    }
}
