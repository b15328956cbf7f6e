import TestSupport
import Testing

@testable import ShipyardEngine

@Suite struct TaskTableTests {
    private func entry(_ template: Int, attempt: Int32 = 0) -> TaskEntry {
        var entry = TaskEntry(template: template)
        entry.attempt = attempt
        return entry
    }

    /// Beside a plain array: whatever is done to both, both hold the same.
    @Test(arguments: 0..<20) func tableIsAnArray(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var table = TaskTable()
        var array: [TaskEntry] = []
        for _ in 0..<400 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                let (new, count) = (entry(Int.random(in: 0..<2, using: &random)), Int.random(in: 0...700, using: &random))
                table.append(new, count: count)
                array += repeatElement(new, count: count)
            case 1:
                table.append(entry(1))
                array.append(entry(1))
            case 2...3 where !array.isEmpty:
                // Many in a row, as tasks end.
                let first = Int.random(in: 0..<array.count, using: &random)
                for index in first..<min(array.count, first + 1500) {
                    guard array[index].state == .active else { continue }
                    table[index].node = 3
                    table[index].assigned = Int64(index)
                    table[index].move(to: .preparing)
                    table[index].move(to: .running)
                    table[index].move(to: .completed)
                    table.settle(index)
                    (array[index].state) = .completed
                }
            case 4 where !array.isEmpty:
                let index = Int.random(in: 0..<array.count, using: &random)
                table[index].retryCount += 1
                array[index].retryCount += 1
            case 5:
                table.updateEach { $0.waiting = 0 }
                for index in array.indices { array[index].waiting = 0 }
            default: break
            }
        }
        #expect(table.count == array.count)
        // The first that differs, and not thousands of entries.
        #expect(zip(table, array).first { $0 != $1 }.map { "\($0), not \($1)" } == nil)
        #expect(table.contains { $0.retryCount > 1 } == array.contains { $0.retryCount > 1 })
    }

    @Test func memoryIsOfWhatTasksDifferIn() {
        var table = TaskTable()
        table.append(entry(0), count: 1_000_000)
        let waiting = table.byteCount
        #expect(waiting < 200_000)
        for index in 0..<100_000 {
            table[index].attempt = 1
            table[index].node = Int32(index % 7)
            table[index].assigned = Int64(index)
            table[index].move(to: .preparing)
            table[index].move(to: .running)
            table[index].move(to: .completed)
            table.settle(index)
            // One page is under way at a time.
            if index % 10_000 == 0 { #expect(table.byteCount < waiting + 3 * TaskTable.pageSize * MemoryLayout<TaskEntry>.stride) }
        }
        table[50].flags.insert(.failed)
        #expect(table.byteCount < waiting + 3 * TaskTable.pageSize * MemoryLayout<TaskEntry>.stride)
        #expect(table[49].attempt == 1 && table[99_999].state == .completed && table[100_000].state == .active)
    }
}

@Suite struct ReadyQueueTests {
    @Test(arguments: 0..<20) func queueIsFirstComeFirstServed(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var queue = ReadyQueue()
        var plain: [UInt32] = []
        var next: UInt32 = 0
        for _ in 0..<3000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                next += Bool.random(using: &random) ? 1 : 5
                queue.append(next)
                plain.append(next)
            case 1:
                for _ in 0..<20 {
                    next += 1
                    queue.append(next)
                    plain.append(next)
                }
            case 2 where !plain.isEmpty && plain[0] > 1:
                // What comes back is mostly what went last.
                let back = plain[0] - 1
                queue.prepend(back)
                plain.insert(back, at: 0)
            case 3...4 where !plain.isEmpty:
                queue.removeFirst()
                plain.removeFirst()
            default: break
            }
            #expect(queue.first == plain.first && queue.count == plain.count)
        }
        while let first = queue.first {
            #expect(first == plain.removeFirst())
            queue.removeFirst()
        }
        #expect(plain.isEmpty)
    }

    @Test func aMillionInARowAreOne() {
        var queue = ReadyQueue()
        for ordinal in 0..<1_000_000 as Range<UInt32> { queue.append(ordinal) }
        #expect(queue.byteCount < 1000)
    }
}
