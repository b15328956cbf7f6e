import Glibc
import ShipyardModel
import ShipyardStaging
import TestSupport
import Testing

@Suite struct NodeStageTests {
    let tree = TemporaryTree()

    init() { #expect(tree.run("mkdir", "wd") == 0) }

    private func stage(_ manifests: StagingManifest...) throws {
        var input: [UInt8] = []
        for manifest in manifests { input += try JSONCoding.encode(manifest) + [0x0A] }
        try NodeStage.stage(input, nodeRoot: tree.path, workingDirectory: tree.path + "/wd")
    }

    private func file(_ source: String, _ path: String, _ mode: UInt16 = 0o770) -> StagingManifest {
        StagingManifest(resourceFiles: [.init(source: BlobSource(source), path: path, mode: mode)])
    }

    private func failure(_ source: String, _ path: String = "f") -> StagingFailure? {
        let failure = #expect(throws: StagingFailure.self) { try stage(file(source, path)) }
        #expect(tree.names("wd").filter { $0.hasPrefix(".") }.isEmpty, "a temporary file is left")
        return failure
    }

    @Test func filesComeFromPathsAndFileURLs() throws {
        tree.write("in put.txt", "text")
        try stage(
            file("\(tree.path)/in put.txt", "a/b/c.txt", 0o640),
            file("file://\(tree.path)/in%20put.txt", "d"),
            file("FILE:\(tree.path)/in%20put.txt", "./e"))
        #expect(tree.read("wd/a/b/c.txt") == "text" && tree.mode("wd/a/b/c.txt") == 0o640)
        #expect(tree.read("wd/d") == "text" && tree.mode("wd/d") == 0o770)
        #expect(tree.read("wd/e") == "text")
    }

    @Test func whatIsThereIsReplaced() throws {
        tree.write("new", "new")
        tree.write("outside", "untouched")
        #expect(tree.run("ln", "-s", "../outside", "wd/f") == 0)
        try stage(file("\(tree.path)/new", "f"))
        #expect(tree.read("wd/f") == "new" && tree.read("outside") == "untouched")
    }

    @Test(arguments: ["../f", "a/../../f", "/tmp/f", "", "."])
    func pathsThatLeaveAreRefused(_ path: String) {
        tree.write("in", "text")
        let failure = failure("\(tree.path)/in", path)
        #expect(failure?.fault == .resourceFileCreateFailed)
        #expect(!tree.exists("f"))
    }

    @Test func aLinkOnTheWayIsRefused() {
        tree.write("in", "text")
        #expect(tree.run("ln", "-s", "..", "wd/up") == 0)
        #expect(failure("\(tree.path)/in", "up/f")?.fault == .resourceDirectoryCreateFailed)
        #expect(!tree.exists("f"))
    }

    @Test func failuresHaveTheCodesOfAzureBatch() {
        #expect(failure("/nowhere/x")?.fault == .blobNotFound)
        #expect(failure(tree.path)?.fault == .blobDownloadMiscError)
        #expect(failure("relative")?.fault == .blobDownloadMiscError)
        #expect(failure("ftp://host/x")?.fault == .blobDownloadMiscError)
        #expect(failure("file://host/x")?.fault == .blobDownloadMiscError)
        tree.write("in", "text")
        tree.write("wd/occupied", "")
        #expect(failure("\(tree.path)/in", "occupied/f")?.fault == .resourceDirectoryCreateFailed)
        if getuid() != 0 {
            #expect(tree.run("chmod", "0", "in") == 0)
            #expect(failure("\(tree.path)/in")?.fault == .blobAccessDenied)
        }
    }

    @Test func aPipeDoesNotBlock() {
        #expect(tree.run("mkfifo", "pipe") == 0)
        #expect(failure("\(tree.path)/pipe")?.message.hasSuffix("is not a file") == true)
    }

    @Test func packagesGoBelowApplications() throws {
        #expect(tree.run("mkdir", "-p", "source/bin") == 0)
        tree.write("source/bin/tool", "x")
        let package = StagingManifest.ApplicationPackage(
            id: "tool", version: "1.0", archive: tree.path + "/source", directory: "tool/1.0")
        try stage(StagingManifest(applicationPackages: [package]), StagingManifest())
        #expect(tree.read("applications/tool/1.0/bin/tool") == "x")
    }

    /// Only what this node has unpacked itself, since the machine began, and whole, is not unpacked again.
    @Test func aPackageIsUnpackedAgainUnlessItIsKnownToBeWhole() throws {
        #expect(tree.run("mkdir", "-p", "one/bin", "two", "applications/tool/1.0") == 0)
        for name in ["one/bin/tool", "one/other", "two/tool", "applications/tool/1.0/left"] {
            tree.write(name, name)
        }
        func stage(_ source: String) throws {
            let package = StagingManifest.ApplicationPackage(
                id: "tool", version: "1.0", archive: "\(tree.path)/\(source)", directory: "tool/1.0")
            try self.stage(StagingManifest(applicationPackages: [package]))
        }
        let root = "applications/tool/1.0"
        try stage("one")
        #expect(tree.names(root) == ["bin", "other"], "a left-over directory was taken for the package")
        tree.write(root + "/bin/made-by-a-task", "")
        try stage("one")
        #expect(tree.exists(root + "/bin/made-by-a-task"), "a package in use was unpacked again")
        #expect(tree.run("rm", root + "/bin/tool", root + "/other") == 0)
        try stage("one")
        #expect(tree.read(root + "/bin/tool") == "one/bin/tool" && !tree.exists(root + "/bin/made-by-a-task"))
        try stage("two")
        #expect(tree.names(root) == ["tool"], "another archive was taken for the same package")
        let record = "applications/.unpacked/tool@1.0"
        #expect(tree.run("sed", "-i", "s/boot\":\"/boot\":\"0/", record) == 0)
        tree.write(root + "/of-another-boot", "")
        try stage("two")
        #expect(tree.names(root) == ["tool"], "what may not have reached the disk was trusted")
    }

    private func stagePackage(_ directory: String = "tool/1.0") throws {
        let package = StagingManifest.ApplicationPackage(
            id: "tool", version: "1.0", archive: tree.path + "/source", directory: directory)
        try stage(StagingManifest(applicationPackages: [package]))
    }

    /// A task may put anything below its node's root, and what its link leads to is not ours to replace.
    @Test(arguments: ["applications", "applications/tool", "applications/tool/1.0"])
    func aLinkInAPackagesPlaceLeadsNowhere(_ link: String) throws {
        #expect(tree.run("mkdir", "-p", "source", "victim/tool/1.0/1.0") == 0)
        tree.write("source/file", "new")
        for place in ["victim/1.0", "victim/tool/1.0", "victim/tool/1.0/1.0"] {
            #expect(tree.run("mkdir", "-p", place) == 0)
            tree.write(place + "/thesis", "precious")
        }
        let before = tree.everything("victim")
        #expect(tree.run("mkdir", "-p", "\(link)/..") == 0)
        #expect(tree.run("rmdir", link) == 0 || !tree.exists(link))
        #expect(tree.run("ln", "-s", tree.path + "/victim", link) == 0)
        let failure = Result { try stagePackage() }
        #expect(tree.everything("victim") == before)
        guard link != "applications/tool/1.0" else { return }  // The link itself is replaced.
        guard case .failure(let error as StagingFailure) = failure else {
            Issue.record("it was staged all the same")
            return
        }
        #expect(error.fault == .applicationPackageError && error.message.contains("is a link or a mount"))
    }

    /// Where a package is unpacked anew, a directory that somebody has bound below the old one stays as it is.
    @Test func aMountInAPackageIsNotEmptied() throws {
        #expect(tree.run("mkdir", "-p", "source", "victim") == 0)
        tree.write("source/file", "new")
        tree.write("victim/thesis", "precious")
        try stagePackage()
        #expect(tree.run("mkdir", "applications/tool/1.0/data") == 0)
        let victim = tree.path + "/victim"
        let place = tree.path + "/applications/tool/1.0/data"
        guard mount(victim, place, nil, UInt(MS_BIND), nil) == 0 else { return }  // Mounting is root's.
        defer {
            _ = tree.run("sh", "-c", "umount -l applications/.old*/data applications/tool/1.0/data 2>&-")
        }
        #expect(tree.run("rm", "-r", "applications/.unpacked") == 0)
        try stagePackage()
        #expect(tree.names("applications/tool/1.0") == ["file"])
        #expect(tree.read("victim/thesis") == "precious")
    }

    /// The place of a package is a mount of its own.
    @Test func aMountInAPackagesPlaceIsNamed() throws {
        #expect(tree.run("mkdir", "-p", "source", "victim/1.0", "applications/tool") == 0)
        tree.write("victim/1.0/thesis", "precious")
        let place = tree.path + "/applications/tool"
        guard mount(tree.path + "/victim", place, nil, UInt(MS_BIND), nil) == 0 else { return }
        defer { umount2(place, Int32(MNT_DETACH)) }
        let failure = #expect(throws: StagingFailure.self) { try stagePackage() }
        #expect(failure?.message.contains("is a link or a mount") == true)
        #expect(tree.everything("victim").contains("victim/1.0/thesis"))
    }

    @Test func aFileMustBeWhatItsDigestSays() throws {
        tree.write("in", "abc")
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        func stage(_ digest: String) throws {
            let file = StagingManifest.ResourceFile(
                source: BlobSource("\(tree.path)/in"), path: "f", sha256: digest)
            try self.stage(StagingManifest(resourceFiles: [file]))
        }
        try stage(digest)
        #expect(tree.read("wd/f") == "abc")
        tree.write("in", "abd")
        let failure = #expect(throws: StagingFailure.self) { try stage(digest) }
        #expect(failure?.fault == .resourceFileChecksumMismatch)
        #expect(tree.read("wd/f") == "abc" && tree.names("wd") == ["f"])
    }

    @Test func aPackagesFailureNamesIt() {
        let package = StagingManifest.ApplicationPackage(
            id: "tool", version: "1.0", archive: "/nowhere", directory: "tool/1.0")
        let failure = #expect(throws: StagingFailure.self) {
            try stage(StagingManifest(applicationPackages: [package]))
        }
        #expect(failure?.fault == .applicationPackageError)
        #expect(failure?.message.hasPrefix("application package `tool` 1.0: the package /nowhere") == true)
    }

