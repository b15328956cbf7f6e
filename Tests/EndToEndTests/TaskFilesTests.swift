import Foundation
import TestSupport
import Testing

/// Files of tasks on their way out: whatever their names and kinds are, and whatever the disk says.
@Suite(.blocking) struct TaskFilesTests {
    /// Makes what a copy has to cope with: names of bytes, links, a pipe, a deep tree.
    private static let script = #"""
        import os
        os.makedirs('d/e')
        open(b'd/\xff\xfe.bin', 'wb').write(b'odd')
        open('back\\x41slash', 'w').write('backslash')
        open('new\nline', 'w').write('newline')
        open('%2e%2e', 'w').write('percent')
        open('long' + 'n' * 251, 'w').write('long')
        open('empty', 'w')
        os.symlink('d/e', 'link'); os.symlink('/etc/passwd', 'abs'); os.symlink(b'\xfd', 'dangling')
        open('d/e/f', 'w').write('f')
        deep = '/'.join(['x'] * 300)
        os.makedirs(deep); open(deep + '/end', 'w').write('end')
        """#

    private func submit(_ program: BuiltProgram, _ more: String = "") throws {
        try (Self.script + more).write(
            to: program.directory.appending(path: "make.py"), atomically: true, encoding: .utf8)
    }

    private var job: String {
        """
        job_specifications:
          - id: j
            auto_complete: true
            tasks:
              - {id: a, command: python3 make.py, resource_files: [{blob_source: make.py, file_path: make.py}]}

