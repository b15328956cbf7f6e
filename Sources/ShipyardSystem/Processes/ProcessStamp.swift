import CLinux
import Glibc

/// One process and when it started: what survives of it in a journal, and what tells it from a later
/// process that was given the same number.
///
/// The time is a range, because reading `/proc/<pid>/stat` for each task would cost more than the task's
/// directories do: the clock before and after the spawn says the same for nothing.
package struct ProcessStamp: Hashable, Sendable {
    package var processID: Int32
    package var startedNotBefore: UInt64
    package var startedNotAfter: UInt64

    package init(processID: Int32, startedNotBefore: UInt64, startedNotAfter: UInt64) {
        self.processID = processID
        self.startedNotBefore = startedNotBefore
        self.startedNotAfter = startedNotAfter
    }

    /// Nil when there is no such process.
    package init?(of processID: Int32) {
        guard let stat = ProcessStat(of: processID) else { return nil }
        self.init(stat)
    }

    package init(_ stat: ProcessStat) {
        self.init(
            processID: stat.processID, startedNotBefore: stat.startTicks, startedNotAfter: stat.startTicks)
    }

    /// Whether that very process is still there and no zombie.
    package var isAlive: Bool {
        guard let stat = ProcessStat(of: processID) else { return false }
        return stat.isAlive && isSame(stat)
    }

    private func isSame(_ stat: ProcessStat) -> Bool {
        (startedNotBefore...max(startedNotBefore, startedNotAfter)).contains(stat.startTicks)
    }

    /// Sends a signal to this process and to no other. The descriptor is opened first and the start time
    /// read after: so a process that took over the number in between is found out. False when it is gone.
    @discardableResult package func signal(_ signal: Int32) -> Bool {
        let number = shipyard_pidfd_open(processID)
        guard number >= 0 else {
            // No pidfd at all (an old kernel, a sandbox): the start time alone must do.
            guard errno == ENOSYS || errno == EPERM || errno == EMFILE, isAlive else { return false }
            return kill(processID, signal) == 0
        }
        let descriptor = FileDescriptor(owning: number)
        guard isAlive else { return false }
        return shipyard_pidfd_send_signal(descriptor.number, signal) == 0
    }
}

/// The fields of `/proc/<pid>/stat` that matter here.
package struct ProcessStat: Sendable {
    package var processID: Int32
    package var state: UInt8
    package var parent: Int32
    package var group: Int32
    package var session: Int32
    /// The device number of its terminal; 0 without one.
    package var terminal: UInt64
    package var startTicks: UInt64

    package var isAlive: Bool {
        state != UInt8(ascii: "Z") && state != UInt8(ascii: "X") && state != UInt8(ascii: "x")
    }

    package init?(of processID: Int32) {
        guard let bytes = ProcessTable.read("\(processID)/stat") else { return nil }
        // The name in parentheses may hold anything, parentheses too: the fields follow the last one.
        guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "), maxSplits: 20)
        guard fields.count == 21, let state = fields[0].first else { return nil }
        self.processID = processID
        self.state = state
        parent = Int32(truncatingIfNeeded: Self.number(fields[1]))
        group = Int32(truncatingIfNeeded: Self.number(fields[2]))
        session = Int32(truncatingIfNeeded: Self.number(fields[3]))
        terminal = Self.number(fields[4])
        // Field 22 of the manual; `split` has left it with all that follows behind the 20th blank.
        startTicks = Self.number(fields[19])
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64 {
        digits.reduce(0) { value, byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? value &* 10 &+ UInt64(byte & 15) : value
        }
    }
}
