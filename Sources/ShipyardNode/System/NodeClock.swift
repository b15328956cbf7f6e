import Glibc
import ShipyardModel

/// The clocks that an agent reads.
enum NodeClock {
    /// The time of day, for people.
    static func now() -> Instant {
        let (seconds, nanoseconds) = read(CLOCK_REALTIME)
        return Instant(milliseconds: seconds * 1000 + nanoseconds / 1_000_000)
    }

    /// For lengths of time: nobody sets this clock.
    static func monotonicMicroseconds() -> Int64 {
        let (seconds, nanoseconds) = read(CLOCK_MONOTONIC)
        return seconds * 1_000_000 + nanoseconds / 1000
    }

    /// The clock by which `/proc/<pid>/stat` tells when a process started: hundredths of a second since
    /// the machine did, whatever the kernel's own tick is.
    static func bootTicks() -> UInt64 {
        let (seconds, nanoseconds) = read(CLOCK_BOOTTIME)
        return UInt64(seconds) * 100 + UInt64(nanoseconds) / 10_000_000
    }

    private static func read(_ clock: clockid_t) -> (seconds: Int64, nanoseconds: Int64) {
        var time = timespec()
        clock_gettime(clock, &time)
        return (Int64(time.tv_sec), Int64(time.tv_nsec))
    }
}