        """
    }

    private func check(_ copy: URL) throws {
        let bytes = copy.path + "/wd"
        #expect(try read(Array((bytes + "/d/").utf8) + [0xFF, 0xFE] + Array(".bin".utf8)) == "odd")
        #expect(try read(Array((bytes + "/back\\x41slash").utf8)) == "backslash")
        #expect(try read(Array((bytes + "/new\nline").utf8)) == "newline")
        #expect(try read(Array((bytes + "/%2e%2e").utf8)) == "percent")
        #expect(try read(Array((bytes + "/long" + String(repeating: "n", count: 251)).utf8)) == "long")
        #expect(try read(Array((bytes + "/empty").utf8)) == "")
        let deep = [String](repeating: "x", count: 300).joined(separator: "/")
        #expect(try read(Array((bytes + "/\(deep)/end").utf8)) == "end")
        for (name, target) in [
            ("link", Array("d/e".utf8)), ("abs", Array("/etc/passwd".utf8)), ("dangling", [0xFD]),
        ] {
            var buffer = [CChar](repeating: 0, count: 100)
            let count = readlink(bytes + "/" + name, &buffer, buffer.count)
            #expect(buffer.prefix(max(count, 0)).map { UInt8(bitPattern: $0) } == target, "\(name)")
        }
    }

    private func read(_ path: [UInt8]) throws -> String {
        let file = open(path.map { CChar(bitPattern: $0) } + [0], O_RDONLY)
        try #require(file >= 0, "\(String(decoding: path.suffix(40), as: UTF8.self))")
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 1000)
        let count = Glibc.read(file, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }

    @Test func whatATaskLeftIsCopiedWhole() throws {
        let program = try BuiltProgram()
        try submit(program)
        _ = try program.write(job, to: "jobs.yaml")
        let run = try program.run("run", "jobs.yaml", "--output", "out", "--keep")
        #expect(run.code == 0, "\(run.messages)")
        try check(program.directory.appending(path: "out/j/a"))
        let all = try program.run("data", "files", "task", "--all", "--filespec", "j,a,*")
        #expect(all.code == 0, "\(all.messages)")
        try check(program.directory.appending(path: "j/a"))
        // Again, over what is there: links are replaced and never followed.
        #expect(try program.run("data", "files", "task", "--all", "--filespec", "j,a,*").code == 0)
        // The shown name is one that can be asked for.
        let list = try program.run("data", "files", "list", "--jobid", "j", "--taskid", "a")
        #expect(list.code == 0 && list.output.contains(#"wd/d/\xff\xfe.bin"#), "\(list.output)")
        #expect(list.output.contains("wd/link -> d/e"))
        #expect(try program.run("data", "files", "task", "--filespec", #"j,a,wd/d/\xff\xfe.bin"#).code == 0)
        #expect(
            try read(Array((program.directory.path + "/").utf8) + [0xFF, 0xFE] + Array(".bin".utf8)) == "odd")
        #expect(try program.run("data", "files", "task", "--filespec", "j,a,wd/abs").code == 0)
        #expect(
            (try? FileManager.default.destinationOfSymbolicLink(atPath: program.directory.path + "/abs"))
                == "/etc/passwd")
    }

    @Test func whatCannotBeCopiedIsNamed() throws {
        let program = try BuiltProgram()
        try submit(program, "\nos.mkfifo('pipe')\n")
        _ = try program.write(job, to: "jobs.yaml")
        let run = try program.run("run", "jobs.yaml", "--output", "out")
        #expect(
            run.code == 1 && run.messages.contains("left out: out/j/a/wd/pipe is a pipe"), "\(run.messages)")
        #expect(run.messages.contains("1 left out"))
        try check(program.directory.appending(path: "out/j/a"))
        // It held nothing, so nothing is lost with the pool.
        #expect(try program.api("/pools")["value"] as? [[String: String]] == [])
    }

    /// A name that leads through a link which an earlier copy left here must not be written where it points.
    @Test func nothingIsWrittenThroughALink() throws {
        let program = try BuiltProgram()
        try submit(program)
        _ = try program.write(job, to: "jobs.yaml")
        let outside = program.directory.appending(path: "outside")
        let copy = program.directory.appending(path: "out/j/a/wd")
        for url in [outside, copy] {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
        try FileManager.default.createSymbolicLink(at: copy.appending(path: "d"), withDestinationURL: outside)
        _ = try program.write("untouched", to: "victim")
        try FileManager.default.createSymbolicLink(
            at: copy.appending(path: "empty"),
            withDestinationURL: program.directory.appending(path: "victim"))
        let run = try program.run("run", "jobs.yaml", "--output", "out")
        #expect(run.code == 1 && run.messages.contains("a link or a file is in the way"), "\(run.messages)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path).isEmpty)
        #expect(
            try String(contentsOf: program.directory.appending(path: "victim"), encoding: .utf8)
                == "untouched")
        // What is not in the copy is still on the node.
        #expect(run.messages.contains("pool run-jobs-"))
        let pools = try program.api("/pools")["value"] as? [[String: Any]]
        #expect(pools?.count == 1)
    }

    /// The directory that the user has named may be a link; what a copy makes below it may not.
    @Test func nothingIsWrittenThroughALinkInAJobsOrTasksPlace() throws {
        let program = try BuiltProgram()
        try submit(program)
        _ = try program.write(job, to: "jobs.yaml")
        let outside = program.directory.appending(path: "outside")
        for url in [outside, program.directory.appending(path: "really/j")] {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
        for (place, target) in [("out", "really"), ("really/j/a", outside.path), ("j", outside.path)] {
            try FileManager.default.createSymbolicLink(
                atPath: program.directory.appending(path: place).path, withDestinationPath: target)
        }
        let run = try program.run("run", "jobs.yaml", "--output", "out", "--keep")
        #expect(run.code == 1 && run.messages.contains("a link or a file is in the way"), "\(run.messages)")
        let all = try program.run("data", "files", "task", "--all", "--filespec", "j,a,*")
        #expect(all.code == 1 && all.messages.contains("cannot write j/a/"), "\(all.messages)")
        let stream = try program.run("data", "files", "stream", "--disk", "--filespec", "j,a,wd/d/e/f")
        #expect(
            stream.code == 1 && stream.messages.contains("cannot write j/a/wd/d/e/f"), "\(stream.messages)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path) == [])
    }

    @Test func aFullDiskIsSaidAndNothingIsClaimed() throws {
        guard FileManager.default.fileExists(atPath: "/dev/full"), getuid() == 0 else { return }
        let program = try BuiltProgram()
        let small = program.directory.appending(path: "small")
        try FileManager.default.createDirectory(at: small, withIntermediateDirectories: true)
        let mount = Process()
        mount.executableURL = URL(filePath: "/usr/bin/env")
        mount.arguments = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small.path]
        mount.standardError = FileHandle.nullDevice
        try mount.run()
        mount.waitUntilExit()
        guard mount.terminationStatus == 0 else { return }
        defer { umount2(small.path, 2) }
        _ = try program.write(
            """
            job_specifications:
              - id: j
                auto_complete: true
                tasks:
                  - {id: a, command: head -c 1000000 /dev/zero > big}

