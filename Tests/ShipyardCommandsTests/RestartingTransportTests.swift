import ShipyardAPI
import ShipyardHTTPClient
import Testing

@testable import ShipyardCommands

/// Which requests are sent again to the next service when the last one went away.
struct RestartingTransportTests {
    /// Answers what its list says, and then 200.
    private final class Ending: ServiceTransport {
        enum Event {
            case failure(TransportFailure)
            case refusal(String)
        }
        private var events: [Event]
        private(set) var requests = 0

        init(_ events: Event...) { self.events = events }

        func send(
            _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)?
        ) throws(TransportFailure) -> ServiceAnswer {
            requests += 1
            guard !events.isEmpty else { return ServiceAnswer(status: 200) }
            switch events.removeFirst() {
            case .failure(let failure): throw failure
            case .refusal(let code):
                return ServiceAnswer(status: 503, body: Array(#"{"code":"\#(code)","message":"m"}"#.utf8))
            }
        }
    }

    private func status(_ request: ServiceRequest, _ ending: Ending) -> Int? {
        (try? RestartingTransport(ending, restart: {}).send(request, onBody: nil))?.status
    }

    private static var submission: ServiceRequest {
        var request = ServiceRequest(.post, "/jobs")
        request.hasIdentity = true
        return request
    }

    /// Nothing of it was done, whatever it was.
    @Test(arguments: [HTTPMethod.get, .post, .delete])
    func everyRequestIsSentAgainWhereNothingWasDone(_ method: HTTPMethod) {
        let request = ServiceRequest(method, "/pools/p/whatever")
        #expect(status(request, Ending(.failure(.notListening))) == 200)
        #expect(status(request, Ending(.refusal("ServiceStopping"), .refusal("ServiceStopping"))) == 200)
    }

    @Test func lostAnswerIsAskedForAgainWhereASecondTimeDoesNoHarm() {
        func again(_ request: ServiceRequest) -> Bool {
            status(request, Ending(.failure(.interrupted("killed")))) == 200
        }
        #expect(again(ServiceRequest(.get, "/jobs")))
        #expect(again(ServiceRequest(.delete, "/jobs/j")))
        #expect(again(ServiceRequest(.post, "/jobs/j/tasks/t/terminate")))
        #expect(again(ServiceRequest(.post, "/jobs/j/terminate?number=3")))
        #expect(again(ServiceRequest(.post, "/pools/p/resize")))
        #expect(again(Self.submission))
        #expect(!again(ServiceRequest(.post, "/jobs")))
        #expect(!again(ServiceRequest(.post, "/service/stop")))
    }

    @Test func serviceThatDiesAgainAndAgainIsAFailure() {
        let ending = Ending(
            .failure(.interrupted("1")), .failure(.interrupted("2")), .failure(.interrupted("3")),
            .failure(.interrupted("4")), .failure(.interrupted("5")))
        #expect(status(ServiceRequest(.get, "/jobs"), ending) == nil)
        #expect(ending.requests == 4)
    }

    /// Whoever changes something hears first that another home is there now.
    @Test func lostHomeIsToldToThoseWhoChangeSomething() {
        #expect(status(Self.submission, Ending(.refusal("HomeLost"))) == 503)
        #expect(status(ServiceRequest(.get, "/jobs"), Ending(.refusal("HomeLost"))) == 200)
    }

    @Test func submissionsCarryAnIdentityOfTheirOwn() throws {
        let service = FakeService(["POST /jobs": [#"{"jobs":[],"warnings":[]}"#]])
        let client = ServiceClient(service)
        let request = SubmissionRequest(files: [], workingDirectory: "/")
        for _ in 0..<2 { _ = try client.submit("/jobs", request, as: SubmissionResponse.self) }
        let sent = service.bodies.map { String(decoding: $0, as: UTF8.self) }
        #expect(sent.count == 2 && sent.allSatisfy { $0.contains("submissionId") })
        #expect(sent[0] != sent[1])
    }
}
