import Foundation
import TestSupport
import Testing

/// Whether this program can be given a schedules file.
private let hasSchedules = (try? BuiltProgram().run("schedules", "add", "--help").code) == 0

/// Files start runs, each file one, whatever happens to the service meanwhile.
@Suite(.blocking, .enabled(if: hasSchedules)) struct TriggerTests {
    /// 10,000 with `SHIPYARD_TORTURE`, such as with a release build.
    private static let many = ProcessInfo.processInfo.environment["SHIPYARD_TORTURE"] == nil ? 500 : 10_000

    private func program() throws -> BuiltProgram {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2, slots: 4)
        let log = program.directory.appending(path: "log").path
        _ = try program.write(
            """
            job_specifications:
              - id: ingest
                tasks:
                  - {command: 'echo @{trigger.file_path} >> \(log)'}
            """, to: "jobs.yaml")
        _ = try program.write(
            """
            credentials:
              storage:
                main: {type: embedded, account: store}
            """, to: "credentials.yaml")
        _ = try program.write(
            """
            schedule_specifications:
              - id: on-done
                jobs: jobs.yaml
                pool: p
                overlap: parallel
                max_active_runs: 10000
                on: {storage_event: {storage_account_settings: main, container: in, path_ends_with: .done}}
            """, to: "schedules.yaml")
        let added = try program.run("schedules", "add", "--configdir", ".")
        #expect(added.code == 0, "\(added.messages)")
        try FileManager.default.createDirectory(
            at: container(of: program), withIntermediateDirectories: true)
        return program
    }

    private func container(of program: BuiltProgram) -> URL {
        program.home.appending(path: "storage/store/in")
    }

    private func write(_ name: String, _ program: BuiltProgram) throws {
        let url = container(of: program).appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data().write(to: url)
    }

    /// Files whose task has run, each as often as it did.
    private func ran(_ program: BuiltProgram) -> [String] {
        let text = try? String(contentsOf: program.directory.appending(path: "log"), encoding: .utf8)
        return (text ?? "").split(separator: "\n").map(String.init).sorted()
    }

    private func expect(_ names: [String], _ program: BuiltProgram) throws {
        // The next command starts the service where it was killed.
        #expect(
            try program.eventually {
                _ = try program.run("pool", "list")
                return ran(program).count >= names.count
            })
        // For whatever may come twice.
        usleep(3_000_000)
        #expect(ran(program) == names.sorted())
        let events = try program.api("/triggers?limit=1000&state=started")["value"] as? [[String: Any]] ?? []
        #expect(events.count == min(names.count, 1000))
    }

    @Test func filesThatComeWhileTheServiceIsDownStartTheirRuns() throws {
        let program = try program()
        try write("a.done", program)
        try write("a.txt", program)
        #expect(program.eventually { ran(program) == ["a.done"] })
        kill(try program.serviceProcess(), SIGKILL)
        try write("b.done", program)
        try write("2024/c.done", program)
        try expect(["a.done", "b.done", "2024/c.done"], program)
        let explained = try program.run("triggers", "explain", "store/in/2024/c.done")
        #expect(explained.output.contains("has started run"))
        #expect(
            try program.run("triggers", "explain", "store/in/a.txt").output.contains(
                "does not end with `.done`"))
        let list = try program.run("triggers", "list")
        #expect(list.output.contains("store/in/2024/c.done"))
        // Once more, by hand.
        let event = try #require(
            (program.api("/triggers")["value"] as? [[String: Any]])?.first?["id"] as? Int)
        #expect(try program.run("triggers", "replay", String(event), "--key", "one").code == 0)
        #expect(try program.run("triggers", "replay", String(event), "--key", "one").code == 0)
        #expect(program.eventually { ran(program).count == 4 })
        usleep(1_000_000)
        #expect(ran(program).count == 4)
    }

    @Test func filesThatComeWhileTheServiceIsKilledStartTheirRunsOnce() throws {
        let program = try program()
        var names: [String] = []
        for round in 1...CrashTests.kills {
            for number in 0..<5 {
                names.append("\(round)/\(number).done")
                try write(names.last!, program)
                usleep(UInt32.random(in: 0...60_000))
            }
            kill(try program.serviceProcess(), SIGKILL)
        }
        try expect(names, program)
    }

    @Test func manyFilesAtOnceStartTheirRunsOnce() throws {
        let program = try program()
        let names = (0..<Self.many).map { "\($0 / 100)/\($0).done" }
        for name in names { try write(name, program) }
        kill(try program.serviceProcess(), SIGKILL)
        let deadline = Date.now.addingTimeInterval(600)
        while ran(program).count < names.count, Date.now < deadline {
            _ = try program.run("pool", "list")
            usleep(500_000)
        }
        try expect(names, program)
    }
}
