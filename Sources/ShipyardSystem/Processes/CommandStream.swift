import Glibc
import ShipyardModel

/// A process whose standard input and output are one byte stream, and whose standard error is read beside it.
///
/// The stream is a pair of sockets and not two pipes: one descriptor to wait for, and a write never raises a signal.
/// The process gets the caller's environment, a session of its own, so that nothing asks a terminal, and no other
/// descriptor.
package struct CommandStream: Sendable {
    /// Both do not block. Whoever takes this value over closes them.
    package let stream: Int32
    package let errors: Int32
    /// A child of the caller, who waits for it: `OwnChildren.end(of:)`.
    package let processID: Int32

    /// - Parameter words: a program, looked for along `PATH` when it is no path, and its arguments.
    package init(_ words: [String]) throws(SystemError) {
        let (ours, theirs) = try Self.pair("socketpair") { ends in
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, ends)
        }
        let near = FileDescriptor(owning: ours)
        let far = FileDescriptor(owning: theirs)
        let (reader, writer) = try Self.pair("pipe", Glibc.pipe)
        let heard = FileDescriptor(owning: reader)
        let told = FileDescriptor(owning: writer)
        for end in [reader, writer] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // Ours only: what a program finds at its end is as it expects.
        for end in [ours, reader] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        processID = try ProcessLaunch.start(
            words.first ?? "", words,
            ProcessLaunch.Streams(input: far.number, output: far.number, errors: told.number))
        _ = (far.number, told.number)
        stream = near.release()
        errors = heard.release()
    }

    private static func pair(
        _ operation: String, _ make: (UnsafeMutablePointer<Int32>) -> Int32
    ) throws(SystemError) -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) { bytes in
            bytes.withMemoryRebound(to: Int32.self) { $0.baseAddress.map(make) ?? -1 }
        }
        guard result == 0 else { throw SystemError(operation, errno: errno) }
        return ends
    }
}
