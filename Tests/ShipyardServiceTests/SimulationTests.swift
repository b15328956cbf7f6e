import Glibc
import TestSupport
import Testing

/// `SHIPYARD_SEEDS` asks for more histories than a normal run has time for (scripts/torture).
private let seeds = getenv("SHIPYARD_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 30

@Suite(.blocking) struct SimulationTests {
    @Test func everyPromiseHoldsWithoutFaults() throws {
        for seed in 0..<seeds * 10 {
            let violations = try Simulation(seed: seed).run()
            #expect(violations.isEmpty, "seed \(seed)")
            if !violations.isEmpty { return }
        }
    }

    /// Dies before the first act, then before the second, and so on, until a run ends with no death.
    @Test func theServiceMayDieBeforeEveryAct() throws {
        for seed in 0..<seeds {
            for act in 1...10_000 {
                let simulation = try Simulation(seed: seed, dieBeforeAct: act)
                let violations = try simulation.run()
                #expect(violations.isEmpty, "seed \(seed), act \(act)")
                if !violations.isEmpty { return }
                if !simulation.faultWasMet { break }
            }
        }
    }

    /// Fails the first write, then the second, and so on, until a run ends with no failure.
    @Test func everyWriteMayFail() throws {
        for seed in 0..<seeds / 3 {
            for write in 1...10_000 {
                let simulation = try Simulation(seed: seed, failingWrite: write)
                let violations = try simulation.run()
                #expect(violations.isEmpty, "seed \(seed), write \(write)")
                if !violations.isEmpty { return }
                if !simulation.faultWasMet { break }
            }
        }
    }

    /// Fails the first read, then the second, and so on.
    @Test func everyReadMayFail() throws {
        for seed in 0..<seeds / 3 {
            for read in 1...10_000 {
                let simulation = try Simulation(seed: seed, failingRead: read)
                let violations = try simulation.run()
                #expect(violations.isEmpty, "seed \(seed), read \(read)")
                if !violations.isEmpty { return }
                if !simulation.faultWasMet { break }
            }
        }
    }
}
