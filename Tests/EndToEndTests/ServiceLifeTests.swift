import Foundation
import TestSupport
import Testing

/// The service as a process: what it holds, what it uses, and where it will not run.
@Suite(.blocking) struct ServiceLifeTests {
    @Test func tenThousandTasksLeakNoDescriptorAndNoZombie() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 2)
        try program.follow("{task_factory: {repeat: 20}, command: /bin/true}")
        let service = try program.serviceProcess()
        let agent = try #require(try program.agents().first)
        let before = [service, agent].map(descriptors)
        try program.addJobs(
            "  - id: many\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: 10000}, command: /bin/true}",
            "--wait")
        #expect(
            try program.api("/jobs/many")["taskCounts"] as? [String: Int] == [
                "active": 0, "running": 0, "completed": 10_000, "succeeded": 10_000, "failed": 0,
            ])
        // Far more than one piece of the answer.
        let listed = try program.run("jobs", "tasks", "list", "--jobid", "many").output.split(separator: "\n")
        #expect(listed.count == 10_002)
        let ids = listed.filter { $0.contains("completed") }.map { $0.prefix { $0 != " " } }
        #expect(Set(ids).count == 10_000 && ids == ids.sorted())
        let raw = try #require(
            try program.json("jobs", "tasks", "list", "--jobid", "many")["many"] as? [[String: Any]])
        #expect(
            (raw.first?["value"] as? [[String: Any]])?.map { $0["id"] as? String } == ids.map(String.init))
        // A connection or two may still be closing.
        #expect(
            program.eventually { zip([service, agent].map(descriptors), before).allSatisfy { $0 <= $1 + 2 } })
        #expect(try program.serviceProcess() == service)
        for process in [service, agent] { #expect(zombies(of: process) == []) }
    }

    @Test func idleServiceAndAgentUseNoTime() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.follow("{id: a, command: echo}")
        let processes = [try program.serviceProcess()] + (try program.agents())
        // What was just asked may still be tidied up; then two quiet seconds are enough.
        let isQuiet = program.eventually {
            let before = processes.map(ticks)
            usleep(2_000_000)
            return processes.map(ticks) == before
        }
        #expect(isQuiet)
    }

    /// Planning and inserting go on beside the loop, in slices.
    @Test func otherCommandsAreAnsweredWhileALargeSpecIsTaken() throws {
        let program = try BuiltProgram()
        try program.addPool()
        _ = try program.write(
            "job_specifications:\n  - id: large\n    tasks:\n      - {task_factory: {repeat: 300000}, command: /bin/true, depends_on: [x]}\n      - {id: x, command: sleep 600}\n",
            to: "jobs.yaml")
        func secondsToList() throws -> Double {
            let start = ContinuousClock.now
            #expect(try program.run("jobs", "list").code == 0)
            return (ContinuousClock.now - start) / .seconds(1)
        }
        let idle = try (0..<9).map { _ in try secondsToList() }.sorted()[4]
        let adding = try program.start(["jobs", "add"])
        var times: [Double] = []
        while adding.isRunning { times.append(try secondsToList()) }
        #expect(try adding.outcome().code == 0)
        // A service that does one thing after the other answers the first, and the second when all is done.
        try #require(times.count > 5)
        let busy = times.sorted()[times.count / 2]
        #expect(busy < max(0.1, idle * 10), "idle \(idle) s, busy \(busy) s")
    }

    @Test func manyCommandsAtOnceStartOneService() throws {
        let program = try BuiltProgram()
        for _ in 0..<3 {
            let commands = try (0..<8).map { _ in try program.start(["pool", "list"]) }
            for command in commands {
                let outcome = try command.outcome()
                #expect(outcome.code == 0, "\(outcome.messages)")
            }
            let services = try program.processes().filter { !$0.contains("pool list") }
            #expect(services.count == 1, "\(services)")
            kill(try program.serviceProcess(), SIGKILL)
        }
    }

    /// A service that gets no time to answer is busy, not gone.
    @Test func manyCommandsWaitForAServiceThatIsBusy() throws {
        let program = try BuiltProgram()
        let service = try program.serviceProcess()
        kill(service, SIGSTOP)
        let commands = try (0..<40).map { _ in try program.start(["pool", "list"]) }
        usleep(1_500_000)
        kill(service, SIGCONT)
        for command in commands {
            let outcome = try command.outcome()
            #expect(outcome.code == 0, "\(outcome.messages)")
        }
        #expect(try program.serviceProcess() == service)
    }

    /// Whoever runs one for years has two files of its log, of which the older one is full.
    @Test func theLogIsBounded() throws {
        let program = try BuiltProgram()
        let service = try program.serviceProcess()
        let log = program.home.path + "/service.log"
        #expect(truncate(log, 9 << 20) == 0)
        kill(service, SIGTERM)
        #expect(program.eventually { kill(service, 0) != 0 })
        let line = try String(contentsOfFile: log, encoding: .utf8)
        #expect(line.count < 1000 && line.contains("signal 15: the service stops"))
        var status = stat()
        #expect(stat(log + ".1", &status) == 0 && status.st_size == 9 << 20)
    }

    @Test func secondServiceOfAHomeGivesWayToTheFirst() throws {
        let program = try BuiltProgram()
        let service = try program.serviceProcess()
        let second = try program.run("service", "run")
        #expect(second.messages.contains("another service has the home"))
        #expect(try program.serviceProcess() == service)
    }

    @Test func homeTooDeepForASocketWorksAllTheSame() throws {
        let program = try BuiltProgram()
        let deep = program.directory.appending(path: String(repeating: "deep/", count: 30) + "home").path
        _ = try program.write(
            "job_specifications:\n  - id: j\n    tasks:\n      - {id: a, command: echo from the deep}\n",
            to: "jobs.yaml")
        let run = try program.run("run", "jobs.yaml", "--home", deep)
        #expect(run.code == 0, "\(run.messages)")
        #expect(run.output == "from the deep\n")
        #expect(try program.run("service", "stop", "--home", deep).code == 0)
    }

    @Test func diskThatIsFullRefusesASubmissionAndGoesOnWhenItIsNot() throws {
        let program = try BuiltProgram()
        let disk = program.directory.appending(path: "disk").path
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        guard mount("none", disk, "tmpfs", 0, "size=6m") == 0 else {
            print("skipped: only root may mount a small file system to fill")
            return
        }
        defer { umount2(disk, Int32(MNT_DETACH)) }
        let home = ["SHIPYARD_HOME": disk + "/home"]
        defer { _ = try? program.run("service", "stop", environment: home) }
        let spec = try program.write(
            "pool_specification:\n  id: p\n  vm_count: {dedicated: 1}\n", to: "pool.yaml")
        #expect(try program.run("pool", "add", "--pool", spec, environment: home).code == 0)
        // Fills what is left.
        let filler = disk + "/filler"
        let file = try #require(fopen(filler, "w"))
        let block = [UInt8](repeating: 0, count: 4096)
        while fwrite(block, 1, block.count, file) == block.count, fflush(file) == 0 {}
        fclose(file)
        _ = try program.write(
            "job_specifications:\n  - id: j\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: 20000}, command: /bin/true}\n",
            to: "jobs.yaml")
        let refused = try program.run("jobs", "add", environment: home)
        #expect(refused.code != 0)
        #expect(
            refused.messages.contains("full") || refused.messages.contains("No space"), "\(refused.messages)")
        unlink(filler)
        _ = try program.write(
            "job_specifications:\n  - id: j\n    auto_complete: true\n    tasks:\n      - {id: a, command: echo}\n",
            to: "jobs.yaml")
        let job = try program.run("jobs", "add", "--wait", environment: home)
        #expect(job.code == 0, "\(job.messages)")
        #expect(job.messages.contains("1 of 1 task succeeded"))
        #expect(
            try program.run("pool", "del", "--poolid", "p", "--wait", "-y", environment: home).code == 0)
    }

    // MARK: What /proc says

    private func descriptors(_ process: Int32) -> Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []).count
    }

    /// Fields after the name in brackets: state, parent, …, user and system time at 11 and 12.
    private func fields(_ process: String) -> [Substring] {
        let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return text.split(separator: ")").last?.split(separator: " ") ?? []
    }

    private func ticks(_ process: Int32) -> Int {
        let fields = fields("\(process)")
        return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : -1
    }

    private func zombies(of parent: Int32) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter { name in
            guard Int(name) != nil else { return false }
            let fields = fields(name)
            return fields.first == "Z" && fields.dropFirst().first == "\(parent)"
        }
    }
}
