import Foundation
import Synchronization
import TestSupport
import Testing

private let canPlay = ["/usr/bin/python3", "/usr/bin/curl"].allSatisfy {
    FileManager.default.isExecutableFile(atPath: $0)
}

/// The stories of jobs/, as `scripts/demo` plays them, with everything that they leave.
@Suite(.blocking, .enabled(if: canPlay, "python3 or curl is not in /usr/bin"))
struct StoryTests {
    private func play(_ story: String, _ program: BuiltProgram, meanwhile: () -> Void = {}) throws -> String {
        let process = Process()
        process.executableURL = BuiltProgram.root.appending(path: "scripts/demo")
        process.arguments = [
            story, "--program", BuiltProgram.executable.path, "--directory", program.directory.path,
        ]
        process.environment = ["PATH": "/usr/bin:/bin"]
        let output = program.directory.appending(path: "story.txt")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let file = try FileHandle(forWritingTo: output)
        (process.standardOutput, process.standardError) = (file, file)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        while process.isRunning {
            meanwhile()
            usleep(100_000)
        }
        let text = try String(contentsOf: output, encoding: .utf8)
        #expect(process.terminationStatus == 0, "\(text)")
        return text
    }

    private func text(_ program: BuiltProgram, _ path: String) throws -> String {
        try String(contentsOf: program.directory.appending(path: path), encoding: .utf8)
    }

    private func names(_ program: BuiltProgram, _ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: program.directory.appending(path: path).path).sorted()
    }

    /// Files below `directory` that hold `mark`.
    private func holders(of mark: String, below directory: URL) -> [String] {
        let files = FileManager.default.enumerator(at: directory, includingPropertiesForKeys: nil)
        return (files?.allObjects as? [URL] ?? []).filter { file in
            guard let data = try? Data(contentsOf: file) else { return false }
            return data.range(of: Data(mark.utf8)) != nil
        }.map(\.path)
    }

    @Test func theWeekendETLFillsItsTableAndShowsNoKey() throws {
        let program = try BuiltProgram()
        let shown = Mutex<Set<String>>([])
        let output = try play("weekend-etl", program) {
            guard let key = try? text(program, "vendor-key").trimmingCharacters(in: .newlines), !key.isEmpty else {
                return
            }
            for process in Self.processes(whoHave: key) { shown.withLock { _ = $0.insert(process) } }
        }
        // Each code of each run once, and the averages as the later run has them.
        let rows = try program.run("sql", "query", "prices", Self.query, "--configdir", program.example("weekend-etl"))
        #expect(rows.output == "day,codes\n2030-01-04,8\n2030-01-11,8\n", "\(rows.messages)")
        #expect(try names(program, "home/storage/warehouse/raw").count == 8)
        #expect(try names(program, "home/storage/warehouse/enhanced") == ["averages.csv", "prices.csv"])
        #expect(try names(program, "home/storage/warehouse/reports") == ["2030-01-05", "2030-01-12"])
        let report = try text(program, "report/report.md")
        #expect(report.hasPrefix("# Prices of 2030-01-04\n") && report.split(separator: "\n").count == 12)
        #expect(output.contains("| ABB | "))
        #expect(try text(program, "report/averages.svg").split(separator: "<polyline ").count == 9)
        #expect(try names(program, "home/nodes") == [] && program.processes() == [])

        let key = try text(program, "vendor-key").trimmingCharacters(in: .newlines)
        #expect(!output.contains(key))
        #expect(holders(of: key, below: program.home) == [])
        #expect(shown.withLock { $0 } == [])
    }

    private static let query = "SELECT day, count(*) AS codes FROM price GROUP BY day ORDER BY day"

    /// Strangers whose command line or environment has it: all but the tasks that shall have it.
    private static func processes(whoHave key: String) -> [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { name in
            guard Int(name) != nil else { return nil }
            let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") ?? Data()
            let environment = FileManager.default.contents(atPath: "/proc/\(name)/environ") ?? Data()
            let isTask = environment.range(of: Data("AZ_BATCH_TASK_ID=extract-".utf8)) != nil
            let has = { (data: Data) in data.range(of: Data(key.utf8)) != nil }
            guard has(line) || (has(environment) && !isTask) else { return nil }
            return String(decoding: line, as: UTF8.self).replacing("\0", with: " ")
        }
    }

    @Test func theDriveDataGoesOnFromTheStepThatWasMended() throws {
        let program = try BuiltProgram()
        let output = try play("drive-data", program)
        #expect(try names(program, "home/nodes") == [] && program.processes() == [])
        let drive = "home/storage/drives/processing/drive-20300105-06"
        #expect(output.contains("container `staging` of account drives is empty"))
        #expect(try names(program, drive) == ["blurred", "converted", "original", "report"])
        #expect(try names(program, drive + "/converted") == ["gps.csv", "plates.csv", "speed.csv"])
        let plates = try text(program, drive + "/blurred/plates.csv").split(separator: "\n").dropFirst()
        #expect(plates.count > 5)
        for line in plates {
            #expect(line.split(separator: ",")[1].allSatisfy { "* -".contains($0) }, "\(line)")
        }
        let page = try text(program, "report.html")
        #expect(page.contains("Drive drive-20300105-06") && page.contains("\(plates.count) are blurred"))
        let known = try program.run("metadata", "get", "recordings", "drive-20300105-06")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(known.output.utf8)) as? [String: Any], "\(known.messages)")
        #expect(document["state"] as? String == "done")
        #expect((document["blurred"] as? [String: Any])?["blurred"] as? Int == plates.count)
        // The originals are in the cool tier.
        #expect(try names(program, drive + "/original") == [])
        #expect(output.contains("a plate of no known form"))
    }
}
