import Foundation
import ShipyardModel
import ShipyardNode
import TestSupport
import Testing

/// Marks in place of secrets, and a search for them in all that the program prints, stores and shows of itself.
@Suite(.blocking) struct SecretTests {
    private static let mark = "mark5ecret"

    private func specs(_ program: BuiltProgram) throws {
        let mark = Self.mark
        _ = try program.write(
            """
            credentials:
              batch: {account_key: \(mark)-1, account_service_url: "https://a.b.batch.azure.com/"}
              storage:
                aad: {password: \(mark)-3}
                main: {account: stored, account_key: \(mark)-2}
                other: {account: more, account_key: "\(mark)-4"}
              docker_registry:
                hub: {username: me, password: \(mark)-5}
              slurm:
                db_password: >-
                  \(mark)-6

            """, to: "credentials.yaml")
        _ = try program.write(
            """
            batch_shipyard:
              storage_account_settings: main
              encryption: {enabled: false, pfx: {filename: f, passphrase: \(mark)-7}}

            """, to: "config.yaml")
        _ = try program.write(
            """
            pool_specification:
              id: p
              vm_count: {dedicated: 1}
              rdp: {username: u, password: \(mark)-8}

            """, to: "pool.yaml")
        _ = try program.write(
            """
            job_specifications:
              - id: j
                auto_complete: true
                tasks:
                  - {id: good, command: 'echo done'}
                  - id: bad
                    command: 'true'
                    resource_files:
                      - {blob_source: "ftp://u:\(mark)-9@h/a?sig=\(mark)-10", file_path: a}

            """, to: "jobs.yaml")
    }

    /// Mistakes beside secrets and in them: of values, of keys, of YAML and of bytes.
    private func wrongFiles(_ program: BuiltProgram) throws -> [(kind: String, path: String)] {
        let mark = Self.mark
        let texts = [
            ("credentials", "credentials:\n  batch: {account_key: \(mark)-20, acount: \(mark)-21}\n"),
            ("credentials", "credentials:\n  slurm:\n    db_password:\n      - \(mark)-22\n"),
            ("credentials", "credentials:\n  storage: {main: {account_key: \(mark)-23, account: [}}\n"),
            ("pool", "pool_specification:\n  id: p\n  rdp:\n    password:\n      - \(mark)-24\n"),
            ("pool", "pool_specification:\n  id: p\n  rdp: {pasword: \(mark)-25, password: \(mark)-26}\n"),
            (
                "config",
                "batch_shipyard:\n  encryption:\n    pfx:\n      passphrase: >\n        \(mark)-27: [\n     x\n"
            ),
        ]
        var files = try texts.enumerated().map { index, item in
            (item.0, try program.write(item.1, to: "wrong-\(index).yaml"))
        }
        let path = program.directory.appending(path: "wrong-bytes.yaml").path
        try (Data("credentials:\n  storage: {main: x}\n  x: \(mark)-28 ".utf8) + [0xFF, 0x0A]).write(
            to: URL(filePath: path))
        files.append(("credentials", path))
        return files
    }

