import Glibc

/// What the service loop waits on: the wake-up and one socket for each node, at most about a thousand.
final class Poller {
    private var watched: [pollfd] = []

    func add(_ fileDescriptor: Int32) {
        watched.append(pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0))
    }

    func remove(_ fileDescriptor: Int32) { watched.removeAll { $0.fd == fileDescriptor } }

    /// Also when it can be written to.
    func watchWriting(_ fileDescriptor: Int32, _ isWanted: Bool) {
        guard let index = watched.firstIndex(where: { $0.fd == fileDescriptor }) else { return }
        watched[index].events = Int16(isWanted ? POLLIN | POLLOUT : POLLIN)
    }

    /// Descriptors that are ready. Waits for `milliseconds` at the most; nil waits for ever.
    func wait(milliseconds: Int64?) -> [Int32] {
        let timeout = milliseconds.map { Int32(clamping: max(0, $0)) } ?? -1
        guard poll(&watched, nfds_t(watched.count), timeout) > 0 else { return [] }
        return watched.filter { $0.revents != 0 }.map(\.fd)
    }
}
