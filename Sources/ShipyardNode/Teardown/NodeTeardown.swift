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
    /// Mounts below the root that could not be taken away.
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
    // After KILL. What lives longer hangs in the kernel.
    private static let patience: TimeSpan = .seconds(5)

    /// Ends the processes of all roots together, with TERM and after `grace` with KILL, then removes the
    /// directories.
    package static func run(roots: [String], grace: TimeSpan = .seconds(5)) -> [TeardownReport] {
        let paths = roots.map { (try? NodePath.canonical($0)) ?? $0 }
        var reports = paths.map { TeardownReport(root: $0) }
        var journals: [Int: JournalState] = [:]
        for (index, path) in paths.enumerated() { journals[index] = try? JournalReader.read(root: path) }
        let processes = NodeProcesses(roots: paths, journals: journals)
        end(processes, grace: grace, &reports)
        for index in reports.indices where reports[index].remaining.isEmpty { remove(&reports[index]) }
        return reports
    }

    /// Kills what a dead agent has left, so that its tasks can be run elsewhere without running twice. Not
    /// gently: a node that lost its agent is a machine that went down. Returns how many were found.
    @discardableResult package static func endProcesses(
        root: String, journal: JournalState, sparing: Set<Int32> = []
    ) -> Int {
        let path = (try? NodePath.canonical(root)) ?? root
        var reports = [TeardownReport(root: path)]
        end(NodeProcesses(roots: [path], journals: [0: journal], sparing: sparing), grace: .zero, &reports)
        return reports[0].found.count
    }

    private static func end(_ processes: NodeProcesses, grace: TimeSpan, _ reports: inout [TeardownReport]) {
        let start = NodeClock.monotonicMicroseconds()
        let killAt = start + grace.milliseconds * 1000
        let giveUpAt = killAt + patience.milliseconds * 1000
        var known: Set<NodeProcesses.Found> = []
        var emptyScans = 0
        while true {
            let found = processes.scan()
            for process in found where !known.contains(process) {
                reports[process.root].found.append(entry(process))
            }
            if found.isEmpty {
                // Asked twice where there was something: a process in the middle of an `exec` shows no mark.
                emptyScans += 1
                if known.isEmpty || emptyScans == 2 { break }
            } else {
                emptyScans = 0
            }
            let now = NodeClock.monotonicMicroseconds()
            if now >= giveUpAt {
                for process in found { reports[process.root].remaining.append(entry(process)) }
                break
            }
            for process in found {
                if now >= killAt {
                    process.stamp.signal(SIGKILL)
                } else if !known.contains(process) {
                    process.stamp.signal(SIGTERM)
                }
            }
            known.formUnion(found)
            usleep(pollMicroseconds)
        }
    }

    private static func entry(_ process: NodeProcesses.Found) -> TeardownReport.ProcessEntry {
        let processID = process.stamp.processID
        return .init(processID: processID, command: ProcessTable.commandLine(of: processID))
    }

    private static func remove(_ report: inout TeardownReport) {
        report.remainingMounts = mounts(below: report.root).filter { shipyard_unmount($0) != 0 }
        guard report.remainingMounts.isEmpty else { return }
        guard let slash = report.root.utf8.lastIndex(of: UInt8(ascii: "/")), slash != report.root.startIndex
        else {
            // Directly below `/` is no node.
            report.failure = SystemError("remove", path: report.root, errno: EINVAL)
            return
        }
        let name = String(report.root[report.root.utf8.index(after: slash)...])
        do throws(SystemError) {
            let removal = try DirectoryRemoval(name, below: String(report.root[..<slash]))
            while !removal.step(limit: 4096) {}
            report.failure = removal.failure
        } catch {
            report.failure = error.errno == ENOENT ? nil : error
        }
        report.isDirectoryGone = access(report.root, F_OK) != 0 && errno == ENOENT
    }

    /// Deepest first.
    private static func mounts(below root: String) -> [String] {
        let table = String(decoding: ProcessTable.read("self/mountinfo") ?? [], as: UTF8.self)
        let points = table.split(separator: "\n").compactMap { line -> String? in
            let fields = line.split(separator: " ", maxSplits: 5)
            guard fields.count > 4 else { return nil }
            let point = unescaped(fields[4])
            return point.hasPrefix(root + "/") ? point : nil
        }
        return points.sorted { $0.utf8.count > $1.utf8.count }
    }

    /// mountinfo writes blanks and backslashes as three octal digits.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3 {
                bytes.append(rest.prefix(3).reduce(0) { $0 &* 8 &+ ($1 & 7) })
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
