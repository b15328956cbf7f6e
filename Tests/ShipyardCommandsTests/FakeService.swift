import Synchronization

@testable import ShipyardCommands

/// Answers from a table and remembers what it was asked. The last answer for a request is given again.
final class FakeService: ServiceTransport, Sendable {
    private let answers: Mutex<[String: [ServiceAnswer]]>
    private let asked = Mutex<[ServiceRequest]>([])

    /// Keys are `GET /pools`; values are the bodies of answers with status 200, in order.
    init(_ bodies: [String: [String]] = [:]) {
        answers = Mutex(bodies.mapValues { $0.map { ServiceAnswer(status: 200, body: Array($0.utf8)) } })
    }

    func answer(_ key: String, status: Int, _ body: String) -> FakeService {
        answers.withLock {
            $0[key, default: []].append(ServiceAnswer(status: status, body: Array(body.utf8)))
        }
        return self
    }

    var requests: [String] { asked.withLock { $0.map { "\($0.method.rawValue) \($0.path)" } } }

    var sent: [ServiceRequest] { asked.withLock { $0 } }

    var bodies: [[UInt8]] { asked.withLock { $0.compactMap(\.body) } }

    func send(
        _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)?
    ) throws(TransportFailure) -> ServiceAnswer {
        var answer = next(for: request)
        guard let onBody, answer.status < 300 else { return answer }
        // In pieces that end anywhere.
        var body = Array(answer.body.dropFirst(Int(request.firstByte ?? 0)))
        while !body.isEmpty {
            guard body.prefix(11).withUnsafeBytes(onBody) else { throw .broken("the receiver wants no more") }
            body.removeFirst(min(11, body.count))
        }
        answer.body = []
        return answer
    }

    private func next(for request: ServiceRequest) -> ServiceAnswer {
        asked.withLock { $0.append(request) }
        let key = "\(request.method.rawValue) \(request.path)"
        return answers.withLock { answers in
            guard var list = answers[key], let first = list.first else {
                return ServiceAnswer(
                    status: 404, body: Array(#"{"code":"NotFound","message":"no \#(key)"}"#.utf8))
            }
            if list.count > 1 { list.removeFirst() }
            answers[key] = list
            return first
        }
    }

    static func connection(_ service: FakeService?) -> ServiceConnection {
        ServiceConnection(
            open: { _, _ throws(CommandFailure) in
                guard let service else {
                    throw CommandFailure(.serviceUnreachable, "no service in this test")
                }
                return ServiceClient(service)
            },
            openRunning: { _ throws(CommandFailure) in service.map { ServiceClient($0) } })
    }
}
