import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

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
    /// Control groups that are not empty, whoever is in them, or could not be removed.
    package var remainingGroups: [String] = []
    /// Why a process of the node might not have been seen; nil where none can hide.
    package var blindness: String?
    /// Mounts below the root that could not be taken away, unprintable bytes escaped.
    package var remainingMounts: [String] = []
    package var isDirectoryGone = false
    package var failure: SystemError?

    package var ended: Int { found.count - remaining.count }
    package var isComplete: Bool {
        remaining.isEmpty && remainingGroups.isEmpty && remainingMounts.isEmpty && isDirectoryGone
    }
}

/// Removes nodes: every process, the socket, mounts, the directory. Works for a dead agent as well.
///
/// Blocks for as long as processes take to end: not for the service's loop thread.
package enum NodeTeardown {
    private static let pollMicroseconds: UInt32 = 20_000
    private static let firstPollMicroseconds: UInt32 = 2_000
    private static let entriesInStep = 4096
    // After KILL. What lives longer hangs in the kernel.
    private static let patience: TimeSpan = .seconds(5)

    /// Ends the processes of all roots together, with TERM and after `grace` with KILL, then removes the
    /// directories.
    ///
    /// - Parameter onProgress: hears now and then of which root how many more files are gone.
    package static func run(
        roots: [String], grace: TimeSpan = .seconds(5), onProgress: (Int, Int) -> Void = { _, _ in }
    ) -> [TeardownReport] {
        run(roots.map { NodePath($0) }, grace: grace, onProgress: onProgress)
    }

    package static func run(
        _ roots: [NodePath], grace: TimeSpan = .seconds(5), onProgress: (Int, Int) -> Void = { _, _ in }
    ) -> [TeardownReport] {
        var reports = roots.map { TeardownReport(root: $0.text) }
        var journals: [Int: JournalState] = [:]
        for (index, root) in roots.enumerated() {
            journals[index] = try? JournalReader.read(root)
            reports[index].blindness = Blindness.reason(of: root.text, journals[index])
        }
        var processes = NodeProcesses(roots: roots.map(\.bytes), journals: journals)
        end(&processes, grace: grace, &reports)
        for index in reports.indices where reports[index].remaining.isEmpty {
            let left = retire(processes.groups[index] ?? [], of: processes)
            reports[index].remainingGroups = left.map(\.path)
            // The journal tells the next teardown where the group is.
            if !left.contains(where: \.isPopulated) {
                remove(roots[index], &reports[index]) { onProgress(index, $0) }
            }
        }
        return reports
    }

    /// Kills what a dead agent has left, so that its tasks can be run elsewhere without running twice. Not
    /// gently: a node that lost its agent is a machine that went down. Returns how many were found.
    @discardableResult package static func endProcesses(
        root: String, journal: JournalState, sparing: Set<Int32> = []
    ) -> Int {
        endProcesses(NodePath(root), journal: journal, sparing: sparing)
    }

    @discardableResult package static func endProcesses(
        _ root: NodePath, journal: JournalState, sparing: Set<Int32> = []
    ) -> Int {
        var reports = [TeardownReport(root: root.text)]
        var processes = NodeProcesses(roots: [root.bytes], journals: [0: journal], sparing: sparing)
        end(&processes, grace: .zero, &reports)
        _ = retire(processes.groups[0] ?? [], of: processes)
        return reports[0].found.count
    }

    private static func end(
        _ processes: inout NodeProcesses, grace: TimeSpan, _ reports: inout [TeardownReport]
    ) {
        let start = SystemClock.monotonicMicroseconds()
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
            let isQuiet = found.isEmpty && !processes.isPopulated
            emptyScans = isQuiet ? emptyScans + 1 : 0
            if emptyScans == 2 { break }
            let now = SystemClock.monotonicMicroseconds()
            if now >= giveUpAt, !isQuiet {
                for process in found { reports[process.root].remaining.append(entry(process)) }
                break
            }
            if now >= killAt {
                if !isQuiet { processes.kill(found) }
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

    /// The kernel removes a group only when it is empty, some time after its last process was killed. Returns those
    /// that it has not removed.
    private static func retire(_ groups: Set<ControlGroup>, of processes: NodeProcesses) -> [ControlGroup] {
        groups.filter { group in
            if processes.isShared(group) { return false }
            for _ in 0..<50 {
                if group.remove() { return false }
                usleep(pollMicroseconds)
            }
            return true
        }
    }

    private static func remove(
        _ root: NodePath, _ report: inout TeardownReport, _ onProgress: (Int) -> Void
    ) {
        do throws(SystemError) {
            let folder = try root.openDirectory()
            do throws(SystemError) {
                _ = try root.open(shipyard_path_flag())
                report.remainingMounts = mounts(below: root.bytes).filter { point in
                    point.withCString { shipyard_unmount($0) } != 0
                }.map(\.description)
            } catch {
                // A link at the name of the root leads to nothing of ours. It goes, and what it leads to stays.
                if error.errno == EXDEV { throw error }
            }
            guard report.remainingMounts.isEmpty else { return }
            report.failure = try removeAside(root, in: folder.number, onProgress)
        } catch {
            report.failure = error.errno == ENOENT ? nil : error
        }
        var status = stat()
        report.isDirectoryGone =
            report.failure == nil && root.bytes.withCString { lstat($0, &status) } != 0 && errno == ENOENT
    }

    /// First to a name that is never used again: who comes to the old name finds nothing half deleted. What a
    /// teardown that was killed has left under such a name goes with it.
    private static func removeAside(
        _ root: NodePath, in parent: Int32, _ onProgress: (Int) -> Void
    ) throws(SystemError) -> SystemError? {
        let aside = BytePath(bytes: removedPrefix.utf8 + root.name.bytes + "-".utf8 + randomSuffix().utf8)
        var failure: SystemError?
        let isMoved = root.name.withCString { name in
            aside.withCString { shipyard_rename_new(parent, name, parent, $0) == 0 }
        }
        if !isMoved, errno != ENOENT {
            failure = SystemError("move aside", path: root.text, errno: errno)
        }
        for entry in BytePath.entries(of: parent) where name(ofRemoved: entry) == root.name {
            let folder = try FileDescriptor.openDirectory(".", in: parent)
            let removal = DirectoryRemoval(entry, in: folder, at: root.directory, mayShare: true)
            var told = 0
            repeat {
                removal.step(limit: entriesInStep)
                onProgress(removal.removedEntries - told)
                told = removal.removedEntries
            } while !removal.isFinished
            failure = failure ?? removal.failure
        }
        return failure
    }

    private static let removedPrefix = ".removed-"

    /// The node whose directory a removal has given this name; nil where it is no such name.
    package static func name(ofRemoved entry: BytePath) -> BytePath? {
        guard entry.bytes.starts(with: removedPrefix.utf8) else { return nil }
        let rest = entry.bytes.dropFirst(removedPrefix.utf8.count)
        guard let end = rest.lastIndex(of: UInt8(ascii: "-")), end > rest.startIndex,
            (1...16).contains(rest.endIndex - end - 1)
        else { return nil }
        return BytePath(bytes: rest[..<end])
    }

    /// Deepest first.
    private static func mounts(below root: BytePath) -> [BytePath] {
        MountTable.read().map(\.point).filter { $0.isBelow(root) }.sorted { $0.bytes.count > $1.bytes.count }
    }
}