    @Test func aListMayBeMissing() throws {
        #expect(try JSONCoding.decode(StagingManifest.self, from: "{}").isEmpty)
    }

    @Test func badInputIsAFailureNotACrash() {
        #expect(throws: StagingFailure.self) {
            try NodeStage.stage(Array("{".utf8), nodeRoot: nil, workingDirectory: "/")
        }
    }

    @Test func sourceThatIsNoneIsNamedWithoutItsKeys() {
        let message = failure("ftp://user:secret@host/a?sig=secret")?.message
        #expect(message == "`ftp://host/a` is no absolute path and no http, https or file URL")
    }

    @Test func filesComeFromTheWeb() throws {
        let answer = """
            class Handler(Base):
                def do_GET(self):
                    name = self.path.split("?")[0].strip("/")
                    self.answer(int(name) if name.isdigit() else 200, b"body of " + name.encode())
            """
        guard let server = PythonServer(answer) else { return }
        try stage(file(server.url("/data.csv"), "in/data.csv", 0o600))
        #expect(tree.read("wd/in/data.csv") == "body of data.csv" && tree.mode("wd/in/data.csv") == 0o600)
        #expect(failure(server.url("/404?sig=secret"))?.fault == .blobNotFound)
        #expect(failure(server.url("/403"))?.fault == .blobAccessDenied)
        let gone = failure(server.url("/400?sig=secret"))
        #expect(gone?.fault == .blobDownloadMiscError)
        #expect(gone?.message == server.url("/400") + " answered with status 400")
        #expect(!tree.exists("wd/f"))
    }
}
