import ShipyardModel
import ShipyardSystem

extension AgentLoop {
    func handle(_ message: ServiceMessage) {
        // Who has not accepted the agent may only tell it to go.
        switch message {
        case .hello(let offer, let state, let life): return welcome(offer, state, life)
        case .accept: return beAccepted()
        case .shutDown: return leave()
        default: guard trust == .accepted else { return }
        }
        switch message {
        case .hello, .accept, .shutDown: break
        case .context(let context): contexts[context.number] = ContextState(context, on: node)
        case .forgetContext(let number): contexts[number] = nil
        case .start(let order): receive(order)
        case .kill(let id, let outcome): kill(id, outcome)
        case .recall(let id): if queue.remove(id) != nil { send(.returned(id)) }
        case .acknowledge(let sequence): acknowledge(sequence)
        case .removeDirectory(let id, let path): removeDirectory(id, path)
        case .forgetRemoval(let id): removals.forget(id)
        case .ping(let number): send(.pong(number))
        }
    }

    /// An order may come twice: the service sends it again when it does not know whether it arrived.
    private func receive(_ order: WorkOrder) {
        if journal.state.hasUnacknowledgedExit(of: order.id) {
            for exit in journal.state.unacknowledged where exit.id == order.id {
                send(.exited(sequence: exit.sequence, exit.id, exit.result))
            }
            return
        }
        guard !attempts.contains(where: { $0.order.id == order.id }), !queue.contains(order.id) else {
            return
        }
        if hindrance != nil { return send(.returned(order.id)) }
        guard !isLeaving, let context = contexts[order.context] else {
            if !isLeaving { NodeAgent.complain("\(order.id) names the unknown context \(order.context)") }
            return send(.returned(order.id))
        }
        if order.needs == .none {
            start(order, context)
        } else {
            queue.append(
                WorkQueue.Entry(
                    order: order, context: context, arrival: SystemClock.monotonicMicroseconds()))
        }
    }

    private func kill(_ id: WorkID, _ outcome: Outcome) {
        if let entry = queue.remove(id) {
            record(entry.order.id, AttemptResult(outcome, at: SystemClock.now()))
        } else if let attempt = attempts.first(where: { $0.order.id == id }) {
            end(attempt, as: outcome)
        }
    }

    private func acknowledge(_ sequence: UInt64) {
        guard let oldest = journal.state.unacknowledged.first, oldest.sequence <= sequence else { return }
        journal.append(.acknowledged(sequence))
    }

    private func removeDirectory(_ id: RemovalID, _ path: String) {
        // Work that starts there later must not start in the directory that is going.
        parents = parents.filter { $0.key != path && !$0.key.hasPrefix(path + "/") }
        if let answer = removals.begin(id, path) { send(id, answer) }
    }

    func send(_ id: RemovalID, _ answer: Removals.Answer) {
        switch answer {
        case .removed: send(.directoryRemoved(id))
        case .failed(let path, let reason): send(.directoryNotRemoved(id, path: path, reason: reason))
        }
    }

    /// One slice of the oldest removal.
    func stepRemovals() {
        if let (id, answer) = removals.step() { send(id, answer) }
    }

    /// Puts an end into the journal and on the way to the service.
    func record(_ id: WorkID, _ result: AttemptResult) {
        let sequence = journal.state.nextSequence
        journal.append(.exited(sequence: sequence, id, result))
        send(.exited(sequence: sequence, id, result))
    }
}
