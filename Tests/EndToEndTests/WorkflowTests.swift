import Foundation
import TestSupport
import Testing

/// Real task graphs, run for real; the order is checked from the times that the API gives.
@Suite(.blocking) struct WorkflowTests {
    /// The smaller ones of the shared directory, or all with `SHIPYARD_TORTURE`; where there is no such
    /// directory only the one that this repository holds.
    static let files: [URL] = {
        let cases = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases")
        let shared = BuiltProgram.root.deletingLastPathComponent().deletingLastPathComponent()
        let known = [shared, BuiltProgram.root.deletingLastPathComponent()].map {
            $0.appending(path: "shared/workflows")
        }
        let all = ([cases] + known).flatMap { directory in
            (try? FileManager.default.contentsOfDirectory(
                at: directory, includingPropertiesForKeys: [.fileSizeKey])) ?? []
        }.filter { $0.pathExtension == "json" }
        let isTorture = ProcessInfo.processInfo.environment["SHIPYARD_TORTURE"] != nil
        var names: Set<String> = []
        return all.filter { url in
            let size = (try? url.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
            return (isTorture || size < 12_000) && names.insert(url.lastPathComponent).inserted
        }
    }()

    struct File: Decodable {
        var job_specifications: [Job]
        struct Job: Decodable {
            var id: String
            var tasks: [Task]
        }
        struct Task: Decodable {
            var id: String
            var depends_on: [String]?
        }
    }

    @Test(arguments: files)
    func everyTaskStartsAfterAllThatItWaitsFor(file: URL) throws {
        let job = try #require(
            try JSONDecoder().decode(File.self, from: Data(contentsOf: file)).job_specifications.first)
        let program = try BuiltProgram()
        try program.addPool(nodes: 2, slots: 3)
        let add = try program.run("jobs", "add", "--jobs", file.path, "--wait")
        #expect(add.code == 0, "\(add.messages)")
        var times: [String: (start: String, end: String)] = [:]
        for task in try program.tasks(of: job.id) {
            let execution = try #require(task["executionInfo"] as? [String: Any])
            times[try #require(task["id"] as? String)] = (
                try #require(execution["startTime"] as? String), try #require(execution["endTime"] as? String)
            )
        }
        #expect(times.count == job.tasks.count)
        for task in job.tasks {
            for parent in task.depends_on ?? [] {
                let (end, start) = (try #require(times[parent]?.end), try #require(times[task.id]?.start))
                #expect(sortable(end) <= sortable(start), "\(task.id) before the end of \(parent)")
            }
        }
    }

    /// ISO 8601 compares as text once every time has its milliseconds.
    private func sortable(_ time: String) -> String {
        time.contains(".") ? time : time.replacing("Z", with: ".000Z")
    }
}
