import Foundation
import TestSupport
import Testing

/// `data put`, `get` and the others, over the embedded store, without a service.
@Suite(.blocking) struct DataCommandTests {
    private let program: BuiltProgram

    init() throws { program = try BuiltProgram() }

    private func write(_ text: String, to name: String) throws {
        let url = program.directory.appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func text(_ name: String) -> String? {
        (try? Data(contentsOf: program.directory.appending(path: name))).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Names of the files below a directory.
    private func tree(_ name: String) -> [String] {
        let top = program.directory.appending(path: name).path
        let all = FileManager.default.enumerator(atPath: top)?.compactMap { $0 as? String } ?? []
        // Nobody takes a file that is being written for one.
        return all.filter { path in
            if path.contains(".shipyard-partial-") { return false }
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(top)/\(path)", isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }.sorted()
    }

    private func stored(_ place: String) throws -> [String] {
        let outcome = try program.run("data", "list", place, "--raw")
        let value =
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]] ?? []
        return value.compactMap { $0["name"] as? String }
    }

    @discardableResult
    private func run(
        _ words: String..., exits code: Int32 = 0, _ place: SourceLocation = #_sourceLocation
    ) throws -> BuiltProgram.Outcome {
        let outcome = try program.start(["data"] + words).outcome()
        #expect(outcome.code == code, "\(words): \(outcome.messages)", sourceLocation: place)
        return outcome
    }

    private func untimed(_ text: String) -> String { text.replacing(/in [0-9.]+ m?s/, with: "in 0 ms") }

    private func makeSample() throws {
        try write("one", to: "dir/a.txt")
        try write("three", to: "dir/sub/b c+%.txt")
        try write("zwei", to: "dir/sub/ä\u{1F600}.bin")
    }

    @Test func placesFilesByTheSlashesThatAreWritten() throws {
        try makeSample()
        try run("put", "dir/a.txt", "lake/one/exact")
        try run("put", "dir/a.txt", "lake/one/below/")
        try run("put", "dir/a.txt", "lake/one")
        #expect(try stored("lake/one") == ["a.txt", "below/a.txt", "exact"])
        try run("put", "-r", "dir", "lake/two/x")
        #expect(try stored("lake/two") == ["x/dir/a.txt", "x/dir/sub/b c+%.txt", "x/dir/sub/ä\u{1F600}.bin"])
        try run("put", "dir/", "lake/three")
        #expect(try stored("lake/three") == ["a.txt", "sub/b c+%.txt", "sub/ä\u{1F600}.bin"])
        let refused = try run("put", "dir", "lake/four", exits: 2)
        #expect(
            refused.messages == """
                error: `dir` is a directory
                  help: it is meant with `--recursive`, and what is in it as `dir/`

                """)

        try run("get", "lake/two/x/dir/a.txt", "file")
        #expect(text("file") == "one")
        try run("get", "lake/two/x/dir/a.txt", "into/")
        try run("get", "-r", "lake/two/x/dir", "into/whole")
        try run("get", "lake/two/x/dir/", "into/content")
        try run("get", "lake/two/*.txt", "into/pattern")
        #expect(
            tree("into") == [
                "a.txt", "content/a.txt", "content/sub/b c+%.txt", "content/sub/ä\u{1F600}.bin",
                "pattern/x/dir/a.txt", "pattern/x/dir/sub/b c+%.txt",
                "whole/dir/a.txt", "whole/dir/sub/b c+%.txt", "whole/dir/sub/ä\u{1F600}.bin",
            ])
        let missing = try run("get", "lake/two/x", "there", exits: 1)
        #expect(
            missing.messages.contains(
                "there are files below it; they are meant with `--recursive`, or as `lake/two/x/`"))
        #expect(tree("there").isEmpty)
    }

    @Test func sendsAndFetchesOnlyWhatIsNotThere() throws {
        try makeSample()
        #expect(untimed(try run("put", "dir/", "lake/c").messages) == "stored 3 files, 12 bytes in 0 ms\n")
        #expect(
            untimed(try run("put", "dir/", "lake/c").messages)
                == "stored 0 files, 0 bytes in 0 ms; 3 files there already\n")
        try write("ONE", to: "dir/a.txt")
        #expect(
            untimed(try run("put", "dir/", "lake/c").messages)
                == "stored 1 file, 3 bytes in 0 ms; 2 files there already\n")
        try run("get", "lake/c/", "back")
        #expect(text("back/a.txt") == "ONE")
        #expect(
            untimed(try run("get", "lake/c/", "back").messages)
                == "fetched 0 files, 0 bytes in 0 ms; 3 files there already\n")
    }

    @Test func dryRunTellsAllAndDoesNothing() throws {
        try makeSample()
        let first = try run("put", "dir/", "lake/c", "--dry-run")
        #expect(
            first.output == """
                would put dir/a.txt -> lake/c/a.txt (3 bytes)
                would put dir/sub/b c+%.txt -> lake/c/sub/b c+%.txt (5 bytes)
                would put dir/sub/ä\u{1F600}.bin -> lake/c/sub/ä\u{1F600}.bin (4 bytes)

                """)
        #expect(first.messages == "would put 3 files, 12 bytes\n")
        #expect(!FileManager.default.fileExists(atPath: program.home.path))
        try run("put", "dir/", "lake/c")
        #expect(
            try run("put", "dir/", "lake/c", "--dry-run", "--exclude", "sub/*").output
                == "would leave lake/c/a.txt, which is the same as dir/a.txt\n")
        let get = try run("get", "lake/c/", "nowhere", "--dry-run", "--include", "*.bin")
        #expect(get.output == "would get lake/c/sub/ä\u{1F600}.bin -> nowhere/sub/ä\u{1F600}.bin (4 bytes)\n")
        #expect(tree("nowhere").isEmpty)
        #expect(try run("del", "lake/c/sub/*", "--dry-run").output.split(separator: "\n").count == 2)
        let move = try run("move", "lake/c/a.txt", "pond/d/", "--dry-run")
        #expect(move.output == "would move lake/c/a.txt -> pond/d/a.txt (3 bytes)\n")
        #expect(try stored("lake/c").count == 3)
        let pond = try program.run("data", "list", "pond")
        #expect(pond.code == 1 && pond.messages.contains("there is no storage account `pond`"), "\(pond)")
    }

    @Test func listTellsEmptyFromMissing() throws {
        try makeSample()
        try run("put", "dir/a.txt", "lake/c/")
        try run("del", "lake/c/a.txt")
        #expect(try run("list", "lake/c").messages == "container `c` of account lake is empty\n")
        #expect(
            try run("list", "lake/d", exits: 1).messages.hasPrefix(
                "error: there is no container `d` in account lake\n"))
        #expect(try run("list", "lake").output == "c\n")
    }

    @Test func namesWithoutAPlaceHereAreNamedAndOthersGoOn() throws {
        try makeSample()
        try run("put", "dir/a.txt", "lake/c/x/a")
        try run("put", "dir/a.txt", "lake/c/y/a/b")
        let clash = try run("get", "lake/c/x/", "lake/c/y/", "out", exits: 1)
        #expect(
            clash.messages.contains(
                "error: left out: lake/c/y/a/b: `a` is a file, so nothing can be below it\n"))
        #expect(untimed(clash.messages).hasSuffix("fetched 1 file, 3 bytes in 0 ms; 1 left out\n"))
        #expect(tree("out") == ["a"])
    }

    @Test func standardStreamsHoldOneFile() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        let tool = BuiltProgram.executable.path
        process.arguments = [
            "-c",
            "head -c 3000000 /dev/zero | tr '\\0' x | \(tool) data put - lake/c/x && \(tool) data get lake/c/x - | wc -c > count",
        ]
        process.environment = ["PATH": "/usr/bin:/bin", "SHIPYARD_HOME": program.home.path]
        process.currentDirectoryURL = program.directory
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(text("count") == "3000000\n")
        try run("put", "-", "lake/c/", exits: 2)
        try run("get", "lake/c/*", "-", exits: 2)
    }

    @Test func deletesOnlyWhatIsMeantAndAsksForMoreThanOne() throws {
        try makeSample()
        try run("put", "dir/", "lake/c")
        let asked = try run("del", "lake/c/sub/", exits: 2)
        #expect(asked.messages.contains("cannot ask whether deleting 2 files of lake/c/sub/ is meant"))
        #expect(try stored("lake/c").count == 3)
        #expect(try run("del", "lake/c/sub/", "--yes").messages == "deleted 2 files\n")
        #expect(try stored("lake/c") == ["a.txt"])
        try run("del", "lake/c/none", exits: 1)
        #expect(
            try run("del", "lake/c/none*", exits: 1).messages == "error: no file matches `lake/c/none*`\n")
        try run("del", "lake/c/a.txt")
        #expect(try stored("lake/c").isEmpty)
    }

    @Test func copyAndMoveStayWithinReason() throws {
        try makeSample()
        try run("put", "dir/", "lake/c/in")
        try run("copy", "lake/c/in/", "lake/c/in/again")
        #expect(
            try stored("lake/c") == [
                "in/a.txt", "in/again/a.txt", "in/again/sub/b c+%.txt", "in/again/sub/ä\u{1F600}.bin",
                "in/sub/b c+%.txt", "in/sub/ä\u{1F600}.bin",
            ])
        try run("copy", "lake/c/in/a.txt", "pond/d/other")
        try run("get", "pond/d/other", "other")
        #expect(text("other") == "one")

        let itself = try run("move", "lake/c/in/a.txt", "lake/c/in/a.txt", exits: 1)
        #expect(itself.messages.contains("left out: lake/c/in/a.txt is its own target"))
        #expect(try stored("lake/c").contains("in/a.txt"))
        try run("move", "lake/c/in/again/", "pond/e")
        #expect(try stored("pond/e") == ["a.txt", "sub/b c+%.txt", "sub/ä\u{1F600}.bin"])
        #expect(try stored("lake/c") == ["in/a.txt", "in/sub/b c+%.txt", "in/sub/ä\u{1F600}.bin"])
        // By another alias the same file is no copy.
        let credentials = try program.write(
            """
            credentials:
              storage:
                one: {type: embedded, account: lake}
                two: {type: embedded, account: lake}
            """, to: "credentials.yaml")
        let alias = try run(
            "move", "one/c/in/a.txt", "two/c/in/a.txt", "--credentials", credentials, exits: 1)
        #expect(alias.messages.contains("is its own target"))
        #expect(text("home/storage/lake/c/in/a.txt") == "one")
        let unknown = try run("list", "on", "--credentials", credentials, exits: 2)
        #expect(
            unknown.messages == """
                error: the credentials have no storage account `on`
                  help: did you mean `one`?

                """)
    }

    @Test func syncMakesBothTheSameAndDeletesOnlyWhenAllIsInPlace() throws {
        try makeSample()
        try run("sync", "./dir", "lake/c/s")
        try write("new", to: "dir/new")
        try FileManager.default.removeItem(at: program.directory.appending(path: "dir/a.txt"))
        #expect(
            untimed(try run("sync", "./dir", "lake/c/s").messages)
                == "copied 1 file, 3 bytes in 0 ms; 2 files there already\n")
        #expect(try stored("lake/c").contains("s/a.txt"))
        // Something is left out, so nothing is deleted.
        let link = program.directory.appending(path: "dir/link").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/etc/passwd")
        let kept = try run("sync", "./dir", "lake/c/s", "--delete", exits: 1)
        #expect(kept.messages.contains("nothing was deleted, as not all is in place"))
        #expect(try stored("lake/c").contains("s/a.txt"))
        try FileManager.default.removeItem(atPath: link)
        #expect(
            try run("sync", "./dir", "lake/c/s", "--delete", "--dry-run").output.hasSuffix(
                "would delete lake/c/s/a.txt\n"))
        #expect(try run("sync", "./dir", "lake/c/s", "--delete").messages.hasSuffix("deleted 1 file\n"))
        #expect(try stored("lake/c") == ["s/new", "s/sub/b c+%.txt", "s/sub/ä\u{1F600}.bin"])

        try write("x", to: "back/deep/er/one")
        try write("x", to: "back/kept.log")
        try write("x", to: "back/two")
        try run("sync", "lake/c/s", "./back", "--delete", "--exclude", "*.log", exits: 2)
        #expect(tree("back").count == 3)
        try run("sync", "lake/c/s", "./back", "--delete", "--exclude", "*.log", "--yes")
        #expect(tree("back") == ["kept.log", "new", "sub/b c+%.txt", "sub/ä\u{1F600}.bin"])
        #expect(!FileManager.default.fileExists(atPath: program.directory.appending(path: "back/deep").path))
        try run("sync", "./dir", "./back", exits: 2)
        #expect(
            try run("sync", "lake/c/s", "lake/c/s/t", exits: 2).messages
                == "error: one of the two places is within the other\n")
        // A source that is not there is no empty one.
        try run("sync", "lake/none", "./back", "--delete", "--yes", exits: 1)
        #expect(tree("back").count == 4)
    }

    @Test func interruptedTransferLeavesNoHalfFileAndGoesOn() throws {
        for number in 0..<40 {
            try write(String(repeating: "\(number % 10)", count: 100_000), to: "dir/\(number)")
        }
        let running = try program.start(["data", "put", "dir/", "lake/c", "--bandwidth", "400k"])
        #expect(program.eventually { !tree("home/storage/lake/c").isEmpty })
        running.interrupt()
        let outcome = try running.outcome()
        #expect(outcome.code == 130)
        #expect(outcome.messages.hasPrefix("interrupted: stored "))
        let left = try FileManager.default.contentsOfDirectory(atPath: program.home.path + "/storage/lake/c")
        #expect(left.allSatisfy { !$0.hasPrefix(".") })
        #expect(outcome.messages.hasSuffix("; the same command goes on from here\n"))
        let names = tree("home/storage/lake/c")
        #expect((1..<40).contains(names.count))
        for name in names {
            #expect(text("home/storage/lake/c/\(name)") == text("dir/\(name)"), "\(name) is half a file")
        }
        let rest = untimed(try run("put", "dir/", "lake/c").messages)
        #expect(
            rest
                == "stored \(40 - names.count) files, \(size(40 - names.count)) in 0 ms; \(names.count) file\(names.count == 1 ? "" : "s") there already\n"
        )
    }

    private func size(_ files: Int) -> String {
        let bytes = Double(files * 100_000)
        return bytes < 1_048_576
            ? String(format: "%.1f KiB", bytes / 1024) : String(format: "%.1f MiB", bytes / 1_048_576)
    }

    @Test func ingressBringsWhatTheConfigNames() throws {
        try makeSample()
        _ = try program.write(
            """
            batch_shipyard: {storage_account_settings: lake}
            global_resources:
              volumes:
                shared_data_volumes:
                  gluster: {volume_driver: glusterfs_on_compute, container_path: /g}
              files:
                - source: {path: dir, include: ['sub/*'], exclude: ['*.bin']}
                  destination: {storage_account_settings: lake, data_transfer: {remote_path: in/x}}
                - source: {path: dir/a.txt}
                  destination:
                    storage_account_settings: lake
                    data_transfer: {remote_path: in/renamed, blobxfer_extra_options: --rename}
                - source: {path: dir/a.txt}
                  destination: {relative_destination_path: deep/er, data_transfer: {method: scp}}
                - source: {path: dir}
                  destination: {shared_data_volume: gluster, data_transfer: {method: multinode_scp}}
            """, to: "config.yaml")
        try program.addPool()
        try run("ingress", "--configdir", ".")
        #expect(try stored("lake/in") == ["renamed", "x/sub/b c+%.txt"])
        let node = try #require(tree("home/nodes/p").first { $0.hasSuffix("mounts/deep/er/a.txt") })
        #expect(text("home/nodes/p/\(node)") == "one")
        #expect(tree("home/nodes/p").filter { $0.contains("mounts/gluster_on_compute/gv0/") }.count == 3)
        #expect(try run("ingress", "--configdir", ".").messages.contains("brought 0 files, 0 bytes"))
        _ = try program.write("batch_shipyard: {storage_account_settings: lake}", to: "config.yaml")
        #expect(try run("ingress", "--configdir", ".").messages == "the config names no files to bring\n")
    }

    @Test func wordsThatMeanNothingAreRefused() throws {
        try run("put", "lake/c", exits: 2)
        try run("put", "none", "lake/c", exits: 1)
        try run("get", "lake", ".", exits: 2)
        try run("list", "/c", exits: 2)
        try write("x", to: "x")
        try run("put", "x", "lake/c", "--bandwidth", "fast", exits: 2)
        try run("copy", "lake/c/a", "lake/c/*", exits: 2)
    }

    /// What comes second would take the place of the first.
    @Test func twoFilesDoNotGoToOneName() throws {
        try write("first", to: "x/a.csv")
        try write("second", to: "y/a.csv")
        let put = try run("put", "x/a.csv", "y/a.csv", "lake/in/", exits: 1)
        #expect(put.messages.contains("left out: y/a.csv: another file goes to lake/in/a.csv already"))
        #expect(try run("get", "lake/in/a.csv", "-").output == "first")
        try run("put", "x/", "lake/coll/x")
        try run("put", "y/", "lake/coll/y")
        for command in ["copy", "move"] {
            try run(command, "lake/coll/x/a.csv", "lake/coll/y/a.csv", "lake/\(command)/", exits: 1)
            #expect(try run("get", "lake/\(command)/a.csv", "-").output == "first")
            #expect(try stored("lake/coll") == (command == "copy" ? ["x/a.csv", "y/a.csv"] : ["y/a.csv"]))
        }
    }

    @Test func aSyncThatWouldLeaveNothingIsRefused() throws {
        try makeSample()
        try run("put", "dir/", "lake/in")
        let refused = try run("sync", "lake/in/nope", "./dir", "--delete", exits: 1)
        #expect(
            refused.messages == """
                error: lake/in/nope has no files, and with `--delete` nothing would be left of ./dir
                  help: if that is meant, say `--yes`

                """)
        #expect(tree("dir").count == 3)
        try run("sync", "lake/in/nope", "./dir", "--delete", "--yes")
        #expect(tree("dir").isEmpty)
    }

    @Test func oldFilesAreCompressedAndReadAsBefore() throws {
        _ = try program.write(
            """
            batch_shipyard: {storage_account_settings: lake}
            lifecycle:
              - {storage_account_settings: lake, remote_path: gone, delete_after_days: 1}
              - {storage_account_settings: lake, remote_path: in/keep, delete_after_days: 30000}
              - {storage_account_settings: lake, remote_path: in, cool_after_days: 10, archive_after_days: 20, delete_after_days: 30}
            """, to: "config.yaml")
        let long = String(repeating: "a line of text\n", count: 5000)
        for name in ["a", "b", "c", "d", "keep/e"] {
            try write(long, to: "dir/\(name)")
        }
        try run("put", "dir/", "lake/in")
        func age(_ name: String, _ days: Double) throws {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -days * 86_400)],
                ofItemAtPath: program.home.appending(path: "storage/lake/in/\(name)").path)
        }
        for (name, days) in [("b", 12.0), ("c", 25), ("d", 40), ("keep/e", 40)] { try age(name, days) }
        // The rule of a container that is not there keeps no other from its work.
        let plan = try run("lifecycle", "plan", "--raw", exits: 1)
        #expect(plan.messages.contains("there is no container `gone`"))
        for (name, act) in [("b", "cool"), ("c", "archive"), ("d", "delete")] {
            #expect(plan.output.contains("\"action\": \"\(act)\""), "\(name)")
        }
        let done = try run("lifecycle", "run", exits: 1)
        #expect(done.messages.contains("compressed 2 files; deleted 1 file\n"), "\(done.messages)")
        #expect(try stored("lake/in") == ["a", "b", "c", "keep/e"])
        #expect(try run("get", "lake/in/b", "-").output == long)
        #expect(try run("get", "lake/in/c", "-", exits: 1).messages.contains("is archived"))
        #expect(try run("stat", "lake/in/b").output.contains("tier: cool, kept in"))
        let factory = try program.write(
            """
            job_specifications:
              - id: j
                tasks:
                  - command: 'echo {file_path}'
                    task_factory: {file: {azure_storage: {storage_account_settings: lake, remote_path: in}, task_filepath: file_name}}
            """, to: "jobs.yaml")
        let planned = try program.run("plan", "--jobs", factory, "--format", "jsonl")
        #expect(planned.output.split(separator: "\n").count == 4, "\(planned.messages)")
        #expect(
            try run("rehydrate", "lake/in/", "-r").messages.contains(
                "rehydrated 2 files; 2 files hot already"))
        #expect(try run("get", "lake/in/c", "-").output == long)
        #expect(try run("lifecycle", "run", exits: 1).messages.contains("nothing is due"))
    }
}