            """, to: "jobs.yaml")
        let run = try program.run("run", "jobs.yaml", "--output", "small/out")
        #expect(run.code == 1 && run.messages.contains("No space left on device"), "\(run.messages)")
        #expect(!run.messages.contains("copied "))
        #expect(try FileManager.default.contentsOfDirectory(atPath: small.path + "/out/j/a/wd") == [])
        let pools = try program.api("/pools")["value"] as? [[String: Any]]
        #expect(pools?.count == 1, "the files are nowhere any more")
    }

    @Test func noPathOfTheAPILeavesTheTask() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let job = try program.follow("{id: a, command: ln -s /etc etc}", "{id: b, command: echo}")
        #expect(job.code == 0, "\(job.messages)")
        for path in [
            "..%00/..%00/..%00/..%00/..%00/..%00/..%00/..%00/..%00/..%00/etc/passwd", "stdout.txt%00",
            "%2e%2e/b/stdout.txt",
            "..%2fb%2fstdout.txt", "wd/etc/passwd", "wd//etc/passwd", "wd/./etc/passwd", "../b/stdout.txt",
        ] {
            let answer = try program.curl(["--path-as-is", "http://h/jobs/j/tasks/a/files/\(path)"])
            #expect(answer.hasPrefix(#"{"code":"#), "\(path): \(answer)")
        }
        // A task that puts a link in its own place, or in that of its node.
        let root = try #require(
            (try program.task("a")["nodeInfo"] as? [String: Any])?["taskDirectory"] as? String)
        let outside = program.directory.appending(path: "outside")
        try FileManager.default.createDirectory(at: outside, withIntermediateDirectories: true)
        try "secret".write(to: outside.appending(path: "stdout.txt"), atomically: true, encoding: .utf8)
        try FileManager.default.moveItem(atPath: root, toPath: root + ".moved")
        try FileManager.default.createSymbolicLink(atPath: root, withDestinationPath: outside.path)
        #expect(try !program.curl(["http://h/jobs/j/tasks/a/files/stdout.txt"]).contains("secret"))
        #expect(try !program.curl(["http://h/jobs/j/tasks/a/files"]).contains("stdout.txt"))
        let node = program.home.appending(path: "nodes/p/node-1").path
        try FileManager.default.moveItem(atPath: node, toPath: node + ".moved")
        try FileManager.default.createSymbolicLink(atPath: node, withDestinationPath: outside.path)
        #expect(try !program.curl(["http://h/pools/p/nodes/node-1/files/stdout.txt"]).contains("secret"))
        try FileManager.default.removeItem(atPath: node)
        try FileManager.default.moveItem(atPath: node + ".moved", toPath: node)
    }

    @Test func aCrowdOfIdleConnectionsKeepsNobodyOut() throws {
        let program = try BuiltProgram()
        try program.run("pool", "list")
        let script = """
            import socket, sys, time, os
            os.chdir(sys.argv[1])
            held = []
            for n in range(300):
                s = socket.socket(socket.AF_UNIX); s.connect('service.sock'); held.append(s)
                if n % 3 == 0: s.send(b'GET /po')
            print('held', flush=True)
            time.sleep(300)
            """
        let crowd = Process()
        crowd.executableURL = URL(filePath: "/usr/bin/env")
        crowd.arguments = ["python3", "-c", script, program.home.path]
        let pipe = Pipe()
        crowd.standardOutput = pipe
        try crowd.run()
        // Its signals may be blocked, as those of the tests' threads are.
        defer { kill(crowd.processIdentifier, SIGKILL) }
        #expect(pipe.fileHandleForReading.availableData.starts(with: Data("held".utf8)))
        let list = try program.run("pool", "list")
        #expect(list.code == 0, "\(list.messages)")
    }
}
