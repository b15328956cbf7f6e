import Foundation
import TestSupport
import Testing

/// A home on a file system that has no room left.
@Suite(.blocking, .enabled(if: SmallDisk.isPossible)) struct FullDiskTests {
    @Test func whatOnlyAsksIsAnsweredAndTheServiceStops() throws {
        let program = try BuiltProgram()
        let disk = try SmallDisk(at: program.home)
        defer { disk.remove() }
        try program.addPool()
        let go = program.directory.appending(path: "go")
        try program.addJobs(
            "  - {id: j, tasks: [{id: a, command: 'while ! test -e \(go.path); do sleep 0.1; done'}]}")
        #expect(try program.eventually { try program.task("a")["state"] as? String == "running" })

        disk.fill()
        // Its exit cannot be stored, and ends every turn from now on.
        try Data().write(to: go)
        _ = try program.write("job_specifications: [{id: k, tasks: [{command: x}]}]", to: "jobs.yaml")
        #expect(try finished(program, "jobs", "add")?.code == 4)
        for words in [
            ["jobs", "list"], ["pool", "list"], ["pool", "nodes", "list"], ["service", "status"],
        ] {
            let outcome = try finished(program, words)
            #expect(outcome?.code == 0, "\(words): \(outcome?.messages ?? "it hangs")")
        }
        // Whoever looks or waits hears why nothing moves.
        let list = try finished(program, "jobs", "list")
        #expect(list?.messages.contains("nothing moves until this is over: ") == true, "\(list?.messages ?? "")")
        let wait = try program.start(["jobs", "wait", "--jobid", "j"])
        let isTold = try program.eventually {
            try String(contentsOf: wait.messages, encoding: .utf8).contains("nothing moves until this is over: ")
        }
        #expect(isTold)
        wait.end()
        #expect(try finished(program, "service", "stop")?.code == 0)
        // Waits until the service is gone, and starts none.
        #expect(try program.run("service", "status").code == 4)

        disk.makeRoom()
        #expect(try program.run("jobs", "term", "--jobid", "j", "-y", "--wait").code == 0)
        #expect(try program.task("a")["state"] as? String == "completed")
        #expect(try program.run("pool", "del", "--poolid", "p", "-y", "--wait").code == 0)
        #expect(try program.run("service", "stop").code == 0)
    }

    /// Nil where it hangs; then it is ended.
    private func finished(_ program: BuiltProgram, _ words: String...) throws -> BuiltProgram.Outcome? {
        try finished(program, words)
    }

    private func finished(_ program: BuiltProgram, _ words: [String]) throws -> BuiltProgram.Outcome? {
        let running = try program.start(words)
        guard program.eventually({ !running.isRunning }) else {
            running.end()
            return nil
        }
        return try running.outcome()
    }
}

/// A file system of a few megabytes in memory, mounted for one test.
private struct SmallDisk {
    let directory: URL
    private var filler: String { directory.appending(path: "filler").path }

    /// Mounting takes more than to be root in most containers.
    static let isPossible: Bool = {
        let trial = URL(filePath: "/tmp/shipyard-mount-\(UInt32.random(in: 0...UInt32.max))")
        defer { rmdir(trial.path) }
        guard let disk = try? SmallDisk(at: trial) else { return false }
        disk.remove()
        return true
    }()

    init(at directory: URL) throws {
        self.directory = directory
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        guard mount("shipyard-test", directory.path, "tmpfs", 0, "size=8m,mode=700") == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM)
        }
    }

    func fill() {
        let file = open(filler, O_WRONLY | O_CREAT, 0o600)
        let block = [UInt8](repeating: 0, count: 4096)
        while write(file, block, block.count) > 0 {}
        close(file)
    }

    func makeRoom() { unlink(filler) }

    /// Also while something still lives there.
    func remove() { _ = umount2(directory.path, Int32(MNT_DETACH)) }
}
