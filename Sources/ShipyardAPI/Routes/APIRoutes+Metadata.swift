import ShipyardHTTPClient
import ShipyardMetadata
import ShipyardModel
import ShipyardService
import ShipyardStore

extension APIRoutes {
    func addMetadata(to router: inout Router) {
        on(.get, "/metadata", in: &router) { _ throws(APIFailure) in
            let collections = try read { reader throws(StoreError) in try reader.metadataCollections() }
            return .json(ListBody(value: collections.map(MetadataCollectionResponse.init)))
        }
        on(.get, "/metadata/{collection}", in: &router) { request throws(APIFailure) in
            try documentPage(request)
        }
        on(.get, "/metadata/{collection}/{id}", in: &router) { request throws(APIFailure) in
            try document(request)
        }
        on(.put, "/metadata/{collection}/{id}", in: &router) { request throws(APIFailure) in
            let document = try masked(try documentBody(request), request)
            guard document.isObject else { throw APIFailure.noObject }
            return try change(request, .put(document.compactText))
        }
        on(.patch, "/metadata/{collection}/{id}", in: &router) { request throws(APIFailure) in
            let patch = try masked(try documentBody(request), request)
            // Another patch would make something else of a document than an object.
            guard patch.isObject else { throw APIFailure.noObject }
            return try change(request, .patch(patch))
        }
        on(.delete, "/metadata/{collection}/{id}", in: &router) { request throws(APIFailure) in
            try change(request, .delete)
        }
        on(.get, "/metadata/{collection}/{id}/history", in: &router) { request throws(APIFailure) in
            try documentHistory(request)
        }
    }

    // MARK: One document

    private func document(_ request: HTTPRequest) throws(APIFailure) -> HTTPReply {
        let key = try key(request)
        let condition = try condition(request)
        let found = try read { reader throws(StoreError) in try reader.document(key) }
        guard let found else { throw APIFailure.documentNotFound(key) }
        let tag = HTTPHeader("ETag", ETagCondition.tag(of: found.version))
        if condition.matchesNone(found.version) { return HTTPReply(status: 304, headers: [tag]) }
        guard condition.holds(for: found.version) else { return Self.conditionNotMet(key, found.version) }
        let bytes = Array(found.text.utf8)
        guard (try? JSONValue(parsing: bytes)) != nil else {
            throw APIFailure(Refusal.documentUnreadable(key))
        }
        var reply = HTTPReply.json(bytes: bytes)
        reply.headers.append(tag)
        return reply
    }

    private func change(
        _ request: HTTPRequest, _ act: MetadataCommand.Act
    ) throws(APIFailure) -> HTTPReply {
        let key = try key(request)
        let command = MetadataCommand(key, act, if: try condition(request), by: request.caller)
        switch try perform({ core, now throws(Refusal) in try core.changeDocument(command, at: now) }) {
        case .written(let document, let isNew):
            var reply = HTTPReply.json(MetadataEntryResponse(document), status: isNew ? 201 : 200)
            reply.headers.append(HTTPHeader("ETag", ETagCondition.tag(of: document.version)))
            return reply
        case .deleted: return HTTPReply(status: 204)
        case .conditionNotMet(let version): return Self.conditionNotMet(key, version)
        case .absent: throw APIFailure.documentNotFound(key)
        case .tooLarge(let bytes): throw APIFailure.tooLarge(bytes)
        case .callerIsOver:
            throw APIFailure(403, "TokenExpired", "the token is of an attempt that has ended")
        }
    }

    /// With the ETag that is there, so that who lost a race need not ask for it.
    private static func conditionNotMet(_ key: MetadataKey, _ version: Int64?) -> HTTPReply {
        guard let version else {
            return .error(412, "ConditionNotMet", "there is no document `\(key)`")
        }
        let tag = ETagCondition.tag(of: version)
        var reply = HTTPReply.error(
            412, "ConditionNotMet", "the document `\(key)` has the ETag \(tag) now; nothing was changed")
        reply.headers.append(HTTPHeader("ETag", tag))
        return reply
    }

    private func key(_ request: HTTPRequest) throws(APIFailure) -> MetadataKey {
        let collection = try collection(request)
        let id = request.parameters["id"] ?? ""
        guard let key = MetadataKey(collection: collection, id: id) else {
            throw APIFailure(
                400, "InvalidDocumentId",
                "an id of a document is 1 to 128 ASCII letters, digits or `-_.:@+~`, not `.` or `..`")
        }
        return key
    }

    private func collection(_ request: HTTPRequest) throws(APIFailure) -> String {
        let name = request.parameters["collection"] ?? ""
        guard MetadataKey.isCollection(name) else {
            throw APIFailure(
                400, "InvalidCollection", "a collection's name is 1 to 64 ASCII letters, digits, `-` or `_`")
        }
        return name
    }

    private func condition(_ request: HTTPRequest) throws(APIFailure) -> ETagCondition {
        func lines(_ name: String) -> [String] {
            request.headers.filter { $0.name.lowercased() == name }.map(\.value)
        }
        do throws(MetadataQueryError) {
            return try ETagCondition(ifMatch: lines("if-match"), ifNoneMatch: lines("if-none-match"))
        } catch {
            throw APIFailure(400, "InvalidHeaderValue", error.description)
        }
    }

