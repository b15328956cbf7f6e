import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSpecs
import Testing

@testable import ShipyardStaging

/// Data on its way to a command and from it, on the embedded store.
@Suite struct DataTests {
    let tree = TemporaryTree()

    init() { #expect(tree.run("mkdir", "-p", "task/wd", "storage/main/c") == 0) }

    private func spec(_ remote: String, _ change: (inout StorageTransferSpec) -> Void = { _ in })
        -> StorageTransferSpec
    {
        var spec = StorageTransferSpec(storageAccountSettings: "data", remotePath: remote)
        change(&spec)
        return spec
    }

    private func manifest(_ change: (inout StagingManifest) -> Void) -> StagingManifest {
        var manifest = StagingManifest()
        manifest.accounts = [StorageAccount(.embedded, alias: "data", name: "main")]
        manifest.embeddedRoot = tree.path + "/storage"
        change(&manifest)
        return manifest
    }

    private func variable(_ name: String) -> [UInt8]? {
        let values = [
            "AZ_BATCH_TASK_DIR": tree.path + "/task", "AZ_BATCH_TASK_WORKING_DIR": tree.path + "/task/wd",
        ]
        return values[name].map { Array($0.utf8) }
    }

    private func fetch(_ transfers: StorageTransferSpec...) throws(StagingFailure) {
        let manifest = manifest { $0.inputs = transfers }
        guard let text = try? JSONCoding.encode(manifest) else { return }
        _ = try NodeStage.stage(
            text, nodeRoot: nil, workingDirectory: tree.path + "/task/wd", ProgressReport(output: -1),
            variable: variable)
    }

    private func store(_ transfers: StorageTransferSpec..., succeeded: Bool = true) -> UploadFailure? {
        let manifest = manifest {
            $0.outputs = transfers
            $0.hasSucceeded = succeeded
        }
        return run(manifest)
    }

    private func run(_ manifest: StagingManifest) -> UploadFailure? {
        do throws(NodeUpload.UploadProblem) {
            try NodeUpload.upload(
                manifest, [:], in: tree.path + "/task/wd", ProgressReport(output: -1), variable: variable)
            return nil
        } catch {
            return error.failure
        }
    }

    private func put(_ names: String...) {
        for name in names {
            let path = "storage/main/c/\(name)"
            #expect(tree.run("mkdir", "-p", String(path[..<path.lastIndex(of: "/")!])) == 0)
            tree.write(path, name)
        }
    }

    private func files(_ directory: String) -> [String] {
        tree.everything(directory).filter { tree.names($0).isEmpty && tree.read($0) != nil }
            .map { String($0.dropFirst(directory.utf8.count + 1)) }
    }

    // MARK: In

    struct Fetch: Sendable {
        var remote: String
        var options = ""
        var include: [String] = []
        var exclude: [String] = []
        var isShare = false
        var expected: [String]
    }

    /// Semantics, 14.1: names that begin with the path, below `local_path` under their whole name.
    @Test(arguments: [
        Fetch(remote: "c", expected: ["dir/a.txt", "dir/sub/b.txt", "dir2/c.txt", "top.bin"]),
        Fetch(remote: "c/dir", expected: ["dir/a.txt", "dir/sub/b.txt", "dir2/c.txt"]),
        Fetch(remote: "c/dir/", expected: ["dir/a.txt", "dir/sub/b.txt"]),
        Fetch(remote: "c/dir", isShare: true, expected: ["dir/a.txt", "dir/sub/b.txt"]),
        Fetch(remote: "c/dir/a.txt", expected: ["dir/a.txt"]),
        Fetch(remote: "c/dir", options: "--strip-components 1", expected: ["a.txt", "c.txt", "sub/b.txt"]),
        Fetch(remote: "c/dir/", options: "--strip-components 5", expected: ["a.txt", "b.txt"]),
        Fetch(remote: "c/dir/", options: "--no-recursive", expected: ["dir/a.txt"]),
        // Patterns are for the whole name, and `*` crosses slashes.
        Fetch(remote: "c/dir/", include: ["*.txt"], exclude: ["dir/sub/*"], expected: ["dir/a.txt"]),
        Fetch(remote: "c/dir/", include: ["a.txt"], expected: []),
        Fetch(remote: "c/dir", include: ["dir/?.txt", "dir2/*"], expected: ["dir/a.txt", "dir2/c.txt"]),
        Fetch(remote: "c/nothing", expected: []),
    ])
    func storedFilesComeToTheirPlaces(_ fetch: Fetch) throws {
        put("dir/a.txt", "dir/sub/b.txt", "dir2/c.txt", "top.bin")
        try self.fetch(
            spec(fetch.remote) {
                $0.blobxferExtraOptions = fetch.options
                ($0.include, $0.exclude, $0.isFileShare) = (fetch.include, fetch.exclude, fetch.isShare)
                $0.localPath = "$AZ_BATCH_TASK_WORKING_DIR/in"
            })
        #expect(files("task/wd/in") == fetch.expected)
    }

    /// A retry has what its first attempt had, also where that has changed it within the second of its arrival.
    @Test func whatATaskHasChangedIsFetchedAgain() throws {
        put("in/a")
        try fetch(spec("c/in/"))
        tree.write("task/wd/in/a", "A/NI")
        try fetch(spec("c/in/"))
        #expect(tree.read("task/wd/in/a") == "in/a")
    }

    @Test func aSingleFileIsRenamed() throws {
        put("dir/a", "dir/ab")
        let rename = { (path: String, local: String) in
            self.spec(path) { ($0.localPath, $0.blobxferExtraOptions) = (local, "--rename") }
        }
        try fetch(rename("c/dir/a", "new/name"), rename("c/dir/ab", "$AZ_BATCH_TASK_DIR/x"))
        #expect(tree.read("task/wd/new/name") == "dir/a" && tree.read("task/x") == "dir/ab")
        #expect(throws: StagingFailure.self) { try fetch(rename("c/dir/", "y")) }
        let missing = #expect(throws: StagingFailure.self) { try fetch(rename("c/dir/none", "y")) }
        #expect(missing?.fault == .blobNotFound && missing?.isInput == true && !tree.exists("task/wd/y"))
    }

    @Test func whatIsThereIsOverwrittenUnlessItShallStay() throws {
        put("f")
        tree.write("task/wd/f", "old")
        try fetch(spec("c") { $0.blobxferExtraOptions = "--no-overwrite" })
        #expect(tree.read("task/wd/f") == "old")
        try fetch(spec("c"))
        #expect(tree.read("task/wd/f") == "f")
    }

    @Test func failuresOfDataSayWhoseTheyAre() {
        let container = #expect(throws: StagingFailure.self) { try fetch(spec("none/x")) }
        #expect(container?.fault == .blobNotFound && container?.isInput == true)
        let alias = #expect(throws: StagingFailure.self) {
            try fetch(StorageTransferSpec(storageAccountSettings: "other", remotePath: "c"))
        }
        #expect(alias?.message.contains("`other`") == true)
        put("f")
        let path = #expect(throws: StagingFailure.self) { try fetch(spec("c") { $0.localPath = "$NOT_SET" }) }
        #expect(path?.message == "the path `$NOT_SET` is empty: a variable in it is not set")
    }

