import ShipyardEngine
import ShipyardModel

/// Numbers for what work orders share, and which agent knows which number.
struct ContextBook {
    /// What a context is for.
    enum Subject: Hashable {
        case template(job: UInt32, index: Int)
        case preparation(job: UInt32)
        case release(job: UInt32)
        case startTask(PoolID)

        var job: UInt32? {
            switch self {
            case .template(let job, _), .preparation(let job), .release(let job): job
            case .startTask: nil
            }
        }
    }

    private var numbers: [Subject: UInt32] = [:]
    /// Of each job, so that the end of one looks at no other's.
    private var subjects: [UInt32: [Subject]] = [:]
    private var known: [NodeHandle: Set<UInt32>] = [:]
    private var next: UInt32

    init(firstNumber: UInt32) { next = firstNumber }

    mutating func number(of subject: Subject) -> UInt32 {
        if let number = numbers[subject] { return number }
        next &+= 1
        numbers[subject] = next
        if let job = subject.job { subjects[job, default: []].append(subject) }
        return next
    }

    /// True when the node's agent has not been told yet; from now on it has.
    mutating func mustTell(_ number: UInt32, to node: NodeHandle) -> Bool {
        known[node, default: []].insert(number).inserted
    }

    /// The job gives no more orders: who knew which of its contexts.
    mutating func forget(job: UInt32) -> [(node: NodeHandle, number: UInt32)] {
        var told: [(node: NodeHandle, number: UInt32)] = []
        for subject in subjects.removeValue(forKey: job) ?? [] {
            guard let number = numbers.removeValue(forKey: subject) else { continue }
            for node in known.keys where known[node]?.remove(number) != nil { told.append((node, number)) }
        }
        return told.sorted { ($0.node.index, $0.number) < ($1.node.index, $1.number) }
    }

    /// The agent is another one, or may have dropped what it knew.
    mutating func forget(_ node: NodeHandle) { known[node] = nil }
}
