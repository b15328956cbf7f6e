import Glibc
import ShipyardHTTPClient
import ShipyardSystem

/// Repeats requests that met a service at its end, where a second time can do no harm, after another service was
/// started.
///
/// A service may be killed at any moment without harm to its tasks, so it must not harm a `jobs wait` either, nor
/// anybody who submits a job while it is stopped.
struct RestartingTransport: ServiceTransport {
    /// A service that dies under every request is broken: then the failure is the better answer.
    private static let restarts = 3
    /// A service that is about to end says so for as long as it lives; one that is dying, or whose queue of
    /// connections is full, takes none for a moment.
    private static let patience = 30.0
    private static let pause: UInt32 = 20_000

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
        let limit = SystemClock.monotonicSeconds() + Self.patience
        while true {
            do throws(TransportFailure) {
                let answer = try transport.send(request, onBody: take)
                guard answer.isOfEndingService(to: request), SystemClock.monotonicSeconds() < limit else {
                    return answer
                }
                // It has done nothing of what was asked. Its socket goes in a moment, and then another one comes.
                usleep(Self.pause)
                try? restart()
            } catch {
                // What has reached the user must not come a second time.
                guard !hasBegun else { throw error }
                switch error {
                case .notListening:
                    // Nothing of it was sent.
                    guard SystemClock.monotonicSeconds() < limit else { throw error }
                    usleep(Self.pause)
                case .interrupted:
                    guard request.isRepeatable, restarts < Self.restarts else { throw error }
                    restarts += 1
                case .broken, .cannotStart, .cancelled:
                    throw error
                }
                do throws(CommandFailure) { try restart() } catch { throw .cannotStart(error) }
            }
        }
    }
}

extension ServiceRequest {
    /// Whether a second time does no more than the first, should that have been heard: whoever deletes or ends a
    /// thing wants it gone or ended, and a submission is known by its identity.
    var isRepeatable: Bool {
        let place = path.prefix { $0 != "?" }
        return switch method {
        case .get, .head: true
        // A condition that was met the first time is not met the second time.
        case .put, .delete: !headers.contains { $0.name.hasPrefix("If-") }
        case .post: hasIdentity || Self.repeatableOrders.contains { place.hasSuffix($0) }
        case .patch: false
        }
    }

    /// A size, a state: set twice, they are what they were set to. A time is made up for once.
    private static let repeatableOrders = ["/terminate", "/disable", "/enable", "/resize", "/backfill"]
}

extension ServiceAnswer {
    /// Whether the next service is to be asked instead. Where the home was changed under the last one, its caller
    /// hears of it before anything is done to what has come there; a question does nothing.
    fileprivate func isOfEndingService(to request: ServiceRequest) -> Bool {
        guard status == 503 else { return false }
        return switch ServiceRefusal.code(of: body) {
        case "ServiceStopping", "PlanningStopped": true
        case "HomeLost": request.method == .get
        default: false
        }
    }
}
