import Foundation
import TestSupport
import Testing

/// Secrets from the vault to the commands that they are for, and to nobody else.
@Suite(.blocking) struct VaultTests {
    private static let value = "correct-horse-7731"
    /// SHA-256 of it.
    private static let digest = "020129f177cff3be03c3f97b0c6dbb060a446cdf7207558312fad6226c2655a9"
    private static let line = "MIIEvQIBADANBgkq-7731"

    /// A file that is gone when the vault has what is in it.
    private func keep(_ program: BuiltProgram, _ name: String, _ value: String) throws {
        let file = try program.write(value, to: "value-\(name)")
        defer { try? FileManager.default.removeItem(atPath: file) }
        let outcome = try program.run("keyvault", "add", name, "--from-file", file)
        #expect(outcome.code == 0, "\(outcome.messages)")
        #expect(outcome.messages.contains("secret \(name): version ") && !outcome.messages.contains(value))
    }

    private func reason(_ program: BuiltProgram, _ task: String) throws -> String {
        let info = try program.task(task)["executionInfo"] as? [String: Any]
        let failure = info?["failureInfo"] as? [String: Any]
        return "\(failure?["code"] ?? "none"): \(failure?["message"] ?? "")"
    }

    /// Words and environments of all processes, but of those that may know: the task's own.
    private func processesThatShow(_ value: String, but allowed: (String) -> Bool) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
            guard Int(name) != nil, !allowed(name) else { return false }
            return ["environ", "cmdline"].contains { file in
                let bytes = FileManager.default.contents(atPath: "/proc/\(name)/\(file)") ?? Data()
                return String(decoding: bytes, as: UTF8.self).contains(value)
            }
        }
    }

    @Test func secretIsTheTasksAndNobodyElses() throws {
        let program = try BuiltProgram()
        try keep(program, "db", #"{"DB_PASSWORD": "\#(Self.value)"}"#)
        try keep(program, "pem", "-----BEGIN-----\n\(Self.line)\n-----END-----\n")
        try program.addPool()
        var printed: [String] = []
        let job = "    environment_variables_keyvault_secret_id: https://v.vault.azure.net/secrets/db\n"
        let files = "secret_files: [{secret_id: pem, file_path: tls/key.pem}]"
        // Says only what the values hash to, and waits to be looked at.
        let check =
            "bash -c 'printf %s \"$DB_PASSWORD\" | sha256sum; tail -1 $SHIPYARD_SECRETS_DIR/tls/key.pem; "
            + "stat -c %a $SHIPYARD_SECRETS_DIR/tls/key.pem; touch here; while [ ! -e go ]; do sleep 0.1; done'"
        let following = try program.start(
            ["jobs", "add", "--wait", "--verbose", "--jobs",
             try program.write(
                "job_specifications:\n  - id: j\n    auto_complete: true\n\(job)    tasks:\n      - id: a\n"
                    + "        command: \(yaml(check))\n        \(files)\n", to: "jobs.yaml")])
        let directory = program.home.appending(path: "nodes/p/node-1/workitems/j/job-1/a/wd").path
        #expect(program.eventually { FileManager.default.fileExists(atPath: directory + "/here") })

        let task = "AZ_BATCH_TASK_ID=a"
        let strangers = try processesThatShow(Self.value) { name in
            let bytes = FileManager.default.contents(atPath: "/proc/\(name)/environ") ?? Data()
            return String(decoding: bytes, as: UTF8.self).contains(task)
        }
        #expect(strangers == [])
        #expect(try processesThatShow(Self.line) { _ in false } == [])
        #expect(try processesThatShow(Self.value) { _ in false } != [], "the task has it")
        for words in [
            ["jobs", "tasks", "list", "--jobid", "j", "--raw"], ["data", "files", "list", "--jobid", "j"],
            ["jobs", "list", "--raw"], ["keyvault", "list"], ["keyvault", "show", "db"], ["keyvault", "list", "--raw"],
            ["keyvault", "show", "db", "--raw"],
        ] {
            let outcome = try program.start(words).outcome()
            #expect(outcome.code == 0, "\(words)")
            printed.append(outcome.output + outcome.messages)
        }
        _ = FileManager.default.createFile(atPath: directory + "/go", contents: nil)
        let outcome = try following.outcome()
        #expect(outcome.code == 0, "\(outcome.messages)")
        printed.append(outcome.output + outcome.messages)
        let output = try program.output(of: "a")
        #expect(output.split(separator: "\n").map { String($0.prefix(64)) } == [Self.digest, "*************", "600"])
        printed.append(output)
        for text in printed { #expect(!text.contains(Self.value) && !text.contains(Self.line), "\(text)") }

        // Nothing is left of either in the home: no file, no log, not the database and what goes with it.
        let secrets = program.home.appending(path: "nodes/p/node-1/secrets").path
        #expect(program.eventually { (try? FileManager.default.contentsOfDirectory(atPath: secrets)) == [] })
        let home = program.home.path
        let paths = FileManager.default.enumerator(atPath: home)?.compactMap { $0 as? String } ?? []
        #expect(paths.contains("shipyard.db") && paths.contains("vault/vault"))
        for path in paths {
            guard let bytes = FileManager.default.contents(atPath: "\(home)/\(path)") else { continue }
            for value in [Self.value, Self.line] {
                #expect(bytes.range(of: Data(value.utf8)) == nil, "\(path)")
            }
        }
        #expect(try program.run("keyvault", "show", "db", "--reveal").output.contains(Self.value))
    }

    private func yaml(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }

    /// Whatever shows what a task has printed, and also while it prints.
    @Test func whatATaskPrintsOfItIsHidden() throws {
        let program = try BuiltProgram()
        try keep(program, "db", #"{"DB_PASSWORD": "\#(Self.value)"}"#)
        try program.addPool()
        let stars = String(repeating: "*", count: Self.value.utf8.count)
        let secret = "environment_variables_keyvault_secret_id: db"
        let command =
            "bash -c 'printf %s \"a:${DB_PASSWORD:0:9}\"; sleep 1; printf \"%s\\n\" \"${DB_PASSWORD:9}:b\"; "
            + "echo $DB_PASSWORD >&2; echo $DB_PASSWORD >log.txt; exit 1'"
        let outcome = try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {id: a, \(secret), command: \(yaml(command))}\n")
        #expect(outcome.code == 0)
        #expect(try program.output(of: "a") == "a:\(stars):b\n")
        #expect(try program.output(of: "a", "stderr.txt") == "\(stars)\n")
        #expect(try program.output(of: "a", "wd/log.txt") == "\(stars)\n")
        let waited = try program.run("jobs", "wait", "--jobid", "j")
        #expect(waited.code == 1 && !(waited.output + waited.messages).contains(Self.value))
        let base = "http://localhost"
        let node = "/pools/p/nodes/node-1/files/workitems/j/job-1/a/stdout.txt"
        #expect(try program.curl([base + node]) == "a:\(stars):b\n")
        #expect(try program.curl(["-r", "5-8", base + "/jobs/j/tasks/a/files/stdout.txt"]) == "****")
        // The file itself is the task's own.
        let file = program.home.appending(path: "nodes/p/node-1/workitems/j/job-1/a/stdout.txt")
        #expect(try String(contentsOf: file, encoding: .utf8) == "a:\(Self.value):b\n")
        // A later version hides no less; of what cannot be looked for nothing is shown.
        try keep(program, "db", #"{"DB_PASSWORD": "another one"}"#)
        #expect(try program.output(of: "a") == "a:\(stars):b\n")
        let vault = program.home.appending(path: "vault/vault")
        var bytes = try Data(contentsOf: vault)
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: vault)
        let refused = try program.curl([base + "/jobs/j/tasks/a/files/stdout.txt"])
        #expect(refused.contains("SecretsNotReadable") && refused.contains("is damaged"), "\(refused)")
    }

    /// In names, links, files that are no task's, outputs and documents; by a service that has handed out nothing yet, too.
    @Test func whatATaskLeavesElsewhereIsHidden() throws {
        let program = try BuiltProgram()
        let odd = #"qu"öte\horse/7731"#
        let variables = try JSONSerialization.data(withJSONObject: ["P": Self.value, "Q": odd, "R": String(Self.value.reversed())])
        try keep(program, "db", String(decoding: variables, as: UTF8.self))
        try program.addPool()
        let script = try program.write(
            #"""
            import json, os
            p, q, env = os.environ['P'], os.environ['Q'], os.environ
            os.mkdir('d-' + p)
            open('d-' + p + '/f', 'w').write('in it')
            open('two ' + p, 'w').write('a ' + p)
            os.symlink('/tmp/' + p, 'link')
            for v in p, env['R']: open('like ' + v, 'w').write('like it')
            open(env['AZ_BATCH_NODE_SHARED_DIR'] + '/s.txt', 'w').write('s ' + p)
            open(env['AZ_BATCH_NODE_ROOT_DIR'] + '/r-' + p, 'w').write('r ' + q)
            open('log.json', 'w').write(json.dumps({'q': q}) + json.dumps({'q': q}, ensure_ascii=False))
            json.dump({'v': q, q: 1, 'p': 'x' + p}, open('outputs.json', 'w'))
            json.dump({'v': q, 'n': [p]}, open('document', 'w'))
            os.system('curl -sS --fail-with-body --unix-socket "$SHIPYARD_API" -H "Authorization: Bearer $SHIPYARD_TOKEN" '
                      '-T document http://h/metadata/c/x')
            """#, to: "leave.py")
        _ = try program.addJobs(
            "  - id: j\n    tasks:\n      - {id: a, environment_variables_keyvault_secret_id: db, extended_properties: {}, "
                + "command: python3 leave.py, resource_files: [{blob_source: \(script), file_path: leave.py}]}\n", "--wait")
        let stars = String(repeating: "*", count: Self.value.utf8.count)
        let oddStars = String(repeating: "*", count: odd.utf8.count)
        let base = "http://localhost"
        func get(_ path: String) throws -> String { try program.curl([base + path]) }
        for isRestarted in [false, true] {
            if isRestarted {
                let service = try program.serviceProcess()
                kill(service, SIGKILL)
                #expect(program.eventually { kill(service, 0) != 0 })
                _ = try program.run("jobs", "list")
            }
            let files = try get("/jobs/j/tasks/a/files")
            #expect(files.contains("wd/two \(stars)\"") && files.contains("\"/tmp/\(stars)\""), "\(files)")
            let node = try get("/pools/p/nodes/node-1/files")
            #expect(node.contains("\"r-\(stars)\"") && node.contains("workitems/j/job-1/a/wd/two \(stars)\""), "\(node)")
            for name in ["agent.journal", "agent.sock", "agent.lock", "\"secrets", "\"removed"] { #expect(!node.contains(name)) }
            for name in ["agent.journal", "agent.lock", "secrets/x", "removed/x", "%2Fagent.journal", "./agent.journal", "shared/../agent.journal"] {
                let answer = try program.curl(["--path-as-is", base + "/pools/p/nodes/node-1/files/\(name)"])
                #expect(answer.contains("\"FileNot"), "\(name): \(answer)")
            }
            // By the name that is shown, and by its own.
            #expect(try get("/jobs/j/tasks/a/files/wd/two%20\(stars)") == "a \(stars)")
            #expect(try get("/jobs/j/tasks/a/files/wd/two%20\(Self.value)") == "a \(stars)")
            #expect(try get("/jobs/j/tasks/a/files/wd/d-\(stars)/f") == "in it")
            // Which of two is meant nobody knows.
            #expect(try get("/jobs/j/tasks/a/files/wd/like%20\(stars)").contains("2 files are shown by this name"))
            #expect(try get("/jobs/j/tasks/a/files/wd/like%20\(Self.value)") == "like it")
            #expect(try get("/pools/p/nodes/node-1/files/r-\(stars)") == "r \(oddStars)")
            #expect(try get("/pools/p/nodes/node-1/files/shared/s.txt") == "s \(stars)")
            let log = try get("/jobs/j/tasks/a/files/wd/log.json")
            #expect(log.replacing("*", with: "") == #"{"q": ""}{"q": ""}"#, "\(log)")
            let output = try get("/jobs/j/tasks/a")
            #expect(output.contains(#""output":{"v":"***","***":1,"p":"x***"}"#) || output.contains("x***"), "\(output)")
            #expect(try get("/metadata/c/x") == #"{"v":"***","n":["***"]}"#)
            let shown = [
                files, node, log, output, try get("/metadata/c/x/history"), try get("/jobs/j/tasks"),
                try program.run("data", "files", "list", "--jobid", "j").output, try program.run("jobs", "tasks", "list", "--jobid", "j").output,
            ]
            for text in shown {
                for value in [Self.value, odd, "horse", "u00f6te"] { #expect(!text.contains(value), "\(text)") }
            }
        }
        // Neither is it in the state.
        for name in ["shipyard.db", "shipyard.db-wal"] {
            let bytes = (try? Data(contentsOf: program.home.appending(path: name))) ?? Data()
            for value in [Self.value, odd, #"qu\"\u00f6te"#] { #expect(bytes.range(of: Data(value.utf8)) == nil, "\(name)") }
        }
    }

    @Test func newVersionCountsFromTheNextTaskAndAMissingSecretIsNamed() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 1)
        let secret = "environment_variables_keyvault_secret_id: db"
        func ends(_ job: String) throws -> String {
            _ = try program.run("jobs", "del", "--jobid", "j", "--wait", "-y")
            _ = try program.follow("{id: a, \(job), command: 'bash -c \"printf %s $P | wc -c\"'}")
            let output = try program.output(of: "a")
            return try reason(program, "a") + " " + output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let missing = try ends(secret)
        #expect(
            missing.hasPrefix("SecretMissing: The secret `db` cannot be had: this home has no vault yet"), "\(missing)")
        try keep(program, "db", "P: four")
        #expect(try ends(secret) == "none:  4")
        try keep(program, "db", "P: fifteen-letters")
        #expect(try ends(secret) == "none:  15")
        #expect(try ends(secret + "/1") == "none:  4")
        #expect(try ends(secret + "/9").hasPrefix("SecretMissing: The secret `db/9` cannot be had: the secret `db` has no version 9"))
        #expect(try program.run("keyvault", "del", "db").code == 2)
        #expect(try program.run("keyvault", "del", "db", "-y").code == 0)
        #expect(try ends(secret).contains("the vault has no secret `db`"))
    }

    /// A variable of the command's goes to its tasks, and no further.
    @Test func variableOfTheCommandAndFilesAreSecretsToo() throws {
        let program = try BuiltProgram()
        try program.addPool()
        // Of this test alone: it is looked for in all processes of the machine.
        let value = "of-a-command-\(UInt64.random(in: 0...UInt64.max))"
        let file = try program.write("P: \(value)", to: "token")
        chmod(file, 0o600)
        func task(_ id: String) -> String {
            "  - id: j\n    auto_complete: true\n    tasks:\n"
                + "      - {id: a, environment_variables_keyvault_secret_id: '\(id)', command: 'bash -c \"printf %s $P | wc -c\"'}\n"
        }
        let refused = try program.addJobs(task("env:TOKEN"), "--wait")
        #expect(refused.code == 2 && refused.messages.contains("there is no such variable"), "\(refused.messages)")
        var words = ["jobs", "add", "--wait"]
        let outcome = try program.start(words, environment: ["TOKEN": "P: \(value)"]).outcome()
        #expect(outcome.code == 0, "\(outcome.messages)")
        #expect(try program.output(of: "a") == "\(value.utf8.count)\n")
        #expect(try processesThatShow(value) { _ in false } == [])
        for name in ["shipyard.db", "shipyard.db-wal", "service.log"] {
            let bytes = FileManager.default.contents(atPath: program.home.appending(path: name).path) ?? Data()
            #expect(bytes.range(of: Data(value.utf8)) == nil, "\(name)")
        }
        // Of a service that has not heard it.
        kill(try program.serviceProcess(), SIGKILL)
        words = ["jobs", "add", "--wait", "--recreate"]
        #expect(try program.addJobs(task("file:\(file)"), "--wait", "--recreate").code == 0)
        chmod(file, 0o644)
        #expect(try program.addJobs(task("file:\(file)"), "--wait", "--recreate").code == 1)
        #expect(try reason(program, "a").contains("\(file) can be read or changed by others"))
    }

    @Test func vaultOfAPassphraseIsOpenedByTheServiceThatHasItsFile() throws {
        let program = try BuiltProgram()
        try keep(program, "db", "P: four")
        let file = try program.write("tulips and roses\n", to: "passphrase")
        chmod(file, 0o600)
        let rotated = try program.run("keyvault", "rotate", "--to-passphrase", "--passphrase-file", file)
        #expect(rotated.code == 0, "\(rotated.messages)")
        let locked = try program.run("keyvault", "show", "db", "--reveal")
        #expect(locked.code == 1 && locked.messages.contains("the vault is locked by a passphrase"))
        let variable = ["SHIPYARD_VAULT_PASSPHRASE_FILE": file]
        #expect(try program.run("keyvault", "show", "db", "--reveal", environment: variable).output == "P: four")
        let task = "{id: a, environment_variables_keyvault_secret_id: db, command: 'bash -c \"exit ${#P}\"'}"
        try program.addPool()
        _ = try program.follow(task)
        #expect(
            try reason(program, "a").hasPrefix("SecretMissing: The secret `db` cannot be had: the vault is locked by a passphrase"))
        _ = try program.run("service", "stop")
        #expect(try program.run("service", "start", environment: variable).code == 0)
        _ = try program.run("jobs", "del", "--jobid", "j", "--wait", "-y")
        _ = try program.follow(task)
        let ended = try reason(program, "a")
        #expect(ended.hasPrefix("FailureExitCode"), "\(ended)")
    }

    @Test func credentialsMayStandInTheVault() throws {
        let program = try BuiltProgram()
        let file = try program.write("credentials: {storage: {lake: {account: deep}}}\n", to: "mine.yaml")
        #expect(try program.run("keyvault", "add", "creds", "--credentials", file).code == 0)
        let wrong = try program.write("credentials: {storage: {lake: {}}}\n", to: "wrong.yaml")
        #expect(try program.run("keyvault", "add", "creds", "--credentials", wrong).code == 3)
        _ = try program.write("hello", to: "hello.txt")
        let option = ["--keyvault-credentials-secret-id", "creds"]
        let put = try program.start(["data", "put", "hello.txt", "lake/c/hello.txt"] + option).outcome()
        #expect(put.code == 0, "\(put.messages)")
        let path = program.home.appending(path: "storage/deep/c/hello.txt").path
        #expect(FileManager.default.fileExists(atPath: path))
        try program.addPool()
        let fetch = "{id: a, command: cat hello.txt, resource_files: [{blob_source: 'store:lake/c/hello.txt', file_path: hello.txt}]}"
        let variables = ["SHIPYARD_KEYVAULT_CREDENTIALS_SECRET_ID": "creds"]
        _ = try program.write(
            "job_specifications:\n  - id: j\n    auto_complete: true\n    tasks:\n      - \(fetch)\n", to: "jobs.yaml")
        let outcome = try program.start(["jobs", "add", "--wait"], environment: variables).outcome()
        #expect(outcome.code == 0, "\(outcome.messages)")
        #expect(try program.output(of: "a") == "hello")
        let missing = try program.start(
            ["jobs", "add", "--wait", "--recreate", "--keyvault-credentials-secret-id", "nothing"]
        ).outcome()
        #expect(missing.code != 0 && missing.messages.contains("the vault has no secret `nothing`"), "\(missing.messages)")
    }

    /// Whatever moment it dies in, the vault is the old or the new one, and what was told is there.
    @Test func killedWriterLeavesTheOldOrTheNewVault() throws {
        let program = try BuiltProgram()
        try keep(program, "n", "0")
        let file = try program.write("1", to: "one")
        var told = 1
        for round in 0..<40 {
            let words = round % 4 == 3 ? ["keyvault", "rotate"] : ["keyvault", "add", "n", "--from-file", file]
            let running = try program.start(words)
            usleep(UInt32.random(in: 0...30_000))
            running.end()
            if let outcome = try? running.outcome(), outcome.code == 0, words[1] == "add" { told += 1 }
            let shown = try program.run("keyvault", "show", "n", "--raw")
            #expect(shown.code == 0, "round \(round): \(shown.messages)")
            let versions = shown.output.split(separator: "\"version\":").count - 1
            #expect(versions >= min(told, 32), "round \(round)")
        }
        #expect(try program.run("keyvault", "rotate").code == 0)
        #expect(try program.run("keyvault", "show", "n", "--version", "1", "--reveal").code <= 1)
        let names = try FileManager.default.contentsOfDirectory(atPath: program.home.appending(path: "vault").path)
        #expect(names.count { $0.hasPrefix("key-") } == 1 && !names.contains { $0.hasPrefix(".new") }, "\(names)")
    }
}
