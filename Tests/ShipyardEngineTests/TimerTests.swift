import ShipyardModel
import Testing

@testable import ShipyardEngine

struct TimerTests {
    private func at(_ time: Int64) -> SteadyTime { SteadyTime(milliseconds: time) }

    /// Against a list that is sorted anew for each look.
    @Test func whatIsSetPutOffAndCancelledComesInItsOrder() {
        var random = SystemRandomNumberGenerator()
        var (timers, plain): (Timers<SteadyTime>, [Timer: SteadyTime]) = (Timers(), [:])
        var now: Int64 = 0
        for _ in 0..<20_000 {
            let job = UInt32.random(in: 0..<40, using: &random)
            let timer: Timer = Bool.random(using: &random) ? .jobWallTime(job) : .nodeRelaunch(Int(job))
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let time = at(now + .random(in: 0..<50, using: &random))
                timers.set(timer, at: time)
                plain[timer] = time
            case 5..<7:
                timers.cancel(timer)
                plain[timer] = nil
            default:
                now += 3
                let due = plain.filter { $0.value <= at(now) }
                    .sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
                for timer in due { plain[timer] = nil }
                var taken: [Timer] = []
                while let timer = timers.takeDue(at: at(now)) { taken.append(timer) }
                #expect(taken == due)
            }
            #expect(timers.next == plain.values.min())
            #expect(timers[timer] == plain[timer])
        }
    }

    /// What is put off again and again leaves nothing behind.
    @Test(.timeLimit(.minutes(1)))
    func putOffMillionsOfTimes() {
        var timers = Timers<SteadyTime>()
        for job: UInt32 in 0..<1000 { timers.set(.jobWallTime(job), at: at(1 << 40)) }
        for time: Int64 in 0..<300_000 { timers.set(.retentionSweep, at: at((1 << 41) - time)) }
        #expect(timers.entryCount < 3000)
        #expect(timers.next == at(1 << 40))
    }
}
