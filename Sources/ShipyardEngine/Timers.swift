import ShipyardCalendar
import ShipyardModel

/// What happens by itself when its moment comes. Each has one moment at most: a later one takes its place.
enum Timer: Hashable, Comparable, Sendable {
    /// The job has run for as long as its `max_wall_time`.
    case jobWallTime(UInt32)
    /// The node gets its next agent.
    case nodeRelaunch(Int)
    /// The node has been able to start nothing for so long that whoever waits should hear of it.
    case nodeTroubleLasting(Int)
    /// From now on files of the job may have been kept for as long as they should be.
    case filesDue(UInt32)
    /// Files that are kept no longer are looked for.
    case retentionSweep
    /// A run's jobs could not be made, and are tried again.
    case runStart(RunKey)

    /// Whoever follows the job, which has ended, has not said for too long that it needs its pool.
    case poolHold(UInt32)

    // By the wall clock:

    /// The schedule is due.
    case scheduleDue(UInt32)
    /// The run is to begin, later than it was due or once more.
    case runBegins(RunKey)
    /// Records of runs of the schedule have been kept for long enough.
    case runsExpire(UInt32)
}

/// What is due when: a heap with the next moment on top, so that a turn costs nothing for what is not due, however much
/// waits. What was cancelled or put off stays in the heap until it comes up, or until it is half of it.
///
/// On the steady line, or on the wall's: what a calendar says is due when clocks on walls show it, also where somebody
/// has just set them.
struct Timers<Time: TimeLine>: Sendable {
    private struct Entry {
        var at: Time
        var timer: Timer

        static func < (left: Entry, right: Entry) -> Bool {
            (left.at, left.timer) < (right.at, right.timer)
        }
    }

    private var heap: [Entry] = []
    private var moments: [Timer: Time] = [:]

    /// When the next of them is due.
    var next: Time? { heap.first?.at }

    /// With those that are set no more.
    var entryCount: Int { heap.count }

    subscript(timer: Timer) -> Time? { moments[timer] }

    mutating func set(_ timer: Timer, at time: Time) {
        guard moments.updateValue(time, forKey: timer) != time else { return }
        heap.append(Entry(at: time, timer: timer))
        rise(heap.count - 1)
        dropStale()
    }

    mutating func cancel(_ timer: Timer) {
        if moments.removeValue(forKey: timer) != nil { dropStale() }
    }

    /// One that is due, the earliest first; nil when there is none. It is not set any more.
    mutating func takeDue(at now: Time) -> Timer? {
        guard let first = heap.first, first.at <= now else { return nil }
        moments[first.timer] = nil
        removeFirst()
        dropStale()
        return first.timer
    }

    // MARK: The heap

    private func isStale(_ entry: Entry) -> Bool { moments[entry.timer] != entry.at }

    /// The first is always one that is set.
    private mutating func dropStale() {
        while let first = heap.first, isStale(first) { removeFirst() }
        guard heap.count > 2 * moments.count + 16 else { return }
        heap = heap.filter { !isStale($0) }.sorted(by: <)
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child] < heap[least]
            {
                least = child
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0, heap[index] < heap[(index - 1) / 2] {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }
}
