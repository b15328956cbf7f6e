import Glibc
import Testing

@testable import ShipyardCommands

/// `validate`, `plan`, `explain`: against the examples, which must stay good.
struct SpecCommandTests {
    private let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    @Test(arguments: ["hello", "diamond", "sweep"])
    func exampleIsGoodAndCanBePlanned(name: String) {
        let directory = "\(root)/jobs/\(name)"
        let check = run("validate", "--configdir", directory)
        #expect(check.code == .done, "\(check.output)")
        let plan = run("plan", "--configdir", directory)
        #expect(plan.code == .done, "\(plan.messages)")
        #expect(plan.output.hasPrefix("job "))
    }

    @Test func everyPoolIsGood() {
        let pools = run("validate", "pool", "\(root)/pools/small.yaml", "\(root)/pools/packed.yaml")
        #expect(pools.code == .done)
        #expect(pools.output.isEmpty)
        #expect(pools.messages == "2 files: good\n")
        #expect(run("validate", "credentials", "\(root)/credentials.example.yaml").code == .done)
    }

    @Test func defaultPoolOfARunIsGood() throws {
        let path = "/tmp/shipyard-default-pool-\(UInt64.random(in: 0...UInt64.max)).yaml"
        write(RunFiles.defaultPool(id: "run-x-1").text, to: path)
        #expect(run("validate", "pool", path).output.isEmpty)
        try LocalFile.remove(path)
    }

