import ShipyardSystem
import Synchronization

/// From the thread that finds things to those that work on them: as many wait as are good for an estimate, and no more.
final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var first = 0
        /// Nothing more will come.
        var isEnded = false
        /// Nobody wants anything any more.
        var isCancelled = false
    }

    private let state = Mutex(State())
    private let elements = Semaphore()
    private let space = Semaphore()

    init(limit: Int) {
        for _ in 0..<limit { space.signal() }
    }

    /// Waits for space. False where nobody wants it.
    func push(_ element: Element) -> Bool {
        space.wait()
        let isWanted = state.withLock { state in
            if state.isCancelled { return false }
            state.elements.append(element)
            return true
        }
        if isWanted { elements.signal() } else { space.signal() }
        return isWanted
    }

    /// Waits for an element; nil at the end.
    func pop() -> Element? {
        elements.wait()
        let element: Element? = state.withLock { state in
            guard !state.isCancelled, state.first < state.elements.count else { return nil }
            defer {
                state.first += 1
                // Moving the rest costs as much as there is, so it is done when half is over.
                if state.first > 1024, state.first > state.elements.count / 2 {
                    state.elements.removeFirst(state.first)
                    state.first = 0
                }
            }
            return state.elements[state.first]
        }
        // The end is for everybody who waits.
        if element == nil { elements.signal() } else { space.signal() }
        return element
    }

    func end() {
        state.withLock { $0.isEnded = true }
        elements.signal()
    }

    func cancel() {
        state.withLock { state in
            state.isCancelled = true
            state.elements = []
            state.first = 0
        }
        elements.signal()
        space.signal()
    }
}
