import Glibc

/// Nanoseconds that this thread alone has computed, whatever else the machine does.
public func threadTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