    @Test func linksOfATaskLeadNoTransferOut() {
        put("up/f")
        #expect(tree.run("mkdir", "outside") == 0 && tree.run("ln", "-s", "../../outside", "task/wd/up") == 0)
        #expect(throws: StagingFailure.self) { try fetch(spec("c")) }
        #expect(tree.names("outside").isEmpty)
    }

    @Test func resourceFilesComeFromStores() throws {
        put("dir/with space")
        var manifest = manifest { _ in }
        let digest = SHA256.hexDigest(of: Array("dir/with space".utf8))
        manifest.resourceFiles = [
            .init(source: BlobSource("store:data/c/dir/with space"), path: "d/r", mode: 0o600, sha256: digest)
        ]
        let wd = tree.path + "/task/wd"
        try NodeStage.stage(JSONCoding.encode(manifest), nodeRoot: nil, workingDirectory: wd)
        #expect(tree.read("task/wd/d/r") == "dir/with space" && tree.mode("task/wd/d/r") == 0o600)
        manifest.resourceFiles = [.init(source: BlobSource("store:data/c/none"), path: "n")]
        let failure = #expect(throws: StagingFailure.self) {
            try NodeStage.stage(JSONCoding.encode(manifest), nodeRoot: nil, workingDirectory: wd)
        }
        // Not retried: that is for data alone.
        #expect(
            failure?.fault == .blobNotFound && failure?.isInput == false && tree.names("task/wd") == ["d"])
    }

    // MARK: Other tasks

    private func fetch(_ files: InputDataSpec.TaskFiles, _ place: TaskFilesPlace) throws(StagingFailure) {
        let manifest = manifest {
            $0.taskFiles = [files]
            $0.taskFilePlaces = [place]
        }
        guard let text = try? JSONCoding.encode(manifest) else { return }
        _ = try NodeStage.stage(
            text, nodeRoot: nil, workingDirectory: tree.path + "/task/wd", ProgressReport(output: -1),
            variable: variable)
    }

    @Test func filesOfAnotherTaskComeFromItsOwnDirectoryAlone() throws {
        #expect(tree.run("mkdir", "-p", "node/workitems/j/job-1/t/wd") == 0)
        tree.write("node/workitems/j/job-1/t/stdout.txt", "said")
        tree.write("node/workitems/j/job-1/t/wd/out", "made")
        #expect(tree.run("ln", "-s", "5a5a.7", "node/workitems/j/.job") == 0)
        let place = TaskFilesPlace(root: tree.path + "/node", directory: "workitems/j/job-1/t", job: 7)
        let all = InputDataSpec.TaskFiles(jobID: "j", taskID: "t")
        try fetch(all, place)
        #expect(files("task/wd") == ["stdout.txt", "wd/out"])
        var some = InputDataSpec.TaskFiles(jobID: "j", taskID: "t", exclude: ["wd/*"])
        some.destination = "$AZ_BATCH_TASK_DIR/a"
        try fetch(some, place)
        #expect(files("task/a") == ["stdout.txt"])
        // As in Batch Shipyard: with `include`, `exclude` is not looked at.
        some.include = ["wd/*"]
        some.destination = "$AZ_BATCH_TASK_DIR/b"
        try fetch(some, place)
        #expect(files("task/b") == ["wd/out"])

        let older = TaskFilesPlace(root: place.root, directory: place.directory, job: 8)
        #expect(throws: StagingFailure.self) { try fetch(all, older) }
        #expect(tree.run("mv", "node/workitems/j/job-1/t", "elsewhere") == 0)
        #expect(tree.run("ln", "-s", tree.path + "/elsewhere", "node/workitems/j/job-1/t") == 0)
        let failure = #expect(throws: StagingFailure.self) { try fetch(all, place) }
        #expect(failure?.fault == .blobNotFound && failure?.isInput == true)
    }

    /// Only what was fetched, as it was then, and only after the task and its uploads have succeeded.
    @Test func fetchedFilesGoAfterCompletion() throws {
        put("in/a", "in/b", "in/c/d", "in2/e", "in/late")
        #expect(tree.run("rm", "storage/main/c/in/late") == 0)
        let rule = spec("c/in/") {
            ($0.deletesFilesAfterCompletion, $0.exclude) = (true, ["*/b"])
        }
        let other = spec("c/in2/")
        try fetch(other, rule)
        #expect(tree.read("task/wd/in/a") == "in/a")
        let left = { self.files("storage/main/c") }
        let end = { (succeeded: Bool, outputs: [StorageTransferSpec]) -> UploadFailure? in
            self.run(
                self.manifest {
                    ($0.inputs, $0.outputs, $0.hasSucceeded) = ([other, rule], outputs, succeeded)
                    $0.fetchedDigests = [self.digest("task/.fetched-1")]
                })
        }
        #expect(end(false, []) == nil && left().count == 4)
        #expect(end(true, [spec("c/out") { $0.localPath = "nowhere" }]) != nil && left().count == 4)
        // Of what was left out the source may be all that there is.
        tree.write("task/stderr.txt", "")
        #expect(tree.run("mkfifo", tree.path + "/task/wd/in/pipe") == 0)
        #expect(end(true, [spec("d") { $0.localPath = "in" }]) == nil && left().count == 4)
        #expect(tree.run("rm", tree.path + "/task/wd/in/pipe") == 0)
        // What came or was written anew since stays. So does what the rule does not take, whoever has put it into the list.
        put("in/late", "in/a")
        let list = try #require(tree.read("task/.fetched-1"))
        let named = ["in/b", "in2/e", "../main/c/in2/e"].map { name in
            "\(hexadecimalText(Array(name.utf8))) \(list.split(separator: "\n")[0].split(separator: " ")[1])\n"
        }
        tree.write("task/.fetched-1", list + named.joined() + "no line\n6 6\n")
        let outputs = spec("d") { $0.localPath = "$AZ_BATCH_TASK_DIR" }
        #expect(end(true, [outputs]) == nil)
        #expect(left() == ["in/a", "in/b", "in/c", "in/late", "in2/e"])
        #expect(tree.read("task/stderr.txt")?.contains("not deleted: c/in/a was written anew") == true)
        // The list is nobody's output.
        #expect(tree.read("storage/main/d/wd/in/a") == "in/a" && !tree.exists("storage/main/d/.fetched-1"))
    }

    private func digest(_ path: String) -> String { SHA256.hexDigest(of: Array((tree.read(path) ?? "").utf8)) }

    /// A task that believes its inbox to be empty must not hear of success, whatever it has done to the list of what is in it.
    @Test(arguments: ["rm LIST", "echo '6 6' >> LIST", ": > LIST", "mv LIST x; ln -s x LIST", "rm LIST; mkfifo LIST"])
    func aListThatTheTaskHasChangedDeletesNothingAndIsToldSo(_ change: String) throws {
        put("in/a")
        let rule = spec("c/in/") { $0.deletesFilesAfterCompletion = true }
        try fetch(rule)
        let digest = digest("task/.fetched-0")
        #expect(tree.run("sh", "-c", change.replacing("LIST", with: tree.path + "/task/.fetched-0")) == 0)
        let failure = run(manifest { ($0.inputs, $0.hasSucceeded, $0.fetchedDigests) = ([rule], true, [digest]) })
        #expect(
            failure?.message
                == "What was fetched could not be deleted: the list of it (`.fetched-0` in the task's directory) was changed or removed by the task"
        )
        #expect(tree.exists("storage/main/c/in/a"))
    }

    /// Here the first attempt's node is gone with all that it knew, after a file was deleted.
    @Test func aDeletionThatWasCutOffIsFinishedAndItsWorkNotDoneAgain() throws {
        put("in/a", "in/b", "in/c")
        let rule = spec("c/in/") { $0.deletesFilesAfterCompletion = true }
        var manifest = manifest { ($0.inputs, $0.deletions, $0.loadScope) = ([rule], tree.path + "/deleting", "state/job") }
        let stage = { (manifest: StagingManifest) throws(StagingFailure) -> NodeStage.Result in
            guard let text = try? JSONCoding.encode(manifest) else { return NodeStage.Result() }
            return try NodeStage.stage(
                text, nodeRoot: nil, workingDirectory: self.tree.path + "/task/wd", ProgressReport(output: -1),
                variable: self.variable)
        }
        let first = try stage(manifest)
        #expect(first == NodeStage.Result(fetchedDigests: [digest("task/.fetched-0")]))
        manifest.fetchedDigests = first.fetchedDigests
        manifest.hasSucceeded = true
        #expect(tree.run("mv", "storage/main/c", "storage/main/away") == 0)
        #expect(run(manifest)?.fault == .containerNotFound && tree.names("deleting").count == 1)
        // A task of another name, or of another job, has its own work to do.
        manifest.loadScope = "state/other"
        #expect(throws: StagingFailure.self) { try stage(manifest) }
        manifest.loadScope = "state/job"
        let cutOff = #expect(throws: StagingFailure.self) { try stage(manifest) }
        #expect(cutOff?.message.hasPrefix("an earlier attempt has stored what the task makes, and ") == true)

        #expect(tree.run("mv", "storage/main/away", "storage/main/c") == 0 && tree.run("rm", "-r", "task") == 0)
        #expect(tree.run("mkdir", "-p", "task/wd") == 0 && tree.run("rm", "storage/main/c/in/b") == 0)
        tree.write("task/stderr.txt", "")
        put("in/c", "in/new")
        #expect(try stage(manifest) == NodeStage.Result(isDone: true))
        #expect(tree.names("storage/main/c/in") == ["c", "new"] && tree.names("task/wd").isEmpty)
        #expect(tree.read("task/stderr.txt")?.contains("not deleted: c/in/c was written anew") == true)
        #expect(tree.read("task/stderr.txt")?.contains("not run again: an earlier attempt has stored") == true)
        // It is over: a rerun does the work again.
        #expect(tree.names("deleting").isEmpty)
        #expect(try stage(manifest).isDone == false && tree.names("task/wd/in") == ["c", "new"])
        // One that comes to its end leaves nothing.
        manifest.fetchedDigests = [digest("task/.fetched-0")]
        #expect(run(manifest) == nil && tree.names("deleting").isEmpty && !tree.exists("storage/main/c/in/new"))
    }

    /// The process that stores was killed while it deleted, and is begun again on the node: its own record counts.
    @Test func aDeletionThatIsBegunAgainGoesByItsRecord() throws {
        put("in/a", "in/b")
        let rule = spec("c/in/") { $0.deletesFilesAfterCompletion = true }
        let manifest = manifest {
            ($0.inputs, $0.deletions, $0.loadScope, $0.hasSucceeded) = ([rule], tree.path + "/deleting", "s/j", true)
        }
        try fetch(rule)
        let file = try #require(FetchedFiles.text(of: BytePath(tree.path + "/task/.fetched-0")))
            .split(separator: UInt8(ascii: "\n")).compactMap(FetchedFiles.File.init(line:))
        let record = try #require(DeletionRecord(manifest, task: BytePath("task")))
        let parts = [DeletionRecord.Part(rule: 0, files: file)]
        try record.write(parts)
        #expect(try record.read() == parts && file.count == 2)
        #expect(tree.run("rm", "task/.fetched-0") == 0)
        #expect(run(manifest) == nil && tree.names("deleting").isEmpty && tree.names("storage/main/c/in").isEmpty)
        // One that cannot be read is not taken for none.
        #expect(tree.run("mkdir", record.path.description) == 0)
        #expect(throws: FileStoreError.self) { try record.read() }
    }

    // MARK: Out

    struct Store: Sendable {
        var remote: String
        var local = "$AZ_BATCH_TASK_DIR"
        var options = ""
        var include: [String] = []
        var exclude: [String] = []
        var isOfJob = false
        var expected: [String]
    }

    @Test(arguments: [
        Store(remote: "o", expected: ["stderr.txt", "stdout.txt", "wd/d/x", "wd/y"]),
        Store(
            remote: "o/p/q", local: "",
            expected: ["p/q/stderr.txt", "p/q/stdout.txt", "p/q/wd/d/x", "p/q/wd/y"]),
        Store(remote: "o/p", local: "$AZ_BATCH_TASK_WORKING_DIR", expected: ["p/d/x", "p/y"]),
        Store(remote: "o/p/", local: "d", expected: ["p/x"]),
        Store(remote: "o/p", local: "y", expected: ["p/y"]), Store(remote: "o", local: "y", expected: ["y"]),
        Store(remote: "o/p", local: "y", options: "--rename", expected: ["p"]),
        Store(remote: "o/p", options: "--strip-components 1", include: ["wd/*"], expected: ["p/d/x", "p/y"]),
        Store(remote: "o", options: "--no-recursive", expected: ["stderr.txt", "stdout.txt"]),
        // Patterns are for the name below `local_path`.
        Store(
            remote: "o/p", include: ["*.txt", "wd/*"], exclude: ["*/y"],
            expected: ["p/stderr.txt", "p/stdout.txt", "p/wd/d/x"]),
        Store(remote: "o", include: ["nothing"], expected: []),
        Store(
            remote: "o/p", include: ["std*"], isOfJob: true,
            expected: ["p/task/stderr.txt", "p/task/stdout.txt"]),
        Store(remote: "o", local: "y", isOfJob: true, expected: ["task/y"]),
    ])
    func filesOfATaskComeToTheirNames(_ case: Store) {
        makeOutput()
        let failure = store(
            spec(`case`.remote) {
                $0.localPath = `case`.local.isEmpty ? nil : `case`.local
                $0.blobxferExtraOptions = `case`.options
                ($0.include, $0.exclude) = (`case`.include, `case`.exclude)
                if `case`.isOfJob { $0.addsTaskID = true }
            })
        #expect(failure == nil)
        #expect(files("storage/main/o") == `case`.expected)
    }

    private func makeOutput() {
        #expect(tree.run("mkdir", "task/wd/d") == 0)
        for name in ["stdout.txt", "stderr.txt", "wd/y", "wd/d/x"] { tree.write("task/\(name)", name) }
        #expect(
            tree.run("mkfifo", "task/wd/pipe") == 0 && tree.run("ln", "-s", "/etc/passwd", "task/wd/out") == 0
        )
    }

    @Test func conditionsSayWhatIsStored() {
        makeOutput()
        let rules = [StorageTransferSpec.Condition.taskSuccess, .taskFailure, .taskCompletion].map {
            condition in
            spec("o/\(condition.rawValue)") { ($0.localPath, $0.condition) = ("y", condition) }
        }
        #expect(store(rules[0], rules[1], rules[2]) == nil)
        #expect(tree.names("storage/main/o") == ["taskcompletion", "tasksuccess"])
        #expect(tree.run("rm", "-r", "storage/main/o") == 0)
        #expect(store(rules[0], rules[1], rules[2], succeeded: false) == nil)
        #expect(tree.names("storage/main/o") == ["taskcompletion", "taskfailure"])
    }

    @Test func aRuleThatFailsKeepsNoOtherFromRunning() {
        makeOutput()
        let failure = store(
            spec("o/a") { $0.localPath = "nothing" }, spec("o/b") { $0.localPath = "y" },
            spec("o/c") { ($0.localPath, $0.blobxferExtraOptions) = ("d", "--rename x") })
        #expect(files("storage/main/o") == ["b/y"])
        #expect(failure?.fault == .miscError)
        #expect(
            failure?.message
                == "there is nothing at \(tree.path)/task/wd/nothing, the `local_path` of what goes to `o/a`; and 1 more of its 3 rules failed"
        )
    }

    @Test func namesAreBytes() {
        #expect(
            tree.run(
                "python3", "-c",
                #"open(b'task/wd/\xff\xfe b\n', 'w').write('odd'); open('task/wd/%2e +', 'w').write('percent')"#
            ) == 0)
        #expect(store(spec("o") { $0.localPath = "." }) == nil)
        #expect(
            tree.run(
                "python3", "-c",
                #"assert open(b'storage/main/o/\xff\xfe b\n').read() == 'odd'; assert open('storage/main/o/%2e +').read() == 'percent'"#
            ) == 0)
        #expect(throws: Never.self) { try fetch(spec("o") { $0.localPath = "back" }) }
        #expect(tree.run("cmp", "task/wd/%2e +", "task/wd/back/%2e +") == 0)
        #expect(tree.run("python3", "-c", #"assert open(b'task/wd/back/\xff\xfe b\n').read() == 'odd'"#) == 0)
    }

    @Test func sharesOfOtherStoresAreRefused() {
        makeOutput()
        var other = StorageAccount(.azureBlob, alias: "data", name: "x")
        other.endpoint = "http://127.0.0.1:1/x"
        let manifest = manifest {
            $0.accounts = [other]
            $0.outputs = [spec("o") { $0.isFileShare = true }]
            $0.hasSucceeded = true
        }
        let problem = #expect(throws: NodeUpload.UploadProblem.self) {
            try NodeUpload.upload(manifest, [:], in: "/", ProgressReport(output: -1), variable: variable)
        }
        #expect(problem?.failure.message.hasPrefix("`is_file_share`: ") == true)
    }

    // MARK: Keys

    @Test func keysTravelInALineOfTheirOwn() throws {
        let keys = [
            "a": StorageKeys(accessKeyID: "id", key: Secret("k\"ey")), "b": StorageKeys(sas: Secret("s")),
            "c": StorageKeys(),
        ]
        let line = try #require(StorageKeyLine.secret(of: keys)).withExposedBytes { Array($0) }
        let found = try #require(StorageKeyLine.keys(in: Array(line.dropLast())))
        #expect(found.keys.sorted() == ["a", "b"] && line.last == 0x0A && !line.dropLast().contains(0x0A))
        #expect(
            found["a"]?.accessKeyID == "id"
                && found["a"]?.key?.isSameInConstantTime(as: Secret("k\"ey")) == true)
        #expect(StorageKeyLine.secret(of: ["c": StorageKeys()]) == nil)
        #expect(StorageKeyLine.keys(in: Array("{}".utf8)) == nil)
        let (manifest, read) = try NodeStage.manifest(
            in: Array(#"{"hasSucceeded":true}"#.utf8) + [0x0A] + line)
        #expect(manifest.hasSucceeded && read["b"]?.sas != nil)
    }
}
