/// `store:ALIAS/CONTAINER/PATH`: a file of a storage account.
package struct StoreReference: Hashable, Sendable {
    package static let scheme = "store:"
    package var alias: String
    package var container: String
    package var name: String

    /// Nil for what does not begin with the word, and for what names no file.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.scheme) else { return nil }
        let parts = text.dropFirst(Self.scheme.count).split(
            separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        (alias, container, name) = (String(parts[0]), String(parts[1]), String(parts[2]))
    }
}

/// Where a resource file comes from: a URL, or a path. User and query of a URL may be keys (shared access signatures of
/// Azure, presigned URLs of S3), so it is a secret but for its `place`.
package struct BlobSource: Sendable, CustomStringConvertible {
    private let written: Secret
    /// What may be shown of it: the whole of a path.
    package let place: String

    package init(_ text: String) {
        written = Secret(text)
        place = text.contains("://") ? Self.place(ofURL: text) : text
    }

    package var description: String { place }

    package var isPath: Bool { !place.contains("://") && !place.hasPrefix(StoreReference.scheme) }

    /// The file of a store that it names; nil where it is none.
    package var stored: StoreReference? { StoreReference(place) }

    /// To open it, or to hand it on to who does.
    package func withExposedBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try written.withExposedBytes(body)
    }

    /// The URL without its query and user, for messages.
    package static func place(ofURL url: String) -> String {
        let end = url.firstIndex { $0 == "?" || $0 == "#" } ?? url.endIndex
        let text = url[..<end]
        guard let scheme = text.firstRange(of: "://") else { return String(text) }
        let rest = text[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return String(text) }
        return String(text[..<scheme.upperBound]) + rest[rest.index(after: at)...]
    }
}

extension BlobSource: Hashable {
    package static func == (left: Self, right: Self) -> Bool {
        left.written.isSameInConstantTime(as: right.written)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(place) }
}

/// Whole: the state file and the list for a node's agent are where it is used from. A value that stands in a spec has
/// no other home; docs/adr/0024.
extension BlobSource: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(withExposedBytes { String(decoding: $0, as: UTF8.self) })
    }
}
