import ShipyardAPI
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSubmission
import ShipyardSystem

/// Speaks the API's HTTP and JSON; every answer that is no success becomes a failure for the user.
package struct ServiceClient {
    private let transport: any ServiceTransport

    package init(_ transport: any ServiceTransport) { self.transport = transport }

    package func get<Value: Decodable>(
        _ path: ServicePath, as type: Value.Type = Value.self, timeoutSeconds: Int = 60
    ) throws(CommandFailure) -> Value {
        var request = ServiceRequest(.get, path)
        request.timeoutSeconds = timeoutSeconds
        return try decode(type, from: send(request))
    }

    /// The answer as the JSON it is.
    package func tree(_ path: ServicePath) throws(CommandFailure) -> JSONValue {
        let answer = try send(ServiceRequest(.get, path))
        do throws(JSONError) {
            return try JSONValue(parsing: answer.body)
        } catch {
            throw unreadable(error)
        }
    }

    package func post<Value: Decodable>(
        _ path: ServicePath, _ body: some Encodable, as type: Value.Type = Value.self
    ) throws(CommandFailure) -> Value {
        try decode(type, from: send(request(.post, path, body)))
    }

    /// A submission has an identity, so that it can be sent again when its answer was lost. The packages of its
    /// pool file go first.
    package func submit<Value: Decodable>(
        _ path: ServicePath, _ submission: SubmissionRequest, as type: Value.Type = Value.self
    ) throws(CommandFailure) -> Value {
        var body = submission
        body.submissionId = body.submissionId ?? Self.randomIdentity()
        body.variables = try SentEnvironment.variables(for: body.files)
        let packages = PackageSender(self, body)
        return try whileSending { () throws(CommandFailure) in
            body.packages = try packages.sent()
            let resources = try packages.sentResources()
            body.resources = resources.isEmpty ? nil : resources
            return try postOnce(path, body)
        }
    }

    /// Sends what a request needs, and then the request, until both meet.
    package func whileSending<Value>(
        _ body: () throws(CommandFailure) -> Value
    ) throws(CommandFailure) -> Value {
        var attempt = 0
        while true {
            attempt += 1
            do throws(CommandFailure) {
                return try body()
            } catch {
                // Another pool may have gone in between, and taken what nothing named yet.
                guard error.serviceCode == Submissions.packageMissing, attempt < PackageSender.attempts else {
                    throw error
                }
            }
        }
    }

    /// `body` carries an identity, so it can be sent again when its answer was lost.
    package func postOnce<Value: Decodable>(
        _ path: ServicePath, _ body: some Encodable, as type: Value.Type = Value.self
    ) throws(CommandFailure) -> Value {
        var request = try request(.post, path, body)
        request.hasIdentity = true
        return try decode(type, from: send(request))
    }

    package static func randomIdentity() -> String {
        (0..<2).map { _ in randomSuffix() }.joined(separator: "-")
    }

    /// For answers that carry nothing.
    package func post(_ path: ServicePath, _ body: some Encodable = Nothing()) throws(CommandFailure) {
        _ = try send(request(.post, path, body))
    }

    /// For answers that are no JSON. Asked again, nothing more comes of it.
    package func postForBytes(_ path: ServicePath) throws(CommandFailure) -> [UInt8] {
        var request = try request(.post, path, Nothing())
        request.hasIdentity = true
        return try send(request).body
    }

    /// Bytes as they are; twice is as once.
    package func put(_ path: ServicePath, bytes: [UInt8]) throws(CommandFailure) {
        var request = ServiceRequest(.put, path, body: bytes)
        request.contentType = "application/octet-stream"
        request.timeoutSeconds = 3600
        _ = try send(request)
    }

    /// Whether there is such a thing.
    package func has(_ path: ServicePath) throws(CommandFailure) -> Bool {
        let answer = try exchange(ServiceRequest(.get, path))
        guard answer.status != 404 else { return false }
        _ = try checked(answer)
        return true
    }

    package func delete(_ path: ServicePath) throws(CommandFailure) {
        _ = try send(ServiceRequest(.delete, path))
    }

    /// Deletes a job or a task; answers the removal of its files, which `FileRemovalWaiter` waits for.
    package func deleteWithFiles(_ path: ServicePath) throws(CommandFailure) -> DeletionResponse {
        try delete(path, as: DeletionResponse.self)
    }

    package func delete<Value: Decodable>(
        _ path: ServicePath, as type: Value.Type
    ) throws(CommandFailure) -> Value {
        var request = ServiceRequest(.delete, path)
        request.timeoutSeconds = 3600
        return try decode(type, from: send(request))
    }

    /// Hands over a file from `firstByte` on, piece by piece; false when there is no such file yet. `take`
    /// answers false when it wants no more; that is no failure.
    package func read(
        _ path: ServicePath, from firstByte: Int64 = 0, _ take: (UnsafeRawBufferPointer) -> Bool
    ) throws(CommandFailure) -> Bool {
        guard let answer = try receive(path, from: firstByte, take) else { return true }
        // Range Not Satisfiable: nothing was appended.
        guard answer.status != 404, answer.status != 416 else { return answer.status == 416 }
        _ = try checked(answer)
        return true
    }

    /// Hands over the items of a list while it comes in, until `body` answers false.
    package func eachItem(
        _ path: ServicePath, _ body: (JSONSlice) throws(JSONError) -> Bool
    ) throws(CommandFailure) {
        var items = JSONItemStream()
        var problem: JSONError?
        let answer = try receive(path) { piece in
            do throws(JSONError) {
                return try items.add(piece, body)
            } catch {
                problem = error
                return false
            }
        }
        if let problem { throw unreadable(problem) }
        guard let answer else { return }
        _ = try checked(answer)
        guard items.isComplete else {
            throw unreadable(JSONError(place: "", message: "the list ends before its end"))
        }
    }

    /// Nil when `take` wanted no more.
    private func receive(
        _ path: ServicePath, from firstByte: Int64 = 0, _ take: (UnsafeRawBufferPointer) -> Bool
    ) throws(CommandFailure) -> ServiceAnswer? {
        var request = ServiceRequest(.get, path)
        request.firstByte = firstByte > 0 ? firstByte : nil
        request.timeoutSeconds = 3600
        var isWanted = true
        do throws(CommandFailure) {
            let answer = try withoutActuallyEscaping(take) { take throws(CommandFailure) in
                try exchange(request) { piece in
                    isWanted = take(piece)
                    return isWanted
                }
            }
            return isWanted ? answer : nil
        } catch {
            if !isWanted { return nil }
            throw error
        }
    }

    /// The whole of a small file from `firstByte` on; nil when there is none.
    package func bytes(_ path: ServicePath, from firstByte: Int64 = 0) throws(CommandFailure) -> [UInt8]? {
        var bytes: [UInt8] = []
        let isThere = try read(path, from: firstByte) { piece in
            bytes.append(contentsOf: piece)
            return true
        }
        return isThere ? bytes : nil
    }

    /// Nil for 404.
    package func find<Value: Decodable>(
        _ path: ServicePath, as type: Value.Type = Value.self, timeoutSeconds: Int = 60
    ) throws(CommandFailure) -> Value? {
        var request = ServiceRequest(.get, path)
        request.timeoutSeconds = timeoutSeconds
        return try find(request)
    }

    func find<Value: Decodable>(
        _ request: ServiceRequest, as type: Value.Type = Value.self
    ) throws(CommandFailure) -> Value? {
        let answer = try exchange(request)
        return answer.status == 404 ? nil : try decode(type, from: checked(answer))
    }

    package struct Nothing: Codable, Sendable {
        package init() {}
    }

    private func request(
        _ method: HTTPMethod, _ path: ServicePath, _ body: some Encodable
    ) throws(CommandFailure) -> ServiceRequest {
        do throws(JSONError) {
            var request = ServiceRequest(method, path, body: try JSONCoding.encode(body))
            // A submission of a million tasks is planned before it is answered.
            request.timeoutSeconds = 3600
            return request
        } catch {
            throw CommandFailure(.internalError, "cannot write a request: \(error)")
        }
    }

    /// Of a request that needs more said than a path and a body.
    package func answer(to request: ServiceRequest) throws(CommandFailure) -> ServiceAnswer { try send(request) }

    private func send(_ request: ServiceRequest) throws(CommandFailure) -> ServiceAnswer {
        try checked(exchange(request))
    }

    private func exchange(
        _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)? = nil
    ) throws(CommandFailure) -> ServiceAnswer {
        if let flaw = request.flaw { throw .usage(flaw) }
        do throws(TransportFailure) {
            return try transport.send(request, onBody: onBody)
        } catch {
            switch error {
            case .notListening:
                throw CommandFailure(
                    .serviceUnreachable, "the service does not answer",
                    help: "see `shipyard-swift service logs`; every command starts the service again")
            case .cannotStart(let failure):
                throw failure
            case .cancelled: throw CommandFailure(.interrupted, "interrupted")
            case .broken(let reason), .interrupted(let reason):
                throw CommandFailure(
                    .serviceUnreachable, "the connection to the service broke: \(reason)",
                    help: "see `shipyard-swift service logs`")
            }
        }
    }

    private func checked(_ answer: ServiceAnswer) throws(CommandFailure) -> ServiceAnswer {
        guard answer.status >= 400 else { return answer }
        throw ServiceRefusal.failure(status: answer.status, body: answer.body)
    }

    private func decode<Value: Decodable>(
        _ type: Value.Type, from answer: ServiceAnswer
    ) throws(CommandFailure) -> Value {
        do throws(JSONError) {
            return try JSONCoding.decode(type, from: answer.body)
        } catch {
            throw unreadable(error)
        }
    }

    private func unreadable(_ error: JSONError) -> CommandFailure {
        CommandFailure(
            .internalError, "cannot read the service's answer: \(error)",
            help: "service and program may be of different versions: `shipyard-swift service stop`")
    }
}