    @Test func noSecretIsPrintedStoredOrShown() throws {
        let program = try BuiltProgram()
        try specs(program)
        var printed: [String] = []
        var wordsOf: [String] = []
        func run(_ words: String...) throws -> Int32 {
            let outcome = try program.start(words).outcome()
            printed.append(outcome.output + outcome.messages)
            wordsOf.append(words.joined(separator: " "))
            return outcome.code
        }
        #expect(try run("validate") == 0)
        #expect(try run("validate", "--format", "json") == 0)
        for kind in ["credentials", "config", "pool", "jobs"] {
            #expect(try run("validate", kind, "\(kind).yaml", "--strict") == (kind == "jobs" ? 0 : 3))
        }
        for format in ["text", "json", "jsonl", "dot"] {
            _ = try run("plan", "--format", format, "--verbose")
        }
        #expect(try run("pool", "add", "--show-config", "--verbose") == 0)
        #expect(try run("jobs", "add", "--show-config", "--verbose", "--wait") != 0)
        for words in [
            ["pool", "list"], ["pool", "nodes", "list"], ["jobs", "list"], ["jobs", "tasks", "list"],
        ] {
            for form in [[], ["--raw"], ["--verbose"]] {
                let outcome = try program.start(
                    words + form + ["--jobid", "j"].prefix(words[0] == "jobs" ? 2 : 0)
                ).outcome()
                printed.append(outcome.output + outcome.messages)
                wordsOf.append((words + form).joined(separator: " "))
            }
        }
        let bad = try program.task("bad")
        #expect("\(bad)".contains("ftp://h/a"), "\(bad)")
        printed.append("\(bad)")
        wordsOf.append("the API")
        for (kind, path) in try wrongFiles(program) {
            for command in [
                ["validate", kind, path], ["plan", "--\(kind)", path], ["pool", "add", "--\(kind)", path],
            ] {
                let outcome = try program.start(command).outcome()
                #expect(outcome.code != 0, "\(command)")
                printed.append(outcome.output + outcome.messages)
                wordsOf.append(command.joined(separator: " "))
            }
        }
        for (words, text) in zip(wordsOf, printed) { #expect(!text.contains(Self.mark), "\(words): \(text)") }
        // A URL that stands in a spec has no other place than the plan; docs/adr/0024.
        let urls = ["\(Self.mark)-9@", "\(Self.mark)-10"]
        for (path, text) in try traces(of: program) {
            let others = urls.reduce(text) { $0.replacing($1, with: "") }
            #expect(!others.contains(Self.mark), "\(path)")
            let isState = path.hasPrefix(program.home.appending(path: "shipyard.db").path)
            #expect(isState || others == text, "\(path)")
        }
    }

    @Test func tokenOfAnAgentIsNowhereButInItsMemory() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.follow("{id: a, command: 'env; cat /proc/$PPID/cmdline'}")
        let agent = try #require(try program.agents().first)
        let words = try commandLine(of: agent)
        func value(_ option: String) throws -> String {
            words[try #require(words.firstIndex(of: option)) + 1]
        }
        // It would ask for the agent again as soon as somebody else has it.
        kill(try program.serviceProcess(), SIGKILL)
        let connection = try AgentConnection(root: try value("--root"))
        connection.greet(
            try #require(StateID(try value("--state"))), try #require(LifeID(try value("--life"))))
        _ = try connection.flush()
        var found: AgentToken?
        #expect(
            program.eventually {
                for case .welcome(let welcome) in (try? connection.readMessages().messages) ?? [] {
                    found = welcome.token
                }
                return found != nil
            })
        let token = try #require(found).withExposedBytes { String(decoding: $0, as: UTF8.self) }
        for form in ["--raw", "--verbose"] {
            let outcome = try program.run("pool", "nodes", "list", form)
            #expect(!(outcome.output + outcome.messages).contains(token))
        }
        for (path, text) in try traces(of: program) { #expect(!text.contains(token), "\(path)") }
        // It is the same agent to the next service, which has no more than the digest.
        let job = "  - {id: k, auto_complete: true, tasks: [{id: b, command: 'true'}]}"
        #expect(try program.addJobs(job, "--wait").code == 0)
        #expect(try program.agents() == [agent])
    }

    // MARK: Where they could be

    private func commandLine(of process: Int32) throws -> [String] {
        let bytes = try Data(contentsOf: URL(filePath: "/proc/\(process)/cmdline"))
        return String(decoding: bytes, as: UTF8.self).split(separator: "\0").map(String.init)
    }

    /// Files of the home, and what the system shows of the processes that belong to it; as text, whatever they hold.
    private func traces(of program: BuiltProgram) throws -> [(path: String, text: String)] {
        let home = program.home.path
        var paths =
            FileManager.default.enumerator(atPath: home)?.compactMap {
                ($0 as? String).map { "\(home)/\($0)" }
            } ?? []
        #expect(paths.contains("\(home)/shipyard.db") && paths.contains("\(home)/service.log"))
        for process in try program.survivors() {
            paths += ["cmdline", "environ"].map { "/proc/\(process)/\($0)" }
        }
        return paths.compactMap { path in
            FileManager.default.contents(atPath: path).map { (path, String(decoding: $0, as: UTF8.self)) }
        }
    }
}
