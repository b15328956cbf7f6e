import Glibc
import ShipyardModel
import ShipyardSystem

/// Finds every process of nodes, whether their agents live or not. One pass over `/proc` for many roots.
///
/// A process is a node's because it says so itself (in its environment, or an agent by how it was started),
/// because the kernel says so (by its control group), because it works in the root, or because it descends from
/// one of those. A journal alone proves nothing: its numbers may be another process's by now.
struct NodeProcesses {
    /// A process and which root it belongs to.
    struct Found: Hashable {
        var root: Int
        var stamp: ProcessStamp
    }

    private let roots: [BytePath]
    private let identities: [FileIdentity?]
    private let indexes: [BytePath: Int]
    /// What the journals say was running, the agents first; by session, which outlives the process itself.
    private let sessions: [Int32: (root: Int, notBefore: UInt64)]
    private let spared: Set<Int32>
    /// What an agent that was killed has left to this process, with every mark stripped, is ended with the first
    /// of its nodes that goes: it is work of no living agent.
    private let takesStrangers: Bool

    /// By root. Those that the journals told of, and those of agents that were found: never the group of any other
    /// process, because a task of another node may work here.
    private(set) var groups: [Int: Set<ControlGroup>] = [:]

    /// `roots` as the kernel spells them. The caller and what it descends from are never found.
    init(
        roots: [BytePath], journals: [Int: JournalState], sparing: Set<Int32> = [],
        takesStrangers: Bool = true
    ) {
        self.roots = roots
        self.takesStrangers = takesStrangers
        identities = roots.map { FileIdentity(ofRoot: $0) }
        indexes = Dictionary(
            self.roots.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var sessions: [Int32: (Int, UInt64)] = [:]
        for (root, journal) in journals {
            for stamp in journal.stamps { sessions[stamp.processID] = (root, stamp.startedNotBefore) }
            if let identity = identities[root], let group = journal.group(of: identity) {
                groups[root, default: []].insert(group)
            }
        }
        self.sessions = sessions
        var spared = sparing
        var processID = getpid()
        // The caller is the first process of all in a container.
        while processID > 0, spared.insert(processID).inserted || processID == getpid() {
            guard let stat = ProcessStat(of: processID) else { break }
            processID = stat.parent
        }
        self.spared = spared
    }

    mutating func scan() -> [Found] {
        let processIDs = ProcessTable.processIDs()
        let table = processIDs.compactMap { ProcessStat(of: $0) }.filter(\.isAlive)
        let strangers = takesStrangers ? OwnChildren.strangers() : []
        var owners: [Int32: Int] = [:]
        for process in table where !spared.contains(process.processID) {
            guard let root = owner(of: process, strangers) else { continue }
            owners[process.processID] = root
            if ProcessTable.agentRoot(of: process.processID) == roots[root],
                let identity = identities[root], let group = ControlGroup(ofAgent: process),
                group.isOf(identity)
            {
                groups[root, default: []].insert(group)
            }
        }
        // Asked last: what has been born meanwhile is in it.
        for (root, groups) in groups {
            for group in groups {
                for processID in group.processIDs() where !spared.contains(processID) {
                    owners[processID] = root
                }
            }
        }
        addDescendants(in: table, to: &owners)
        return owners.compactMap { processID, root in
            ProcessStat(of: processID).flatMap {
                $0.isAlive ? Found(root: root, stamp: ProcessStamp($0)) : nil
            }
        }
    }

    /// Kills all of it and whatever it starts meanwhile, as far as the kernel helps: the control groups at once,
    /// then process groups that are wholly of it, then one by one.
    mutating func kill(_ found: [Found]) {
        for group in Set(groups.values.joined()) where !isShared(group) {
            if !group.kill() { killFrozen(group) }
        }
        var rest = found
        // What is stopped starts nothing: so nobody is born to a parent that is dead when it is looked for.
        for _ in 0..<Self.maximumFreezes {
            for process in rest { process.stamp.signal(SIGSTOP) }
            let known = Set(rest)
            rest = scan()
            if known.isSuperset(of: rest) { break }
        }
        for group in wholeProcessGroups(of: rest) { Glibc.kill(-group, SIGKILL) }
        for process in rest { process.stamp.signal(SIGKILL) }
    }

    /// Whether the caller, or what it descends from, is in it: a task of the node has started the service.
    func isShared(_ group: ControlGroup) -> Bool { spared.contains { group.holds($0) } }

    /// Whether something lives that is in one of the groups, found or not.
    var isPopulated: Bool { groups.values.joined().contains { $0.isPopulated && !isShared($0) } }

    // A tree that grows faster than it can be stopped meets the kill, and the next round.
    private static let maximumFreezes = 8

    private func killFrozen(_ group: ControlGroup) {
        group.freeze(true)
        for processID in group.processIDs() where processID != getpid() { Glibc.kill(processID, SIGKILL) }
        group.freeze(false)
    }

    private func wholeProcessGroups(of found: [Found]) -> Set<Int32> {
        let ours = Set(found.map(\.stamp.processID))
        var groups = Set(ours.map { getpgid($0) }.filter { $0 > 1 && $0 != getpgrp() })
        for processID in ProcessTable.processIDs() where !ours.contains(processID) {
            if let stat = ProcessStat(of: processID), stat.isAlive { groups.remove(stat.group) }
        }
        return groups
    }

    /// Whatever descends from one of them belongs to it, also when it has stripped every mark.
    private func addDescendants(in table: [ProcessStat], to owners: inout [Int32: Int]) {
        var hasGrown = !owners.isEmpty
        while hasGrown {
            hasGrown = false
            for process in table
            where owners[process.processID] == nil && !spared.contains(process.processID) {
                guard let root = owners[process.parent] else { continue }
                owners[process.processID] = root
                hasGrown = true
            }
        }
    }

    private func owner(of process: ProcessStat, _ strangers: Set<Int32>) -> Int? {
        let named =
            ProcessTable.environmentValue("AZ_BATCH_NODE_ROOT_DIR", of: process.processID)
            ?? ProcessTable.agentRoot(of: process.processID)
        if let named, let index = indexes[named] ?? roots.firstIndex(where: named.isBelow) { return index }
        if strangers.contains(process.processID) { return stranger(process) }
        // By its working directory, but not when it says that it is another node's, and not with a terminal: that is
        // a person who looks around.
        guard named == nil, process.terminal == 0,
            let directory = ProcessTable.workingDirectory(of: process.processID)
        else { return nil }
        return roots.firstIndex { directory == $0 || directory.isBelow($0) }
    }

    /// Its session tells whose it was, if a journal knows that; else it is the first's.
    private func stranger(_ process: ProcessStat) -> Int? {
        if let session = sessions[process.session], process.startTicks >= session.notBefore {
            return session.root
        }
        return roots.isEmpty ? nil : 0
    }
}
