import Glibc
import ShipyardModel
import ShipyardStore
import ShipyardSystem

/// The clocks that the loop goes by.
package protocol ServiceTime {
    /// The machine, or the container, was started since the last service ran.
    var isNewLife: Bool { get }
    func now() -> Moment
    /// What to write down, now and then, so that the next boot goes on from a moment that is not long past.
    mutating func takeNewAnchor(at now: Moment) -> StoreWrite?
    /// For pauses, which a clock that is set must not stretch.
    func monotonicMicroseconds() -> Int64
    func sleep(microseconds: Int64)
}

/// What time it is: by the wall, and on the line by which things are due.
///
/// The line is the kernel's clock of the present boot, which counts sleep and cannot be set, laid end to end with
/// those of earlier boots. Within a boot it is exact across restarts of the service. From one boot to the next
/// only the wall clock can tell how much time has passed; it is believed unless it went back.
struct ServiceClock: ServiceTime {
    /// Where the line was at some moment of this boot.
    private(set) var anchor: ClockAnchor
    package let isNewLife: Bool

    /// How old what the next boot begins with may be, and how far the wall clock may have moved since.
    private static let keepInterval = TimeSpan.seconds(60)
    private static let keepDrift = TimeSpan.seconds(1)

    init(store: StoreWriter) throws(StoreError) {
        let known = try store.clock()
        let anchor = Self.anchor(after: known, reading: Self.readClocks())
        isNewLife = known.map { $0.life != anchor.life } ?? false
        self.anchor = anchor
        try store.commit([.putClock(anchor)])
    }

    package func now() -> Moment { Self.now(Self.readClocks(), from: anchor) }

    package func monotonicMicroseconds() -> Int64 { SystemClock.monotonicMicroseconds() }

    package func sleep(microseconds: Int64) { usleep(UInt32(clamping: microseconds)) }

    package mutating func takeNewAnchor(at now: Moment) -> StoreWrite? {
        guard let moved = Self.movedAnchor(anchor, to: now) else { return nil }
        anchor = moved
        return .putClock(moved)
    }

    // MARK: Rules, apart from the machine

    /// What the machine's clocks say.
    struct Reading {
        var boot: String
        var life: String
        var bootMilliseconds: Int64
        var wall: Instant
    }

    static func anchor(after known: ClockAnchor?, reading: Reading) -> ClockAnchor {
        var steady = SteadyTime(milliseconds: reading.wall.milliseconds)
        if let known {
            let isSameBoot =
                !reading.boot.isEmpty && known.boot == reading.boot && known.bootMilliseconds >= 0
                && reading.bootMilliseconds >= known.bootMilliseconds
            let passed =
                isSameBoot
                ? TimeSpan(milliseconds: reading.bootMilliseconds - known.bootMilliseconds)
                : max(.zero, reading.wall - known.now.wall)
            steady = known.now.steady + passed
        }
        return ClockAnchor(
            boot: reading.boot, life: reading.life, bootMilliseconds: reading.bootMilliseconds,
            now: Moment(wall: reading.wall, steady: steady))
    }

    static func now(_ reading: Reading, from anchor: ClockAnchor) -> Moment {
        let passed = TimeSpan(
            milliseconds: max(0, saturatingDifference(reading.bootMilliseconds, anchor.bootMilliseconds)))
        return Moment(wall: reading.wall, steady: anchor.now.steady + passed)
    }

    /// The anchor at `now`; nil while the old one will do.
    static func movedAnchor(_ anchor: ClockAnchor, to now: Moment) -> ClockAnchor? {
        let passed = now.steady - anchor.now.steady
        let drift = saturatingDifference((now.wall - anchor.now.wall).milliseconds, passed.milliseconds)
        guard passed >= keepInterval || drift.magnitude >= keepDrift.milliseconds else { return nil }
        return ClockAnchor(
            boot: anchor.boot, life: anchor.life,
            bootMilliseconds: saturatingSum(anchor.bootMilliseconds, passed.milliseconds), now: now)
    }

    // MARK: The machine

    private static func readClocks() -> Reading {
        Reading(
            boot: bootName, life: bootName + " " + namespaceName,
            bootMilliseconds: SystemClock.bootMilliseconds(), wall: SystemClock.now())
    }

    private static let bootName = MachineID.bootName ?? ""

    /// Of the PID namespace: a container that starts anew has another one.
    private static let namespaceName: String = {
        var information = stat()
        return stat("/proc/self/ns/pid", &information) == 0 ? "\(information.st_ino)" : ""
    }()
}
