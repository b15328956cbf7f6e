import Glibc
import ShipyardNode

/// What a teardown says to people: promise 7's sentences.
enum RemovalProof {
    static func problems(of report: TeardownReport) -> [String] {
        report.remaining.map { "process \($0.processID) (\($0.command)) does not end" }
            + report.remainingGroups.map { "control group \($0) is not empty, or cannot be removed" }
            + report.remainingMounts.map { "mount \($0)" }
            + (report.isDirectoryGone
                ? [] : ["directory \(report.root): \(reason(report) ?? "still there")"])
    }

    /// With the path where the way to it ends before it.
    private static func reason(_ report: TeardownReport) -> String? {
        report.failure.map { $0.path == report.root ? $0.reason : $0.description }
    }

    static func verify(nodeRoots: [String], directory: String) -> PoolVerification {
        let reports = NodeTeardown.run(roots: nodeRoots + [directory], grace: .zero)
        var verification = PoolVerification()
        verification.remains = reports.flatMap(problems)
        let processes = reports.reduce(0) { $0 + $1.remaining.count }
        let isEmpty = reports.allSatisfy(\.remainingGroups.isEmpty)
        let left = processes > 0 ? "\(processes)" : isEmpty ? "none" : "some"
        let mounts = reports.reduce(0) { $0 + $1.remainingMounts.count }
        let nodes = nodeRoots.count
        verification.checks = [
            "processes: \(left) left of \(nodes) node\(nodes == 1 ? "" : "s")"
                + " (\(TeardownReport.means(of: reports)))",
            "mounts: \(mounts == 0 ? "none" : "\(mounts)") left",
            "sockets: \(access(directory, F_OK) != 0 ? "none" : "see the directory") left",
            "directory: \(directory) \(access(directory, F_OK) != 0 ? "is gone" : "is still there")",
        ]
        return verification
    }
}
