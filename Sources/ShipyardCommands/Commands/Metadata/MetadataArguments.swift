import ShipyardAPI
import ShipyardHTTPClient
import ShipyardMetadata
import ShipyardModel
import ShipyardSystem

/// What commands about documents have in common.
enum MetadataArguments {
    static let collection = Argument("COLLECTION", "a collection of documents")
    static let id = Argument("ID", "a document of it")
    static let file = Argument("FILE", "the JSON; - for standard input", optional: true, values: .file)
    static let set = Option.value(
        "set", "PATH=VALUE", repeats: true,
        "a member instead of a file, such as a.b=3; a VALUE that is no JSON is a text"
    )
    static let ifMatch = Option.value(
        "if-match", "ETAG", "only where the document still has this ETag; * for any")

    static func key(_ invocation: Invocation) throws(CommandFailure) -> MetadataKey {
        let words = invocation.arguments.words
        guard words.count > 1 else { throw .usage("a document is named by its collection and its id") }
        guard let key = MetadataKey(collection: words[0], id: words[1]) else {
            guard MetadataKey.isCollection(words[0]) else {
                throw .usage("`\(words[0])` is no collection: 1 to 64 ASCII letters, digits, `-` or `_`")
            }
            throw .usage(
                "`\(words[1])` is no id of a document: 1 to 128 ASCII letters, digits or `-_.:@+~`, not `.` or `..`"
            )
        }
        return key
    }

    /// What the command was given of a document: a file, standard input, or single members.
    static func document(_ invocation: Invocation) throws(CommandFailure) -> ExactJSON {
        let words = invocation.arguments.words
        let members = invocation.arguments.all("set")
        if !members.isEmpty {
            guard words.count == 2 else {
                throw .usage("the document comes from a file or from `--set`, not both")
            }
            return try document(of: members)
        }
        guard words.count == 3 else {
            throw .usage(
                "which document?", help: "give a FILE, `-` for standard input, or `--set PATH=VALUE`")
        }
        let bytes: [UInt8]
        do throws(SystemError) {
            // One byte more shows that it is too long.
            bytes = try LocalFile.read(words[2], atMost: MetadataLimits.documentBytes + 1)
        } catch {
            throw .usage("\(error)")
        }
        guard bytes.count <= MetadataLimits.documentBytes else {
            throw .usage(
                "a document has \(MetadataLimits.documentBytes) bytes at most, and \(words[2]) has more")
        }
        do throws(JSONError) {
            return try ExactJSON(parsing: bytes)
        } catch {
            throw .usage("\(words[2]) is no document: \(error)")
        }
    }

    /// Each is merged into what those before it have made, so that `a.b=1` and `a.c=2` meet in one object.
    static func document(of members: [String]) throws(CommandFailure) -> ExactJSON {
        var document = ExactJSON.object([])
        for text in members {
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                throw .usage("`--set` takes PATH=VALUE, not `\(text)`")
            }
            let names = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(
                String.init)
            guard names.count <= MetadataLimits.pathSteps, !names.contains("") else {
                throw .usage("`\(text[..<equals])` is no path: names with points between them")
            }
            let word = String(text[text.index(after: equals)...])
            let value = (try? ExactJSON(parsing: Array(word.utf8))) ?? .string(word)
            document = document.setting(names[...], to: value)
        }
        return document
    }

    static func conditions(_ invocation: Invocation) throws(CommandFailure) -> [HTTPHeader] {
        var headers: [HTTPHeader] = []
        if let tag = invocation.arguments["if-match"] {
            let text = tag.hasPrefix("\"") || tag == "*" ? tag : "\"\(tag)\""
            guard text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
                throw .usage("`\(tag)` is no ETag")
            }
            headers.append(HTTPHeader("If-Match", text))
        }
        if invocation.has("if-none-match") { headers.append(HTTPHeader("If-None-Match", "*")) }
        guard headers.count < 2 else { throw .usage("`--if-match` and `--if-none-match` are not both met") }
        return headers
    }
}

extension ExactJSON {
    /// Not a merge patch: null is a value here, which a patch sends on.
    fileprivate func setting(_ names: ArraySlice<String>, to value: ExactJSON) -> ExactJSON {
        guard let name = names.first else { return value }
        var members: [Member] = []
        if case .object(let present) = self { members = present }
        let place = members.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
        let present = place.map { members[$0].value } ?? .object([])
        let member = Member(name, present.setting(names.dropFirst(), to: value))
        if let place { members[place] = member } else { members.append(member) }
        return .object(members)
    }
}

extension ServiceClient {
    static func documents(of collection: String) -> ServicePath { "/metadata" / collection }
    static func document(_ key: MetadataKey) -> ServicePath { documents(of: key.collection) / key.id }

    /// An answer whose numbers are as they were sent.
    func exactly(_ path: ServicePath) throws(CommandFailure) -> (value: ExactJSON, headers: [String: String])
    {
        let answer = try answer(to: ServiceRequest(.get, path))
        do throws(JSONError) {
            return (try ExactJSON(parsing: answer.body, levels: ExactJSON.maximumDepth + 8), answer.headers)
        } catch {
            throw CommandFailure(.internalError, "cannot read the service's answer: \(error)")
        }
    }

    func change(
        _ method: HTTPMethod, _ key: MetadataKey, _ document: ExactJSON?, _ conditions: [HTTPHeader]
    ) throws(CommandFailure) -> ServiceAnswer {
        var request = ServiceRequest(
            method, Self.document(key), body: document.map { Array($0.compactText.utf8) })
        if method == .patch { request.contentType = "application/merge-patch+json" }
        request.headers = conditions
        return try answer(to: request)
    }
}
