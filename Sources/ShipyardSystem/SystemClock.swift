import Glibc
import ShipyardModel

/// The clocks of this machine.
package enum SystemClock {
    /// The time of day, for people.
    package static func now() -> Instant { Instant(milliseconds: milliseconds(CLOCK_REALTIME)) }

    /// For lengths of time: nobody sets this clock.
    package static func monotonicMicroseconds() -> Int64 {
        let (seconds, nanoseconds) = read(CLOCK_MONOTONIC)
        return seconds * 1_000_000 + nanoseconds / 1000
    }

    /// As `monotonicMicroseconds`, for rates and timeouts.
    package static func monotonicSeconds() -> Double {
        let (seconds, nanoseconds) = read(CLOCK_MONOTONIC)
        return Double(seconds) + Double(nanoseconds) / 1e9
    }

    /// The clock by which `/proc/<pid>/stat` tells when a process started: hundredths of a second since
    /// the machine did, whatever the kernel's own tick is.
    package static func bootTicks() -> UInt64 {
        let (seconds, nanoseconds) = read(CLOCK_BOOTTIME)
        return UInt64(seconds) * 100 + UInt64(nanoseconds) / 10_000_000
    }

    /// Since the machine has started, sleep included.
    package static func bootMilliseconds() -> Int64 { milliseconds(CLOCK_BOOTTIME) }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        let (seconds, nanoseconds) = read(clock)
        return seconds * 1000 + nanoseconds / 1_000_000
    }

    private static func read(_ clock: clockid_t) -> (seconds: Int64, nanoseconds: Int64) {
        var time = timespec()
        clock_gettime(clock, &time)
        return (Int64(time.tv_sec), Int64(time.tv_nsec))
    }
}
