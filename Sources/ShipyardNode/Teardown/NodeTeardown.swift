import CLinux
import Glibc
import ShipyardModel

/// What a teardown found and what it left: the proof that nothing is left.
package struct TeardownReport: Sendable, Hashable {
    package struct ProcessEntry: Sendable, Hashable {
        package var processID: Int32
        package var command: String
    }

    package var root: String
    /// Every process that was found, at any moment of the teardown.
    package var found: [ProcessEntry] = []
    /// Those that even KILL has not ended.
    package var remaining: [ProcessEntry] = []
    /// Why a process of the node might not have been seen; nil where none can hide.
    package var blindness: String?
    /// Mounts below the root that could not be taken away, unprintable bytes escaped.
    package var remainingMounts: [String] = []
    package var isDirectoryGone = false
    package var failure: SystemError?

    package var ended: Int { found.count - remaining.count }
    package var isComplete: Bool { remaining.isEmpty && remainingMounts.isEmpty && isDirectoryGone }
}

/// Removes nodes: every process, the socket, mounts, the directory. Works for a dead agent as well.
///
/// Blocks for as long as processes take to end: not for the service's loop thread.
package enum NodeTeardown {
    private static let pollMicroseconds: UInt32 = 20_000
    private static let firstPollMicroseconds: UInt32 = 2_000
    // After KILL. What lives longer hangs in the kernel.
    private static let patience: TimeSpan = .seconds(5)

    /// Ends the processes of all roots together, with TERM and after `grace` with KILL, then removes the
    /// directories.
    package static func run(roots: [String], grace: TimeSpan = .seconds(5)) -> [TeardownReport] {
        let paths = roots.map { (try? NodePath.canonical($0)) ?? $0 }
        var reports = paths.map { TeardownReport(root: $0) }
        var journals: [Int: JournalState] = [:]
        for (index, path) in paths.enumerated() {
            if NodePath.isDirectory(path) { journals[index] = try? JournalReader.read(root: path) }
            reports[index].blindness = Blindness.reason(of: path, journals[index])
        }
        var processes = NodeProcesses(roots: paths, journals: journals)
        end(&processes, grace: grace, &reports)
        for index in reports.indices where reports[index].remaining.isEmpty {
            for group in processes.groups[index] ?? [] { retire(group) }
            remove(&reports[index])
        }
        return reports
    }

    /// Kills what a dead agent has left, so that its tasks can be run elsewhere without running twice. Not
    /// gently: a node that lost its agent is a machine that went down. Returns how many were found.
    @discardableResult package static func endProcesses(
        root: String, journal: JournalState, sparing: Set<Int32> = []
    ) -> Int {
        let path = (try? NodePath.canonical(root)) ?? root
        var reports = [TeardownReport(root: path)]
        var processes = NodeProcesses(roots: [path], journals: [0: journal], sparing: sparing)
        end(&processes, grace: .zero, &reports)
        for group in processes.groups[0] ?? [] { retire(group) }
        return reports[0].found.count
    }

    private static func end(
        _ processes: inout NodeProcesses, grace: TimeSpan, _ reports: inout [TeardownReport]
    ) {
        let start = NodeClock.monotonicMicroseconds()
        let killAt = saturatingSum(start, grace.microseconds)
        let giveUpAt = saturatingSum(killAt, patience.microseconds)
        var known: Set<NodeProcesses.Found> = []
        var emptyScans = 0
        while true {
            let found = processes.scan()
            for process in found where !known.contains(process) {
                reports[process.root].found.append(entry(process))
            }
            // Asked twice: a process in the middle of an `exec` shows no mark, and one that forks and exits is
            // never there when it is looked at.
            emptyScans = found.isEmpty ? emptyScans + 1 : 0
            if emptyScans == 2 { break }
            let now = NodeClock.monotonicMicroseconds()
            if now >= giveUpAt, !found.isEmpty {
                for process in found { reports[process.root].remaining.append(entry(process)) }
                break
            }
            if now >= killAt {
                if !found.isEmpty { processes.kill(found) }
            } else {
                for process in found where !known.contains(process) { process.stamp.signal(SIGTERM) }
            }
            known.formUnion(found)
            usleep(known.isEmpty ? firstPollMicroseconds : pollMicroseconds)
        }
    }

    private static func entry(_ process: NodeProcesses.Found) -> TeardownReport.ProcessEntry {
        let processID = process.stamp.processID
        return .init(processID: processID, command: ProcessTable.commandLine(of: processID))
    }

    /// The kernel removes a group only when it is empty, some time after its last process was killed.
    private static func retire(_ group: ControlGroup) {
        for _ in 0..<50 where !group.remove() { usleep(pollMicroseconds) }
    }

    private static func remove(_ report: inout TeardownReport) {
        let root = FileName(report.root)
        // A link at the name of the root leads to nothing of ours. It goes, and what it leads to stays.
        if NodePath.isDirectory(report.root) {
            report.remainingMounts = mounts(below: root).filter { point in
                point.withCString { shipyard_unmount($0) } != 0
            }.map(\.description)
        }
        guard report.remainingMounts.isEmpty else { return }
        guard let slash = report.root.utf8.lastIndex(of: UInt8(ascii: "/")), slash != report.root.startIndex
        else {
            // Directly below `/` is no node.
            report.failure = SystemError("remove", path: report.root, errno: EINVAL)
            return
        }
        let name = String(report.root[report.root.utf8.index(after: slash)...])
        do throws(SystemError) {
            report.failure = try removeAside(name, in: String(report.root[..<slash]))
        } catch {
            report.failure = error.errno == ENOENT ? nil : error
        }
        var status = stat()
        report.isDirectoryGone =
            report.failure == nil && lstat(report.root, &status) != 0 && errno == ENOENT
    }

    /// First to a name that is never used again: who comes to the old name finds nothing half deleted. What a
    /// teardown that was killed has left under such a name goes with it.
    private static func removeAside(_ name: String, in directory: String) throws(SystemError) -> SystemError?
    {
        let parent = try FileDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
        let prefix = ".removed-\(name)-"
        let aside = prefix + String(UInt64.random(in: 0...UInt64.max), radix: 16)
        var failure: SystemError?
        if shipyard_rename_new(parent.number, name, parent.number, aside) != 0, errno != ENOENT {
            failure = SystemError("move aside", path: "\(directory)/\(name)", errno: errno)
        }
        let isOurs = { (entry: FileName) in
            guard entry.bytes.starts(with: prefix.utf8) else { return false }
            let rest = entry.bytes.dropFirst(prefix.utf8.count)
            return (1...16).contains(rest.count) && !rest.contains(UInt8(ascii: "-"))
        }
        for entry in FileName.entries(of: parent.number) where isOurs(entry) {
            let folder = try FileDescriptor.openDirectory(".", in: parent.number)
            let removal = DirectoryRemoval(entry, in: folder, at: FileName(directory))
            while !removal.step(limit: 4096) {}
            failure = failure ?? removal.failure
        }
        return failure
    }

    /// Deepest first.
    private static func mounts(below root: FileName) -> [FileName] {
        MountTable.read().map(\.point).filter { $0.isBelow(root) }.sorted { $0.bytes.count > $1.bytes.count }
    }
}
