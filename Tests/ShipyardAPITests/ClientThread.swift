import Glibc
import ShipyardHTTPClient
import Synchronization

/// One request sent on a thread of its own: the pool behind `Task` may have no thread free while tests block.
final class ClientThread: Sendable {
    private let request: OutgoingRequest
    private let response = Mutex<HTTPResponse?>(nil)
    private let thread = Mutex<pthread_t?>(nil)

    init(_ request: OutgoingRequest) {
        self.request = request
        let context = Unmanaged.passRetained(self).toOpaque()
        var started: pthread_t = 0
        let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
            let client = Unmanaged<ClientThread>.fromOpaque(context!).takeRetainedValue()
            let answer = try? HTTPClient().send(client.request)
            client.response.withLock { $0 = answer }
            return nil
        }
        precondition(pthread_create(&started, nil, body, context) == 0)
        thread.withLock { [started] in $0 = started }
    }

    /// Nil where no answer came.
    func join() -> HTTPResponse? {
        if let started = thread.withLock({ $0 }) { pthread_join(started, nil) }
        return response.withLock { $0 }
    }
}