    @Test func keysWithoutEffectAreOneLineUnlessMoreIsAskedFor() throws {
        let path = "/tmp/shipyard-effects-\(UInt64.random(in: 0...UInt64.max)).yaml"
        write("job_specifications:\n- id: a\n  tasks: [{command: x, gpus: all, shm_size: 1g}]\n", to: path)
        defer { unlink(path) }
        let (short, long) = (run("validate", "jobs", path), run("validate", "jobs", path, "-v"))
        #expect(short.code == .done && long.code == .done)
        #expect(short.output.hasPrefix("note: no effect here: `gpus`, `shm_size`") && !short.output.contains("SY5001"), "\(short)")
        for key in ["gpus", "shm_size"] { #expect(long.output.contains("warning[SY5001]: `\(key)`"), "\(long)") }
    }

    @Test func fixRewritesTheFileAndNothingElse() throws {
        let directory = "/tmp/shipyard-fix-\(UInt64.random(in: 0...UInt64.max))"
        try LocalFile.makeDirectories(directory)
        defer {
            for name in ["jobs.yaml", "link.yaml", "second.yaml", "conflict.yaml"] { unlink("\(directory)/\(name)") }
            rmdir(directory)
        }
        let path = "\(directory)/jobs.yaml"
        let text = "job_specifications:   # a job\n- id: a\n  auto_complete: yes\n  tsks:\n  - comand: echo\r\n"
        write(text, to: path)
        chmod(path, 0o640)
        symlink("jobs.yaml", "\(directory)/link.yaml")
        let fix = run("validate", "jobs", "\(directory)/link.yaml", "--fix")
        #expect(fix.code == .done, "\(fix.output)\(fix.messages)")
        #expect(fix.messages.contains("link.yaml:4:3: tsks → tasks"))
        let fixed = "job_specifications:   # a job\n- id: a\n  auto_complete: true\n  tasks:\n  - command: echo\r\n"
        #expect(String(decoding: try LocalFile.read(path), as: UTF8.self) == fixed)
        var information = stat()
        #expect(lstat(path, &information) == 0 && information.st_mode & 0o7777 == 0o640)
        #expect(lstat("\(directory)/link.yaml", &information) == 0 && information.st_mode & S_IFMT == S_IFLNK)
        let again = run("validate", "jobs", path, "--fix")
        #expect(again.code == .done && again.messages == "1 file: good\n")

        let conflict = "\(directory)/conflict.yaml"
        write("<<<<<<< HEAD\n" + text, to: conflict)
        #expect(run("validate", "jobs", conflict, "--fix").code == .specRefused)
        #expect(String(decoding: try LocalFile.read(conflict), as: UTF8.self) == "<<<<<<< HEAD\n" + text)
        write(text, to: path)
        link(path, "\(directory)/second.yaml")
        #expect(run("validate", "jobs", path, "--fix").code == .failed)
        #expect(String(decoding: try LocalFile.read(path), as: UTF8.self) == text)
        #expect(run("validate", "jobs", "-", "--fix").code == .usage)
    }

    @Test func aFileThatChangedMeanwhileIsNotRewritten() throws {
        let path = "/tmp/shipyard-fix-\(UInt64.random(in: 0...UInt64.max)).yaml"
        defer { unlink(path) }
        write("new", to: path)
        #expect(throws: CommandFailure.self) { try SpecRewrite.write([1], over: Array("old".utf8), at: path) }
        #expect(String(decoding: try LocalFile.read(path), as: UTF8.self) == "new")
        #expect(!LocalFile.exists("\(path).fix-\(getpid())"))
    }

    private func write(_ text: String, to path: String) {
        let file = fopen(path, "w")!
        fputs(text, file)
        fclose(file)
    }

    @Test func whatDiagnosticsMaskIsMaskedInShowConfig() throws {
        let path = "/tmp/shipyard-secrets-\(UInt64.random(in: 0...UInt64.max)).yaml"
        defer { try? LocalFile.remove(path) }
        write(
            """
            job_specifications:
              - id: j
                environment_variables:
                  DB_PASSWORD: hunter-1
                  API_KEY: 8765432
                  DB_PASSWD: hunter-6
                  AWS_SECRET_ACCESS_KEY: hunter-2
                  MODE: shown
                tasks:
                  - command: fetch --token=hunter-3
                    resource_files: [{blob_source: "https://h/x?sv=1&sig=hunter-4", file_path: x}]
                    environment_variables_keyvault_secret_id: hunter-5

            """, to: path)
        let shown = run(
            "--show-config", "jobs", "list", "--jobs", path,
            service: FakeService(["GET /jobs": [#"{"value":[]}"#]]))
        #expect(shown.code == .done)
        #expect(
            !shown.messages.contains("hunter") && !shown.messages.contains("8765432"), "\(shown.messages)")
        #expect(
            shown.messages.contains(#""MODE": "shown""#) && shown.messages.contains(#""DB_PASSWORD": "***""#),
            "\(shown.messages)")
    }

    @Test func mistakeIsRefusedWithThreeInTextAndJSON() throws {
        let path = "/tmp/shipyard-wrong-\(UInt64.random(in: 0...UInt64.max)).yaml"
        let text = "job_specifications:\n  - id: j\n    tasks:\n      - {id: a, comand: x}\n"
        write(text, to: path)
        let check = run("validate", "jobs", path)
        #expect(check.code == .specRefused)
        #expect(check.output.contains("\(path):4:17"))
        #expect(check.output.contains("did you mean `command`?"))
        #expect(check.messages == "1 file: 1 error\n")
        let json = run("validate", "jobs", path, "--format", "json")
        #expect(json.code == .specRefused)
        #expect(json.output.hasPrefix(#"[{"code":"SY"#))
        #expect(run("plan", "--jobs", path).code == .specRefused)
        try LocalFile.remove(path)
    }

    @Test func planHasALineForEachTask() {
        let plan = run("plan", "--configdir", "\(root)/jobs/sweep", "--format", "jsonl")
        #expect(plan.output.split(separator: "\n").count == 81)
        #expect(
            run("plan", "--configdir", "\(root)/jobs/sweep", "--format", "dot").output.hasPrefix("digraph"))
        #expect(run("plan", "--configdir", "/nowhere").code == .usage)
    }

    @Test func codeIsExplainedInAnyCase() {
        let page = run("explain", "sy1001")
        #expect(page.code == .done)
        #expect(page.output.contains("SY1001"))
        #expect(run("explain", "SY203").messages.contains("did you mean `SY2003`?"))
        #expect(run("explain").output.contains("SY2003"))
    }

    @Test func showConfigPrintsTheMergedSpecsToTheMessages() {
        let list = run(
            "jobs", "list", "--show-config", "--configdir", "\(root)/jobs/hello",
            service: FakeService(["GET /jobs": [Samples.list()]]))
        #expect(list.output.isEmpty)
        #expect(list.messages.hasPrefix("{\n  \"job_specifications\": [\n"))
    }
}
