import Glibc
import ShipyardModel

/// Finds every process of nodes, whether their agents live or not. One pass over `/proc` for many roots.
struct NodeProcesses {
    /// A process and which root it belongs to.
    struct Found: Hashable {
        var root: Int
        var stamp: ProcessStamp
    }

    private let roots: [String]
    private let indexes: [String: Int]
    /// What the journals say was running; by session, which outlives the process itself.
    private let sessions: [Int32: (root: Int, notBefore: UInt64)]
    private let spared: Set<Int32>

    /// `roots` as the kernel spells them. The caller and what it descends from are never found.
    init(roots: [String], journals: [Int: JournalState], sparing: Set<Int32> = []) {
        self.roots = roots
        indexes = Dictionary(roots.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var sessions: [Int32: (Int, UInt64)] = [:]
        for (root, journal) in journals {
            for stamp in journal.running.values { sessions[stamp.processID] = (root, stamp.startedNotBefore) }
            if let agent = journal.agent { sessions[agent.processID] = (root, agent.startedNotBefore) }
        }
        self.sessions = sessions
        var spared = sparing
        var processID = getpid()
        while processID > 1, spared.insert(processID).inserted || processID == getpid() {
            guard let stat = ProcessStat(of: processID) else { break }
            processID = stat.parent
        }
        self.spared = spared
    }

    func scan() -> [Found] {
        let table = ProcessTable.processIDs().compactMap { ProcessStat(of: $0) }.filter(\.isAlive)
        var owners: [Int32: Int] = [:]
        for process in table where !spared.contains(process.processID) {
            if let root = owner(of: process) { owners[process.processID] = root }
        }
        // Whatever descends from one of them belongs to it, also when it has stripped every mark.
        var hasGrown = !owners.isEmpty
        while hasGrown {
            hasGrown = false
            for process in table where owners[process.processID] == nil && !spared.contains(process.processID)
            {
                guard let root = owners[process.parent] else { continue }
                owners[process.processID] = root
                hasGrown = true
            }
        }
        return table.compactMap { process in
            owners[process.processID].map { root in
                Found(
                    root: root,
                    stamp: ProcessStamp(
                        processID: process.processID, startedNotBefore: process.startTicks,
                        startedNotAfter: process.startTicks))
            }
        }
    }

    private func owner(of process: ProcessStat) -> Int? {
        if let session = sessions[process.session], process.startTicks >= session.notBefore,
            process.session != getsid(0)
        {
            return session.root
        }
        if let root = ProcessTable.environmentValue("AZ_BATCH_NODE_ROOT_DIR", of: process.processID),
            let index = indexes[root]
        {
            return index
        }
        // By its working directory, but not with a terminal: that is a person who looks around.
        guard process.terminal == 0, let directory = ProcessTable.workingDirectory(of: process.processID)
        else {
            return nil
        }
        return roots.firstIndex { directory == $0 || directory.hasPrefix($0 + "/") }
    }
}
