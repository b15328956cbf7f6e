import Glibc
import ShipyardStaging
import Testing

private let hasPython = TemporaryTree.has("python3")

@Suite(.enabled(if: hasPython, "python3 is not installed")) struct PackageUnpackerTests {
    let tree = TemporaryTree()

    private func unpack(_ name: String, limits: PackageLimits = PackageLimits()) throws(StagingFailure) {
        var unpacker = PackageUnpacker()
        unpacker.limits = limits
        try unpacker.unpack("\(tree.path)/\(name)", into: "\(tree.path)/applications/tool/1.0")
    }

    private func refusal(_ name: String) -> String? {
        let failure = #expect(throws: StagingFailure.self) { try unpack(name) }
        #expect(failure?.fault == .applicationPackageError)
        #expect(tree.names("applications/tool").isEmpty, "something of a refused package is left")
        return failure?.message
    }

    @Test(arguments: [
        ("tar", "tar -cf a.package tool"), ("gzip", "tar -czf a.package tool"),
        ("xz", "tar -cJf a.package tool"), ("zstd", "tar --zstd -cf a.package tool"),
        ("bzip2", "tar -cjf a.package tool"),
        ("zip", "zip -qry a.package.zip tool && mv a.package.zip a.package"),
    ])
    func everyFormatIsUnpacked(_ program: String, _ command: String) throws {
        guard TemporaryTree.has(program) else { return }
        #expect(tree.run("mkdir", "-p", "tool/bin/empty") == 0)
        tree.write("tool/bin/run.sh", "#!/bin/sh\n")
        tree.write("tool/ü name.txt", "text")
        #expect(tree.run("chmod", "750", "tool/bin/run.sh") == 0)
        #expect(tree.run("ln", "-s", "bin/run.sh", "tool/run") == 0)
        #expect(tree.run("sh", "-c", command) == 0)
        try unpack("a.package")
        let root = "applications/tool/1.0/tool"
        #expect(tree.names(root) == ["bin", "run", "ü name.txt"])
        #expect(tree.read(root + "/run") == "#!/bin/sh\n")
        #expect(tree.mode(root + "/bin/run.sh") == 0o750)
        #expect(tree.exists(root + "/bin/empty"))
        #expect(tree.names("applications/tool") == ["1.0"])
    }

    @Test func aDirectoryIsCopied() throws {
        #expect(
            tree.run(
                "sh", "-c",
                "mkdir -p tool/a/b; echo x > tool/a/b/c; ln -s a/b/c tool/l; chmod 4755 tool/a/b/c") == 0)
        try unpack("tool")
        #expect(tree.read("applications/tool/1.0/l") == "x\n")
        #expect(tree.mode("applications/tool/1.0/a/b/c") == 0o755)
    }

    @Test func setUidIsDropped() throws {
        #expect(tree.python("with tar() as a: file(a, 'f', mode=0o6755); file(a, 'd/r', mode=0o1444)") == 0)
        try unpack("a.tar")
        #expect(tree.mode("applications/tool/1.0/f") == 0o755)
        #expect(tree.mode("applications/tool/1.0/d/r") == 0o444)
    }

    @Test(arguments: [
        "with tar() as a: file(a, '../x')",
        "with tar() as a: file(a, 'd/../../x')",
        "with tar() as a: file(a, '/tmp/x')",
        "with tar() as a: link(a, 's', '..')",
        "with tar() as a: link(a, 's', '/etc')",
        "with tar() as a: link(a, 'd/s', '../../x')",
        "with tar() as a: link(a, 's', '.'); link(a, 'l', 's/../x')",
        "with tar() as a: link(a, 's', 'd'); file(a, 's/x')",
        "with tar() as a: file(a, 'f'); link(a, 's', 'f'); file(a, 's/x')",
        "with tar() as a: link(a, 'h', '../x', tarfile.LNKTYPE)",
        "with tar() as a: link(a, 'h', '/etc/passwd', tarfile.LNKTYPE)",
        "with tar() as a: link(a, 'd/s', '../x'); link(a, 'h', 'd/s', tarfile.LNKTYPE)",
        "with zipfile.ZipFile('a.tar', 'w') as a: a.writestr('../x', 'x')",
        "with zipfile.ZipFile('a.tar', 'w') as a: a.writestr('/tmp/x', 'x')",
    ])
    func whatWouldLeaveIsRefused(_ script: String) {
        #expect(tree.python(script) == 0)
        #expect(refusal("a.tar")?.contains("would leave the package's directory") == true)
        #expect(!tree.exists("applications/x") && !tree.exists("applications/tool/x"))
    }

    @Test func linksWithinAreKept() throws {
        let script = """
            with tar() as a:
                file(a, 'd/e/f', b'one')
                link(a, 'd/e/up', '../../top')
                file(a, 'top', b'two')
                link(a, 'hard', 'd/e/f', tarfile.LNKTYPE)
                link(a, './same', './top', tarfile.LNKTYPE)
            """
        #expect(tree.python(script) == 0)
        try unpack("a.tar")
        #expect(tree.read("applications/tool/1.0/d/e/up") == "two")
        #expect(tree.read("applications/tool/1.0/hard") == "one")
        #expect(tree.read("applications/tool/1.0/same") == "two")
    }

    @Test func theLastEntryOfANameCounts() throws {
        #expect(
            tree.python("with tar() as a: file(a, 'f', b'old'); link(a, 's', 'f'); file(a, 's', b'new')") == 0
        )
        try unpack("a.tar")
        #expect(tree.read("applications/tool/1.0/f") == "old")
        #expect(tree.read("applications/tool/1.0/s") == "new")
    }

    @Test func devicesAndPipesAreRefused() {
        #expect(tree.python("with tar() as a: link(a, 'p', '', tarfile.FIFOTYPE)") == 0)
        #expect(refusal("a.tar")?.contains("is a device, pipe or socket") == true)
    }

    @Test func bombsAreStopped() throws {
        #expect(tree.python("with tar() as a: file(a, 'zeros', bytes(1 << 20))") == 0)
        #expect(tree.run("gzip", "a.tar") == 0)
        var limits = PackageLimits()
        limits.ratioCountsFrom = 1000
        limits.ratio = 10
        let large = #expect(throws: StagingFailure.self) { try unpack("a.tar.gz", limits: limits) }
        #expect(large?.message.hasSuffix("which is 10 times its size; no real package does") == true)
        // What can be made of the same bytes at most is no bomb.
        limits.ratio = 5000
        try unpack("a.tar.gz", limits: limits)
        #expect(tree.run("rm", "-r", "applications") == 0)
        // Nor is the one that fills the disk on which it is unpacked.
        limits.reserve = .max
        let full = #expect(throws: StagingFailure.self) { try unpack("a.tar.gz", limits: limits) }
        #expect(full?.message.contains("the disk would be left with less than") == true)
        limits.reserve = nil
        #expect(tree.python("with tar() as a: [file(a, str(n)) for n in range(11)]") == 0)
        limits.entries = 10
        let many = #expect(throws: StagingFailure.self) { try unpack("a.tar", limits: limits) }
        #expect(many?.message == "the package holds more than 10 entries")
        #expect(tree.names("applications/tool").isEmpty)
    }

    @Test func aTruncatedArchiveLeavesNothing() {
        #expect(tree.python("with tar() as a: file(a, 'f', os.urandom(100_000))") == 0)
        #expect(
            tree.run("sh", "-c", "gzip -k a.tar; head -c 50000 a.tar.gz > b; head -c 50000 a.tar > c") == 0)
        #expect(refusal("b")?.hasPrefix("the archive cannot be read: ") == true)
        #expect(refusal("c")?.hasPrefix("the archive cannot be read: ") == true)
    }

    /// Every way of losing an archive's end, and of damaging what libarchive alone does not compare.
    @Test(arguments: [
        // Cut between two entries: 512 bytes of header, 1024 of content for each.
        "cut(1536)", "cut(3072)", "cut(3072); zip('gzip a.tar'); take('a.tar.gz')",
        "cut(3072); zip('xz a.tar'); take('a.tar.xz')", "cut(0)",
        // Damaged checksums and lengths.
        "zip('gzip a.tar'); flip('a.tar.gz', -8)", "zip('gzip a.tar'); flip('a.tar.gz', -1)",
        "zip('gzip a.tar'); clip('a.tar.gz', 1)", "zip('gzip a.tar'); clip('a.tar.gz', 8)",
        "zip('gzip a.tar'); clip('a.tar.gz', 9)", "zip('xz a.tar'); clip('a.tar.xz', 12)",
        "zip('xz a.tar'); flip('a.tar.xz', -30)", "zip('bzip2 a.tar'); clip('a.tar.bz2', 4)",
        "zip('bzip2 a.tar'); flip('a.tar.bz2', -2)", "zip('zstd -q --rm a.tar'); clip('a.tar.zst', 4)",
        "zip('zstd -q --rm a.tar'); flip('a.tar.zst', -1)",
        // A member in the middle is as good as the last one.
        "parts(); flip('a.tar.gz', at - 6)",
        "z = zipfile.ZipFile('a.tar', 'w'); z.writestr('f', 'x' * 99); z.writestr('g', 'y'); z.close(); clip('a.tar', 30)",
        "z = zipfile.ZipFile('a.tar', 'w'); z.writestr('f', 'x' * 99); z.close(); flip('a.tar', 50)",
    ])
    func aDamagedArchiveIsRefused(_ script: String) {
        let words = """
            import subprocess, gzip
            with tar() as a:
                for name in 'abc': file(a, name, bytes(1024))
            def size(name): return os.path.getsize(name)
            def cut(n): os.truncate('a.tar', n)
            def take(name): os.rename(name, 'a.tar')
            def zip(command): subprocess.check_call(command.split())
            def clip(name, n):
                os.truncate(name, size(name) - n); os.rename(name, 'a.tar')
            def flip(name, at):
                b = bytearray(open(name, 'rb').read()); b[at] ^= 1
                open('damaged', 'wb').write(b); os.rename('damaged', 'a.tar')
            def parts():
                global at
                b = open('a.tar', 'rb').read()
                one = gzip.compress(b[:700]); at = len(one)
                open('a.tar.gz', 'wb').write(one + gzip.compress(b[700:]))

            """
        #expect(tree.python(words + script) == 0)
        #expect(refusal("a.tar")?.hasPrefix("the archive cannot be read: ") == true)
    }

    /// What programs write that are not wrong: members in a row, no padding, bytes after the end.
    @Test(arguments: [
        "b = open('a.tar', 'rb').read(); open('a.tar', 'wb').write(gzip.compress(b[:700]) + gzip.compress(b[700:]))",
        "os.truncate('a.tar', 1536 * 3 + 1024)", "os.truncate('a.tar', 1536 * 3 + 512)",
        "open('a.tar', 'ab').write(b'trailing')",
    ])
    func aWholeArchiveIsTaken(_ script: String) throws {
        let words = "import gzip\nwith tar() as a: [file(a, name, bytes(1024)) for name in 'abc']\n"
        #expect(tree.python(words + script) == 0)
        try unpack("a.tar")
        #expect(tree.names("applications/tool/1.0") == ["a", "b", "c"])
    }

    @Test func namesAreBytes() throws {
        let script = """
            with tar() as a: file(a, b'\\xff.txt'.decode('utf-8', 'surrogateescape'), b'one')
            os.makedirs('tool'); open(b'tool/\\xfe', 'w').write('two'); os.symlink(b'\\xfe', 'tool/link')
            """
        #expect(tree.python(script) == 0)
        try unpack("a.tar")
        #expect(tree.python("assert os.listdir(b'applications/tool/1.0') == [b'\\xff.txt']") == 0)
        #expect(tree.run("rm", "-r", "applications") == 0)
        try unpack("tool")
        #expect(tree.read("applications/tool/1.0/link") == "two")
        #expect(tree.python("assert b'\\xfe' in os.listdir(b'applications/tool/1.0')") == 0)
        // What is refused leaves nothing, whatever it is called.
        #expect(
            tree.python(
                "with tar() as a: file(a, b'\\xff/\\xfe'.decode('utf-8', 'surrogateescape')); file(a, '../x')"
            ) == 0)
        #expect(tree.run("rm", "-r", "applications") == 0)
        #expect(refusal("a.tar") != nil)
    }

    @Test func whatIsNoArchiveIsRefused() {
        tree.write("text", "not an archive")
        tree.write("nothing", "")
        #expect(refusal("text") == "the archive cannot be read: Unrecognized archive format")
        #expect(refusal("nothing")?.hasPrefix("the archive cannot be read: ") == true)
        #expect(refusal("missing")?.hasSuffix("No such file or directory") == true)
    }

    @Test func anEmptyArchiveMakesAnEmptyDirectory() throws {
        #expect(tree.python("tar().close()") == 0)
        try unpack("a.tar")
        #expect(tree.names("applications/tool") == ["1.0"])
        #expect(tree.names("applications/tool/1.0").isEmpty)
    }

    @Test func whatIsUnpackedIsNotUnpackedAgain() throws {
        #expect(tree.python("with tar() as a: file(a, 'f')") == 0)
        try unpack("a.tar")
        tree.write("applications/tool/1.0/mark", "kept")
        try unpack("a.tar")
        #expect(tree.read("applications/tool/1.0/mark") == "kept")
    }
}
