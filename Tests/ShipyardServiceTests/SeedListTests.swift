import ShipyardEngine
import ShipyardModel
import TestSupport
import Testing

@testable import ShipyardService

@Suite struct SeedListTests {
    private func expanded(_ seeds: [TaskSeed]) -> [TaskSeed] {
        seeds.flatMap { seed in
            var one = seed
            one.count = 1
            return Array(repeating: one, count: seed.count)
        }
    }

    @Test(arguments: 0..<20) func whatIsPutInComesOut(_ number: Int) {
        var random = SeededRandom(seed: UInt64(number))
        var list = SeedList()
        var plain: [TaskSeed] = []
        for _ in 0..<30 {
            let slice = (0..<random.below(40)).map { _ in
                TaskSeed(
                    template: random.below(8) / 7,
                    dependencies: random.chance(5) ? [.task(0)] : [],
                    number: random.chance(5) ? random.below(3) : nil)
            }
            list.append(slice)
            plain += slice
            while random.chance(40), !plain.isEmpty {
                let offset = random.below(plain.count)
                list.patch(offset, [.task(1)])
                plain[offset].dependencies = [.task(1)]
            }
        }
        #expect(expanded(list.all) == plain)
    }

    @Test func aMillionAlikeAreOne() {
        var list = SeedList()
        for _ in 0..<100 { list.append(Array(repeating: TaskSeed(template: 0), count: 10_000)) }
        #expect(list.all.count == 1 && list.all[0].count == 1_000_000)
    }
}
