import Foundation
import TestSupport
import Testing

/// State files as released versions have left them. Each was written by the program of that version, whose service
/// was stopped and whose agents were killed; beside it is what it answered then. `HOME` stands for its home.
/// `version-1` is of commit d8217a9, the last with the first schema.
@Suite(.blocking) struct StoredStateTests {
    static let cases = BuiltProgram.root.appending(path: "Tests/EndToEndTests/Cases/state")

    private func written(_ version: String, _ what: String, _ program: BuiltProgram) throws -> Any {
        let text = try String(
            contentsOf: Self.cases.appending(path: "\(version)-\(what).json"), encoding: .utf8)
        return try json(text.replacing("HOME", with: program.home.path))
    }

    private func json(_ text: String) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(text.utf8))
    }

    /// What pages list, by id.
    private func entries(_ pages: Any?) throws -> [String: NSDictionary] {
        let all = try #require(pages as? [NSDictionary]).flatMap { $0["value"] as? [NSDictionary] ?? [] }
        return Dictionary(uniqueKeysWithValues: all.map { ($0["id"] as? String ?? "", $0) })
    }

    /// A home with the file, in which the texts of `changes` are replaced by others of their length.
    private func opened(_ version: String, _ changes: [String: String] = [:]) throws -> BuiltProgram {
        let program = try BuiltProgram()
        try FileManager.default.createDirectory(
            at: program.home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var file = try Data(contentsOf: Self.cases.appending(path: "\(version).db"))
        for (text, other) in changes {
            file.replaceSubrange(try #require(file.range(of: Data(text.utf8))), with: Data(other.utf8))
        }
        try file.write(to: program.home.appending(path: "shipyard.db"))
        return program
    }

    /// All but one of its jobs are as they were; that one had a task running, and runs on to its end.
    @Test(arguments: ["version-1"])
    func aFileOfAReleasedVersionIsTakenUp(_ version: String) throws {
        let program = try opened(version)
        let tasks = try #require(
            try json(try program.run("jobs", "tasks", "list", "--all", "--raw").output) as? NSDictionary)
        let oldTasks = try #require(try written(version, "tasks", program) as? NSDictionary)
        #expect(Set(tasks.allKeys as? [String] ?? []) == ["sweep", "retained", "chain", "held"])
        let jobs = try entries(
            (try json(try program.run("jobs", "list", "--raw").output) as? NSDictionary)?["jobs"])
        let oldJobs = try entries((try written(version, "jobs", program) as? NSDictionary)?["jobs"])
        #expect(jobs.keys.sorted() == oldJobs.keys.sorted())
        for job in ["sweep", "retained", "chain"] {
            #expect(tasks[job] as? NSArray == oldTasks[job] as? NSArray)
            #expect(jobs[job] == oldJobs[job])
        }
        #expect(jobs["held"]?["creationTime"] as? String == oldJobs["held"]?["creationTime"] as? String)
        let pools = try entries(try json(try program.run("pool", "list", "--raw").output))
        for (id, old) in try entries(try written(version, "pools", program)) {
            for key in old.allKeys as? [String] ?? [] where key != "allocationState" {
                #expect(pools[id]?[key] as? NSObject == old[key] as? NSObject, "\(id) \(key)")
            }
        }

        // The first submission has three tasks, the second one, each with a template of its own.
        #expect(try program.run("jobs", "wait", "--jobid", "held").code == 1)
        let held = try program.json("jobs", "tasks", "list", "--jobid", "held")
        let pages = (held["held"] as? [[String: Any]])?.first ?? held
        let ends = (pages["value"] as? [[String: Any]] ?? []).map { task in
            let info = task["executionInfo"] as? [String: Any] ?? [:]
            return "\(task["id"] ?? "") \(info["exitCode"] ?? "")"
        }
        #expect(ends == ["done 0", "waits 0", "after 0", "late 5"])
        let output = try program.run("data", "files", "stream", "--filespec", "held,waits,stdout.txt")
        #expect(output.output == "low\n")
    }

    @Test func aDocumentThatCannotBeReadIsTold() throws {
        let program = try opened(
            "version-1", [#"{"id":"small""#: #"{"id":_small""#, #"{"id":"chain""#: #"{_id":"chain""#])
        let problem = "what the state file has of it cannot be read: its"
        let pools = try program.run("pool", "list")
        #expect(pools.code == 0)
        #expect(pools.messages.contains("pool small can only be deleted: \(problem) specification: "))
        #expect(!pools.messages.contains("pool p "))
        let jobs = try program.run("jobs", "list").output.split(separator: "\n")
        #expect(jobs.count == 5)
        #expect(jobs.filter { $0.contains("blocked: \(problem) plan: ") }.map { $0.prefix(5) } == ["chain"])
        #expect(try program.run("jobs", "wait", "--jobid", "held").code == 1)
        #expect(try program.run("jobs", "del", "--jobid", "chain", "-y", "--wait").code == 0)
        let pool = try program.write(
            "pool_specification: {id: small, vm_count: {dedicated: 0}}", to: "s.yaml")
        #expect(try program.run("pool", "del", "--pool", pool, "-y", "--wait").code == 0)
    }
}
