import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardSystem

/// A process that carries a connection, from its start until it was waited for.
final class CarrierProcess {
    /// What people get to read of one: the reason of a failure is in its first lines.
    private static let lineLimit = 20
    private static let lineBytes = 300

    let node: NodeHandle
    let errors: FileDescriptor
    /// It has been told to go, or has gone, and is killed then. Monotonic microseconds.
    var killAt: Int64?
    private var line: [UInt8] = []
    private var linesLeft = lineLimit

    init(node: NodeHandle, errors: consuming FileDescriptor) {
        self.node = node
        self.errors = errors
    }

    /// Whole lines that have come, as many as are told. False at the end.
    func readLines(_ tell: (String) -> Void) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { block in
            // Bounded, so that one that never stops cannot hold the loop: the rest is read next time.
            for _ in 0..<16 {
                let count = read(errors.number, block.baseAddress, block.count)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return true }
                for byte in block[..<count] { take(byte, tell) }
                guard count > 0 else {
                    endLine(tell)
                    return false
                }
            }
            return true
        }
    }

    private func take(_ byte: UInt8, _ tell: (String) -> Void) {
        if byte == UInt8(ascii: "\n") { return endLine(tell) }
        if line.count < Self.lineBytes { line.append(byte) }
    }

    private func endLine(_ tell: (String) -> Void) {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty, linesLeft > 0 else { return }
        linesLeft -= 1
        // What is no text, or would write elsewhere on a terminal, is escaped.
        tell(BytePath(bytes: line.filter { $0 >= 0x20 && $0 != 0x7F }).description)
    }
}

// Processes that carry connections end with them. One that does not is killed.

extension LocalSubstrate {
    /// To pass on what it has, such as that an agent should leave.
    private static let graceMicroseconds: Int64 = 2_000_000
    private static let lookMicroseconds: Int64 = 20_000

    func keepTrack(ofCarrier carrier: AgentStream.Carrier?, of node: NodeHandle) {
        guard let carrier else { return }
        carriers[carrier.processID] = CarrierProcess(
            node: node, errors: FileDescriptor(owning: carrier.errors))
        carriersByErrors[carrier.errors] = carrier.processID
        poller.add(carrier.errors)
    }

    /// The stream is not wanted any more.
    func close(_ stream: AgentStream) {
        Glibc.close(stream.descriptor)
        if let carrier = stream.carrier { letGo(carrier.processID) }
    }

    func letGo(_ carrier: Int32) {
        guard let process = carriers[carrier], process.killAt == nil else { return }
        process.killAt = SystemClock.monotonicMicroseconds() + Self.graceMicroseconds
        leavingCarriers.insert(carrier)
    }

    func readErrors(of carrier: Int32) {
        guard let process = carriers[carrier] else { return }
        let isOpen = process.readLines { line in
            guard let link = links[process.node] else { return log("connection to a node: \(line)") }
            guard line != link.toldLine else { return }
            link.toldLine = line
            log("node \(link.root), connection: \(line)")
        }
        if !isOpen { forgetErrors(of: process) }
    }

    private func forgetErrors(of process: CarrierProcess) {
        poller.remove(process.errors.number)
        carriersByErrors[process.errors.number] = nil
    }

    var nextLookAfterCarriers: Int64? {
        leavingCarriers.isEmpty ? nil : SystemClock.monotonicMicroseconds() + Self.lookMicroseconds
    }

    func lookAfterCarriers(at now: Int64) {
        for carrier in leavingCarriers {
            guard let process = carriers[carrier] else {
                leavingCarriers.remove(carrier)
                continue
            }
            if let end = OwnChildren.end(of: carrier) {
                ended(carrier, process, end)
            } else if let killAt = process.killAt, killAt <= now {
                kill(carrier, SIGKILL)
            }
        }
    }

    private func ended(_ carrier: Int32, _ process: CarrierProcess, _ end: OwnChildren.ChildEnd) {
        if carriersByErrors[process.errors.number] == carrier {
            readErrors(of: carrier)
            forgetErrors(of: process)
        }
        leavingCarriers.remove(carrier)
        carriers[carrier] = nil
        guard let link = links[process.node], link.endedCarrier == carrier else { return }
        link.endedCarrier = nil
        // A relay that has reached the agent ends well when the agent hangs up.
        if end == .exited(0) { endedWithoutAWord(process.node) } else { wayFailed(process.node) }
    }
}
