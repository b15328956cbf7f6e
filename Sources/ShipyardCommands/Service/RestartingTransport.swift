/// Starts the service again when it goes away between two requests, or under one that may be sent twice.
///
/// A service may be killed at any moment without harm to its tasks, so it must not harm a `jobs wait` either.
struct RestartingTransport: ServiceTransport {
    /// A service that dies under every request is broken: then the failure is the better answer.
    private static let restarts = 3

    private let restart: () throws(CommandFailure) -> Void
    private let transport: any ServiceTransport

    init(_ transport: any ServiceTransport, restart: @escaping () throws(CommandFailure) -> Void) {
        self.transport = transport
        self.restart = restart
    }

    func send(
        _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)?
    ) throws(TransportFailure) -> ServiceAnswer {
        var hasBegun = false
        let take: ((UnsafeRawBufferPointer) -> Bool)? = onBody.map { onBody in
            { piece in
                hasBegun = true
                return onBody(piece)
            }
        }
        var restarts = 0
        while true {
            do throws(TransportFailure) {
                return try transport.send(request, onBody: take)
            } catch {
                // What has reached the user must not come a second time.
                let mayRepeat = request.isRepeatable && !hasBegun
                guard mayRepeat, restarts < Self.restarts, hasGone(error) else { throw error }
                restarts += 1
                guard (try? restart()) != nil else { throw error }
            }
        }
    }

    private func hasGone(_ failure: TransportFailure) -> Bool {
        switch failure {
        case .notListening, .interrupted: true
        case .broken: false
        }
    }
}
