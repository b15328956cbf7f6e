import Foundation
import TestSupport
import Testing

/// What the proof of a pool's removal rests on, where the kernel helps and where it does not.
@Suite(.blocking) struct NodeProofTests {
    /// Runs the program by way of another, whose service and agents are then as that one leaves them.
    private func run(_ program: BuiltProgram, by wrapper: [String], _ words: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: wrapper[0])
        process.arguments = wrapper.dropFirst() + words
        process.currentDirectoryURL = program.directory
        process.environment = ["PATH": "/usr/bin:/bin:/sbin", "SHIPYARD_HOME": program.home.path]
        let name = program.directory.appending(path: "wrapped-\(UInt32.random(in: 0...UInt32.max))")
        _ = FileManager.default.createFile(atPath: name.path, contents: nil)
        let output = try FileHandle(forWritingTo: name)
        (process.standardOutput, process.standardError) = (output, output)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOf: name, encoding: .utf8)
        #expect(process.terminationStatus == 0, "\(words): \(text)")
        return text
    }

    private func writeSpecs(_ program: BuiltProgram, command: String) throws -> (pool: String, jobs: String) {
        let pool = try program.write(
            "pool_specification:\n  id: p\n  vm_count: {dedicated: 1}\n  task_slots_per_node: 2\n",
            to: "pool.yaml")
        let jobs = try program.write(
            """
            job_specifications:
              - id: j
                auto_complete: true
                tasks:
                  - command: '\(command)'
            """, to: "jobs.yaml")
        return (pool, jobs)
    }

    /// In a namespace without the file system of control groups.
    @Test func theProofSaysWhatItCouldNotSee() throws {
        guard getuid() == 0, access("/usr/bin/unshare", X_OK) == 0 else { return }  // root's
        let program = try BuiltProgram()
        let script = "umount -a -t cgroup2; exec \(BuiltProgram.executable.path) \"$@\""
        let blind = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh"]
        let specs = try writeSpecs(program, command: "true")
        _ = try run(program, by: blind, "pool", "add", "--pool", specs.pool)
        _ = try run(program, by: blind, "jobs", "add", "--jobs", specs.jobs, "--wait")
        _ = try run(program, by: blind, "pool", "del", "--poolid", "p", "--yes", "--wait")
        let checks = try program.api("/pools/p/removal")["checks"] as? [String] ?? []
        #expect(
            checks.first
                == "processes: none left of 1 node (by environment, descent and working directory; cannot see: "
                + "processes that left their session, their parents, their environment and their directory; no "
                + "control group could be made: find a cgroup2 file system /proc/self/mountinfo: No such file or directory)"
        )
    }

    /// It has taken every mark off itself, and its agent is killed: so it comes to the service, which knows that it has
    /// started no such thing.
    @Test func withoutControlGroupsTheServiceEndsWhatAKilledAgentHasLeft() throws {
        guard getuid() == 0, access("/usr/bin/unshare", X_OK) == 0 else { return }
        let program = try BuiltProgram()
        let script = "umount -a -t cgroup2; exec \(BuiltProgram.executable.path) \"$@\""
        let blind = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh"]
        let nap = "1000.\(UInt32.random(in: 1_000_000_000...UInt32.max))"
        let specs = try writeSpecs(
            program,
            command: "(cd /; setsid env -i /bin/sleep \(nap) </dev/null >/dev/null 2>&1 &); exec sleep 600")
        _ = try run(program, by: blind, "pool", "add", "--pool", specs.pool)
        _ = try run(program, by: blind, "jobs", "add", "--jobs", specs.jobs)
        func sleepers() throws -> [Int32] {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
                let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") ?? Data()
                return line == Data("/bin/sleep\0\(nap)\0".utf8) ? Int32(name) : nil
            }
        }
        #expect(try program.eventually { try sleepers().count == 1 })
        let orphan = try #require(try sleepers().first)
        kill(try #require(try program.agents().first), SIGKILL)
        // The next agent runs the task again, with an orphan of its own.
        #expect(program.eventually { kill(orphan, 0) != 0 })
        _ = try run(program, by: blind, "pool", "del", "--poolid", "p", "--yes", "--wait")
        #expect(try sleepers() == [])
    }

    /// As a user who is not root, and may read nothing of a process that hides its memory.
    @Test func aUserWithoutRightsLeavesNothingEither() throws {
        guard getuid() == 0, access("/usr/bin/setpriv", X_OK) == 0 else { return }
        let program = try BuiltProgram()
        let copy = program.directory.appending(path: "program").path
        // By another process: a child of ours that is being started would hold the file open for writing.
        try Process.run(URL(filePath: "/bin/cp"), arguments: [BuiltProgram.executable.path, copy])
            .waitUntilExit()
        #expect(chown(program.directory.path, 65534, 65534) == 0)
        let nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy]
        let specs = try writeSpecs(program, command: "id -u; cat /proc/$PPID/environ")
        _ = try run(program, by: nobody, "pool", "add", "--pool", specs.pool)
        _ = try run(program, by: nobody, "jobs", "add", "--jobs", specs.jobs)
        let output = program.home.path + "/nodes/p/node-1/workitems/j/job-1"
        #expect(
            program.eventually {
                // Not there until the task has begun.
                let task = (try? FileManager.default.contentsOfDirectory(atPath: output))?.first ?? ""
                let text = try? String(contentsOfFile: "\(output)/\(task)/stdout.txt", encoding: .utf8)
                return text == "65534\n"
            })
        #expect(try program.processes().contains { $0.contains("node-agent") })
        _ = try run(program, by: nobody, "pool", "del", "--poolid", "p", "--yes", "--wait")
        #expect(try !program.processes().contains { $0.contains("node-agent") })
        _ = try run(program, by: nobody, "service", "stop")
    }
}
