import ShipyardEngine
import ShipyardModel

/// Numbers for the templates that agents know, and which agent knows which: what a template comes to on a node is
/// told to its agent once, before the first order that names it.
struct WorkContexts {
    private var entries: [WorkTemplate.Purpose: (template: WorkTemplate, number: UInt32)] = [:]
    /// Of each job, so that the end of one looks at no other's.
    private var purposes: [UInt32: [WorkTemplate.Purpose]] = [:]
    private var known: [NodeHandle: Set<UInt32>] = [:]
    private var next: UInt32

    /// - Parameter firstNumber: unlike those of earlier services, which agents may still have.
    init(after firstNumber: UInt32) { next = firstNumber }

    mutating func number(of template: WorkTemplate) -> UInt32 {
        let present = entries[template.purpose]
        if let present, present.template === template { return present.number }
        next &+= 1
        entries[template.purpose] = (template, next)
        if present == nil, let job = template.purpose.job {
            purposes[job, default: []].append(template.purpose)
        }
        return next
    }

    /// True when the node's agent has not been told yet; from now on it has.
    mutating func mustTell(_ number: UInt32, to node: NodeHandle) -> Bool {
        known[node, default: []].insert(number).inserted
    }

    /// The job gives no more orders: who knew which of its contexts.
    mutating func forget(job: UInt32) -> [(node: NodeHandle, number: UInt32)] {
        var told: [(node: NodeHandle, number: UInt32)] = []
        for purpose in purposes.removeValue(forKey: job) ?? [] {
            guard let number = entries.removeValue(forKey: purpose)?.number else { continue }
            for node in known.keys where known[node]?.remove(number) != nil { told.append((node, number)) }
        }
        return told.sorted { ($0.node.index, $0.number) < ($1.node.index, $1.number) }
    }

    /// The agent is another one, or may have dropped what it knew.
    mutating func forget(_ node: NodeHandle) { known[node] = nil }

    mutating func forgetAll() { (entries, purposes, known) = ([:], [:], [:]) }
}
