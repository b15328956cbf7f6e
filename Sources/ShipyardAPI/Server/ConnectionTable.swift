import Glibc
import Synchronization

/// The server's connections, and which of them has been idle for longest.
final class ConnectionTable: Sendable {
    private struct Connection {
        var socket: Int32
        /// When it last began, sent something or took a piece of its answer, as a number that grows.
        var lastSign: UInt64
        /// Our handler is at work on its request: it waits for us and not we for it. An answer that is on its way
        /// waits for its reader, so then only what is taken of it counts.
        var isServed = false
        /// It was told to end, and its thread has not done so yet.
        var isLeaving = false
    }

    private struct State {
        /// By the address of the library's own record.
        var connections: [UInt: Connection] = [:]
        var signs: UInt64 = 0

        mutating func nextSign() -> UInt64 {
            signs += 1
            return signs
        }
    }

    private let crowd: Int
    private let state = Mutex(State())

    init(crowd: Int) { self.crowd = crowd }

    func began(_ connection: OpaquePointer, socket: Int32) {
        let connection = UInt(bitPattern: connection)
        state.withLock { state in
            state.connections[connection] = Connection(socket: socket, lastSign: state.nextSign())
            let staying = state.connections.filter { !$0.value.isLeaving }
            guard staying.count > crowd else { return }
            let idle = staying.filter { !$0.value.isServed && $0.key != connection }
            guard let oldest = idle.min(by: { $0.value.lastSign < $1.value.lastSign }) else { return }
            state.connections[oldest.key]?.isLeaving = true
            // Under the lock: the descriptor is closed only after `ended`, so it is this connection's. Its thread
            // finds the end of the stream and closes it.
            shutdown(oldest.value.socket, Int32(SHUT_RDWR))
        }
    }

    func ended(_ connection: OpaquePointer) {
        let connection = UInt(bitPattern: connection)
        state.withLock { $0.connections[connection] = nil }
    }

    func isAlive(_ connection: OpaquePointer) { note(connection) { _ in } }
    func isServed(_ connection: OpaquePointer) { note(connection) { $0.isServed = true } }
    func isQuiet(_ connection: OpaquePointer) { note(connection) { $0.isServed = false } }

    private func note(_ connection: OpaquePointer, _ change: @Sendable (inout Connection) -> Void) {
        let connection = UInt(bitPattern: connection)
        state.withLock { state in
            guard var known = state.connections[connection] else { return }
            known.lastSign = state.nextSign()
            change(&known)
            state.connections[connection] = known
        }
    }
}