    private func documentBody(_ request: HTTPRequest) throws(APIFailure) -> ExactJSON {
        guard request.body.count <= MetadataLimits.documentBytes else {
            throw APIFailure.tooLarge(request.body.count)
        }
        do throws(JSONError) {
            return try ExactJSON(parsing: request.body)
        } catch {
            throw APIFailure(400, "InvalidRequestBody", "the body is no document: \(error)")
        }
    }

    /// What a task writes has stars in the place of the values that its job gets, as its output has: a document is shown to
    /// everybody, and goes back to where it came from. What a user writes is what it is.
    private func masked(_ document: ExactJSON, _ request: HTTPRequest) throws(APIFailure) -> ExactJSON {
        guard let caller = request.caller else { return document }
        guard let mask = try mask(ofJob: try jobStatus(caller.job.text).record) else { return document }
        let text = document.compactText
        let shown = mask.masked(json: text)
        guard shown != text else { return document }
        do throws(JSONError) {
            return try ExactJSON(parsing: Array(shown.utf8))
        } catch {
            throw APIFailure(400, "InvalidRequestBody", "the document has values of secrets for names")
        }
    }

    // MARK: Many

    private func documentPage(_ request: HTTPRequest) throws(APIFailure) -> HTTPReply {
        let collection = try collection(request)
        // A condition that is spelled wrong would be met by all.
        if let other = request.query.first(where: { !["where", "order", "top", "after"].contains($0.name) }) {
            throw APIFailure(
                400, "InvalidQueryParameter",
                "a query has `where`, `order`, `top` and `after`, not `\(other.name)`")
        }
        let top = Int(
            min(try number("top", atLeast: 1, in: request) ?? 100, Int64(MetadataLimits.pageDocuments)))
        let query: MetadataQuery
        let cursor: MetadataCursor?
        do throws(MetadataQueryError) {
            query = try MetadataQuery(
                collection, where: request.query.filter { $0.name == "where" }.map(\.value),
                order: request.queryValue("order"))
            if let token = request.queryValue("after") {
                cursor = try MetadataCursor(token: token, of: query)
            } else {
                cursor = nil
            }
        } catch {
            throw APIFailure(400, "InvalidQueryParameter", error.description)
        }
        let page = try read { reader throws(StoreError) in
            try reader.documents(query, after: cursor, limit: top)
        }
        let items = page.documents.map { (jsonMembers(MetadataEntryResponse($0)), $0.text as String?) }
        var more: [JSONValue.Member] = []
        if let next = page.next { more.append(.init("next", .string(next.token(of: query)))) }
        if !page.unreadable.isEmpty {
            more.append(.init("unreadable", .array(page.unreadable.map(JSONValue.string))))
        }
        return Self.list(items, more)
    }

    private func documentHistory(_ request: HTTPRequest) throws(APIFailure) -> HTTPReply {
        let key = try key(request)
        let top = Int(
            min(try number("top", atLeast: 1, in: request) ?? .max, Int64(MetadataLimits.historyPage)))
        let before = try number("before", atLeast: 1, in: request)
        let changes = try read { reader throws(StoreError) in
            try reader.documentChanges(of: key, before: before, limit: top)
        }
        if changes.isEmpty, before == nil { throw APIFailure.documentNotFound(key) }
        let items = changes.map { (jsonMembers(MetadataChangeResponse($0)), Self.readable($0.text)) }
        let isFull = changes.count == top
        return Self.list(
            items, isFull ? changes.suffix(1).map { .init("next", .integer($0.number)) } : [])
    }

    private static func readable(_ text: String?) -> String? {
        text.flatMap { (try? JSONValue(parsing: $0)) == nil ? nil : $0 }
    }

    /// Documents go into the answer as they are stored: no number of theirs is read on the way.
    private static func list(
        _ items: [(members: [UInt8], document: String?)], _ more: [JSONValue.Member]
    ) -> HTTPReply {
        var bytes = Array(#"{"value":["#.utf8)
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += item.members
            if let document = item.document {
                // Before the brace that ends the members.
                bytes.removeLast()
                bytes += Array(#","document":"#.utf8)
                bytes += Array(document.utf8)
                bytes.append(UInt8(ascii: "}"))
            }
        }
        bytes.append(UInt8(ascii: "]"))
        for member in more {
            bytes.append(UInt8(ascii: ","))
            JSONText.append(member.name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            member.value.appendCompact(to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return .json(bytes: bytes)
    }
}

private func jsonMembers(_ value: some Encodable) -> [UInt8] {
    guard let bytes = try? JSONCoding.encode(value) else {
        invariantFailure("cannot encode \(type(of: value))")
    }
    return bytes
}

extension APIFailure {
    fileprivate static func documentNotFound(_ key: MetadataKey) -> APIFailure {
        APIFailure(404, "DocumentNotFound", "there is no document `\(key)`")
    }

    fileprivate static var noObject: APIFailure {
        APIFailure(400, "InvalidRequestBody", "a document, and a patch of one, is a JSON object: `{…}`")
    }

    fileprivate static func tooLarge(_ bytes: Int) -> APIFailure {
        APIFailure(
            413, "RequestBodyTooLarge",
            "a document has \(MetadataLimits.documentBytes) bytes at most, and this one has \(bytes); keep what is "
                + "larger in a container, and its path in the document")
    }
}
