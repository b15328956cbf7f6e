import Foundation
import TestSupport
import Testing

/// Documents by the command line, by the API, and by tasks that have curl alone.
@Suite(.blocking) struct MetadataTests {
    /// As docs/guide/metadata.md has it: the token is on no command line.
    private static let api = """
        api() {
          printf 'header = "Authorization: Bearer %s"\\n' "$SHIPYARD_TOKEN" |
            curl -sS --fail-with-body --unix-socket "$SHIPYARD_API" -K - \\
              --retry 60 --retry-delay 1 --retry-connrefused --retry-all-errors "$@"
        }
        url=http://shipyard/metadata

        """

    private func script(_ program: BuiltProgram, _ name: String, _ text: String) throws -> String {
        try program.write("set -e\n" + Self.api + text, to: name)
    }

    @Test func tasksRecordTheirProgressWithCurlAlone() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 2)
        let script = try script(
            program, "step.sh",
            """
            printf '{"price": 1.10, "big": 123456789012345678901234567890}' > document.json
            api -X PUT -T document.json -H 'If-None-Match: *' $url/runs/x -D headers
            grep -i '^etag: "' headers
            api -X PATCH -d '{"convert": {"state": "running"}}' $url/runs/x
            api -X PATCH -H "If-Match: $(sed -n 's/^[Ee][Tt]ag: //p' headers | tr -d '\\r')" -d '{}' $url/runs/x --retry 0 ||
              echo refused
            api -X PATCH -d '{"convert": {"state": "done"}}' $url/runs/x
            echo
            api -G $url/runs --data-urlencode 'where=$.convert.state = "done"' --data-urlencode 'order=$.price:desc'
            echo
            api http://shipyard/jobs/j | grep -o '"id":"j"'
            for path in pools jobs jobs/other; do
              api --retry 0 -o /dev/null -w '%{http_code}\\n' http://shipyard/$path || true
            done
            api --retry 0 -X POST -o /dev/null -w '%{http_code}\\n' http://shipyard/jobs/j/terminate || true
            curl -s --unix-socket "$SHIPYARD_API" -H "Authorization: Bearer ${SHIPYARD_TOKEN}0" $url/runs/x
            """)
        let follow = try program.follow(
            "{id: convert, command: sh \(script), environment_variables: {SHIPYARD_TOKEN: mine, SHIPYARD_API: mine}}"
        )
        let output = try program.output(of: "convert")
        let errors = try program.output(of: "convert", "stderr.txt")
        #expect(follow.code == 0, "\(output) \(errors)")
        #expect(output.contains("refused\n") && output.contains(#""id":"j""#))
        #expect(
            output.contains(
                #""document":{"price":1.10,"big":123456789012345678901234567890,"convert":{"state":"done"}}"#)
        )
        #expect(
            output.contains("403\n403\n403\n403\n")
                && output.hasSuffix(#""code":"InvalidToken","message":"the token is none of this home's"}"#))

        // The job goes, and what it has written stays.
        try program.run("jobs", "del", "--jobid", "j", "-y", "--wait")
        #expect(
            try program.run("metadata", "get", "runs", "x", "--raw").output
                == #"{"price":1.10,"big":123456789012345678901234567890,"convert":{"state":"done"}}"# + "\n")
        let history = try program.run("metadata", "history", "runs", "x").output.split(separator: "\n")
        #expect(history.count == 4 && history.dropFirst().allSatisfy { $0.contains("  j/convert  ") })
        #expect(try program.run("metadata", "patch", "runs", "x", "--set", "seen=true").code == 0)
        #expect(
            try program.run("metadata", "query", "runs", "--where", "$.seen = true").output.contains(
                "  user  "))
        #expect(try program.run("metadata", "put", "runs", "x", "--set", "a=1", "--if-match", "1").code == 1)
        #expect(try program.run("metadata", "del", "runs", "x", "-y").code == 0)
        #expect(try program.run("metadata", "get", "runs", "x").code == 1)
        #expect(try program.run("metadata", "list").messages == "no collections found\n")
    }

    /// While it is worth something, and afterwards.
    @Test func aTokenIsInItsTasksEnvironmentOnly() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 2)
        let place = program.directory.appending(path: "token")
        let go = program.directory.appending(path: "go").path
        let script = try script(
            program, "step.sh",
            """
            printf %s "$SHIPYARD_TOKEN" > \(place.path).new && mv \(place.path).new \(place.path)
            while [ ! -e \(go) ]; do api -X PATCH -d '{}' $url/c/x > /dev/null; sleep 0.05; done
            """)
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {id: t, command: sh \(script)}")
        #expect(program.eventually { FileManager.default.fileExists(atPath: place.path) })
        let token = try String(contentsOf: place, encoding: .utf8)
        #expect(token.hasPrefix("sy1-0-") && token.utf8.count > 70)
        var found: [String] = []
        for _ in 0..<40 {
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
                for file in ["cmdline", "environ"] {
                    let bytes = FileManager.default.contents(atPath: "/proc/\(name)/\(file)") ?? Data()
                    let text = String(decoding: bytes, as: UTF8.self)
                    guard text.contains(token) else { continue }
                    if file == "cmdline" || !text.contains("AZ_BATCH_TASK_ID=t") {
                        found.append("\(file): \(text)")
                    }
                }
            }
            usleep(20_000)
        }
        #expect(found.isEmpty)
        func status() throws -> String {
            try program.curl(["-H", "Authorization: Bearer \(token)", "http://localhost/metadata/c/x"])
        }
        #expect(try status() == "{}")
        #expect(
            try program.curl(["-H", "Authorization: Bearer", "http://localhost/metadata/c/x"]).contains(
                "InvalidToken"))
        // Another service knows it.
        kill(try program.serviceProcess(), SIGKILL)
        _ = try program.serviceProcess()
        #expect(try status() == "{}")
        _ = FileManager.default.createFile(atPath: go, contents: nil)
        #expect(try program.run("jobs", "wait", "--jobid", "j").code == 0)
        #expect(try status().contains("TokenExpired"))
        // Whoever steps into it has one of his own.
        let shell = try program.run(
            "jobs", "tasks", "shell", "j", "t", "--", "sh", "-c",
            "curl -s --unix-socket $SHIPYARD_API -H \"Authorization: Bearer $SHIPYARD_TOKEN\" http://localhost/jobs/j")
        #expect(shell.output.contains("\"id\":\"j\""), "\(shell)")
        // In no log, journal, database or output.
        let search = Process()
        search.executableURL = URL(filePath: "/usr/bin/env")
        search.arguments = ["grep", "-rlF", token, program.home.path]
        search.standardOutput = FileHandle.nullDevice
        try search.run()
        search.waitUntilExit()
        #expect(search.terminationStatus == 1)
        try FileManager.default.removeItem(at: place)
    }

    /// Each number is written once by whoever gets it, while the service is killed again and again.
    @Test func whatWasAnsweredOutlivesTheService() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 3)
        let count = 25
        let script = try script(
            program, "step.sh",
            """
            for n in $(seq \(count)); do
              api -X PUT -d "{\\"n\\": $n}" $url/c/$AZ_BATCH_TASK_ID-$n > /dev/null
              echo $n
            done
            """)
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: 3}, command: sh \(script)}"
        )
        for _ in 0..<5 {
            usleep(300_000)
            kill(try program.serviceProcess(), SIGKILL)
            let answered = (0..<3).map { task in
                let path = program.home.path + "/nodes/p/node-1/workitems/j/job-1/task-0000\(task)/stdout.txt"
                let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                return ("task-0000\(task)", text.split(separator: "\n").count)
            }
            // A new service, which has the state file alone.
            for (task, lines) in answered where lines > 0 {
                #expect(
                    try program.run("metadata", "get", "c", "\(task)-\(lines)", "--raw").output
                        == "{\"n\":\(lines)}\n")
            }
        }
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        let errors = try program.output(of: "task-00000", "stderr.txt")
        #expect(wait.code == 0, "\(errors)")
        let found = try program.run("metadata", "query", "c", "--top", "0", "--format", "lines").output
        #expect(found.split(separator: "\n").count == 3 * count)
    }
}
